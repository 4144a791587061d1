"""The plugin's options: on the command line and as ini keys, refused before anything runs where they do not fit."""

import os
from pathlib import Path
from typing import Any, Final

import pytest

LEVELS: Final = ("smoke", "standard", "exhaustive")
PARAMETERS: Final = ("model", "email")
"""What --rollout-set may name of the plan's own rollout; of another its file says it."""
_OPTIONS: Final = {
    "level": "how much the gate sends: smoke (default), standard or exhaustive",
    "postgres": "Postgres of the fixtures: embedded (default), embedded:18, docker, docker:IMAGE, or a DSN",
    "target": "URL of your own backend, for rollout_backend and rollout_gate; without it the reference is started",
    "database-url": "database of that backend",
    "build": "build of the reference, or what is expected of the target: before or after (default)",
}
"""Options `--rollout-NAME` and their help; each is an ini key `rollout_name`, too."""
_REPEATED: Final = {
    "set": (
        "NAME=VALUE",
        "a parameter of the target: model, email, or what the rollout's file names; secrets from the environment: "
        "HARNESS_AUTH_TOKEN",
    ),
    "request-header": (
        "'NAME: VALUE'",
        "sent with every request to the target; the value is printed nowhere",
    ),
    "waive": ("CLAIM=REASON", "go on although this claim is unknown: its test is skipped with the reason"),
}
"""Options that may be repeated, with their values; as ini keys, one value a line."""
_PLANS_OWN: Final = "stages are the plan's own rollout's so far; leave --rollout out"


def add_options(parser: pytest.Parser) -> None:
    """Adds `--rollout-NAME` and `rollout_name`."""
    group = parser.getgroup("rollout", "the rollout that is judged (rollout-harness)")
    for name, text in _OPTIONS.items():
        group.addoption(f"--rollout-{name}", default=None, metavar=name.upper(), help=text)
        parser.addini(key(name), text, default="")
    group.addoption(
        "--rollout", default=None, metavar="DIR", help="folder of the rollout; by default the plan's"
    )
    parser.addini("rollout", "folder of the rollout", default="")
    for name, (metavar, text) in _REPEATED.items():
        group.addoption(f"--rollout-{name}", action="append", default=None, metavar=metavar, help=text)
        parser.addini(key(name), text, "linelist")
    group.addoption(
        "--rollout-claims",
        action="store_true",
        help="collect the rollout's claims, one test each; no other test unless one is named",
    )


def refuse_misuse(config: pytest.Config) -> None:
    """Raises pytest.UsageError for options that do not fit."""
    level = given(config, "level")
    if level and level not in LEVELS:
        raise pytest.UsageError(f"--rollout-level {level!r} is none of {', '.join(LEVELS)}")
    if given(config, "target") and not given(config, "database-url"):
        raise pytest.UsageError("--rollout-target needs --rollout-database-url: the rows are what is judged")
    pairs(config, "waive")
    if is_another(config):
        if given(config, "target"):
            _refuse_other_parameters(config)
        return
    for name in pairs(config, "set"):
        if name == "token":
            raise pytest.UsageError(
                "--rollout-set token=...: give a secret as HARNESS_AUTH_TOKEN in the environment"
            )
        if name not in PARAMETERS:
            raise pytest.UsageError(f"--rollout-set {name}=...: no such parameter; {' or '.join(PARAMETERS)}")
    if given(config, "target") and "model" not in pairs(config, "set"):
        raise pytest.UsageError(
            "--rollout-target needs --rollout-set model=ID: one that it serves without an account"
        )


def _refuse_other_parameters(config: pytest.Config) -> None:
    """Raises pytest.UsageError for another rollout's folder, or for values of its parameters, that are none."""
    from harness.errors import UsageError
    from harness.run.under_test import under_test

    try:
        under_test(Path(folder(config)), "strict", settings(config), {})
    except UsageError as error:
        raise pytest.UsageError(str(error).replace("--set", "--rollout-set")) from None


def settings(config: pytest.Config) -> tuple[str, ...]:
    """Parameters of another rollout, as the gate takes them."""
    return tuple(f"{name}={value}" for name, value in pairs(config, "set").items())


def folder(config: pytest.Config) -> str:
    """Folder of the rollout that is named, or nothing."""
    option = config.getoption("--rollout")
    return str(
        option if option is not None else config.getini("rollout") or os.environ.get("HARNESS_ROLLOUT", "")
    )


def is_another(config: pytest.Config) -> bool:
    """Whether another rollout than the plan's own is named."""
    if not folder(config):
        return False
    from harness.rollout import default_folder

    return Path(folder(config)).resolve() != default_folder().resolve()


def refuse_another(config: pytest.Config) -> None:
    """Fails what is the plan's own rollout alone where another is named."""
    if is_another(config):
        pytest.fail(f"--rollout {folder(config)}: {_PLANS_OWN}")


def given(config: pytest.Config, name: str) -> str:
    """What the command line says, else the ini file, else nothing."""
    option = config.getoption(f"--rollout-{name}")
    return str(option if option is not None else config.getini(key(name)))


def lines(config: pytest.Config, name: str) -> tuple[str, ...]:
    """What the command line says, else the ini file."""
    option = config.getoption(f"--rollout-{name}")
    return tuple(option if option is not None else config.getini(key(name)))


def pairs(config: pytest.Config, name: str) -> dict[str, str]:
    """Values by name. Raises UsageError for what is no NAME=VALUE, without quoting it."""
    parted = [line.partition("=") for line in lines(config, name)]
    if not all(parameter and equals for parameter, equals, _ in parted):
        raise pytest.UsageError(f"--rollout-{name} takes {_REPEATED[name][0]}")
    return {parameter: value for parameter, _, value in parted}


def gate_options(config: pytest.Config) -> dict[str, Any]:
    """Options of the gate, as `harness.gate` takes them."""
    parameters = pairs(config, "set")
    own: dict[str, Any] = {"free_model": parameters.get("model", "")}
    if is_another(config):
        own = {"rollout": folder(config), "parameters": parameters}
    return {
        **own,
        "level": given(config, "level") or LEVELS[0],
        "build": "before" if given(config, "build") == "before" else "after",
        "token": os.environ.get("HARNESS_AUTH_TOKEN"),
        "email": parameters.get("email") or os.environ.get("HARNESS_AUTH_EMAIL"),
        "request_headers": lines(config, "request-header"),
        "waive": pairs(config, "waive"),
    }


def key(name: str) -> str:
    """The ini key of an option."""
    return f"rollout_{name.replace('-', '_')}"
