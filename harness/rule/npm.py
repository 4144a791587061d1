"""Packages of npm in the user's cache, installed from a lock file: once for a user and a lock file."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from harness.data import cache_path, fixture_path
from harness.errors import UnavailableError
from harness.rule.node import node_path

INSTALL_S_MAX: Final = 180.0
LOCKED: Final = ("package.json", "package-lock.json")
WITH_SYSTEM_CA: Final = {"NODE_USE_SYSTEM_CA": "1"}
"""Node from a wheel knows its own certificate authorities only, not those that this machine trusts."""


def package_folder(name: str, files: Sequence[str] = LOCKED) -> Path:
    """Where the packages lie that `fixtures/NAME/` locks, beside a copy of its files; it may not be there yet.

    The folder's own name is the files' hash, so another lock file never finds the packages of this one.
    """
    sources = [fixture_path(f"{name}/{file}").read_bytes() for file in files]
    return cache_path(name) / hashlib.sha256(b"\0".join(sources)).hexdigest()[:16]


def install_packages(name: str, files: Sequence[str] = LOCKED, refused: str = "") -> Path:
    """The folder of the packages, installed there if they were not yet.

    Raises UnavailableError, whose message begins with `refused`, when npm cannot fetch them.
    """
    folder, refused = package_folder(name, files), refused or "the packages cannot be installed"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise UnavailableError(f"{refused}: {error}; set XDG_CACHE_HOME to a folder of yours") from error
    try:
        for file in files:
            shutil.copyfile(fixture_path(f"{name}/{file}"), made / file)
        _npm_ci(made, refused)
        with suppress(OSError):  # another process was quicker, with the same
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _npm_ci(folder: Path, refused: str) -> None:
    """Source: npm, `npm ci`. No package's own script is run."""
    npm = node_path().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [
        str(node_path()),
        str(npm),
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]
    try:
        done = subprocess.run(
            [*command, "--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-timeout=30000"],
            cwd=folder, env=WITH_SYSTEM_CA | os.environ, capture_output=True, text=True, timeout=INSTALL_S_MAX,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{refused}: npm ci was not done after {INSTALL_S_MAX:.0f} s") from None
    except OSError as error:
        raise UnavailableError(f"{refused}: npm cannot start: {error}") from error
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        reason = " ".join(" ".join(errors[:2]).split()) or f"npm ci ended with code {done.returncode}"
        raise UnavailableError(f"{refused}: {reason}; npm must reach its registry once")
