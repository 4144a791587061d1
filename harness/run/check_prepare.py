"""What the checkouts' files are run with: fetched from npm once, into the harness's cache."""

from pathlib import Path
from typing import Final

from harness.checkout.served_modules import FIXTURE, PACKAGES
from harness.errors import UnavailableError
from harness.rule.npm import install_packages, package_folder

NAMES: Final = " and ".join(PACKAGES)
COMMAND: Final = "harness check --prepare"
UNPREPARED: Final = f"{NAMES} are not there to run it with: {COMMAND}"


def prepare() -> Path:
    """Fetches the packages unless they are there; returns their folder. Raises UnavailableError where npm cannot."""
    return install_packages(FIXTURE, refused=f"{NAMES} cannot be fetched")


def is_prepared() -> bool:
    """Whether they are there."""
    return package_folder(FIXTURE).is_dir()


def prepared_or_why() -> str:
    """Fetches them; why not, in one line, empty where they are there."""
    try:
        prepare()
    except UnavailableError as error:
        return f"{error}; what needs them is unknown until {COMMAND} has fetched them"
    return ""
