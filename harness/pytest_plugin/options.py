"""The plugin's options: on the command line and as ini keys, refused before anything runs where they do not fit."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from harness.rollout import Rollout

LEVELS: Final = ("smoke", "standard", "exhaustive")
BUILDS: Final = ("before", "after")
_OPTIONS: Final = {
    "level": "how much the gate sends: smoke (default), standard or exhaustive",
    "postgres": "Postgres of the fixtures: embedded (default), embedded:18, docker, docker:IMAGE, or a DSN",
    "target": "URL of your own backend, for rollout_backend and rollout_gate; without it the reference is started",
    "database-url": "database of that backend",
    "json": "file that the report of --rollout-claims is written to, as harness prove --json writes it",
    "build": "build of the reference, or what is expected of the target: before or after (default)",
}
"""Options `--rollout-NAME` and their help; each is an ini key `rollout_name`, too."""
_REPEATED: Final = {
    "set": (
        "NAME=VALUE",
        "a parameter of the rollout's requests, for the target; a secret is read from its variable alone",
    ),
    "request-header": (
        "'NAME: VALUE'",
        "sent with every request to the target; the value is printed nowhere",
    ),
    "waive": ("CLAIM=REASON", "go on although this claim is unknown: its test is skipped with the reason"),
}
"""Options that may be repeated, with their values; as ini keys, one value a line."""


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
    if (
        config.getoption("--rollout-waive")
        and config.getoption("--rollout-claims")
        and not given(config, "target")
    ):
        raise pytest.UsageError("--rollout-waive needs --rollout-target: no claim of the reference is waived")
    if folder(config) or pairs(config, "set") or given(config, "target"):
        _refuse_parameters(config)
    named = ("postgres", "build", "json")
    if lines(config, "request-header") or any(given(config, name) for name in named):
        _refuse_values(config)


def _refuse_parameters(config: pytest.Config) -> None:
    from harness.errors import UsageError
    from harness.rollout import load_rollout
    from harness.run.under_test import lacking, parameters_of

    values = pairs(config, "set")
    try:
        rollout = named_rollout(config) or load_rollout()
        declared = rollout.tables.parameter
        for name in values:
            if name not in declared:
                known = ", ".join(name for name, table in declared.items() if not table.secret) or "none"
                raise UsageError(f"--rollout-set {name}=...: no such parameter; there are {known}")
            if declared[name].secret:
                variable = declared[name].env or "a variable, which the rollout's file names as env"
                raise UsageError(f"--rollout-set {name}=...: give a secret as {variable} in the environment")
        missing = next(lacking(rollout, parameters_of(rollout, (), values)), None)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    if given(config, "target") and missing:
        about = f": {declared[missing].help}" if declared[missing].help else ""
        raise pytest.UsageError(f"--rollout-target needs --rollout-set {missing}=VALUE{about}")


def _refuse_values(config: pytest.Config) -> None:
    from harness.backend.rollout_builds import rollout_build
    from harness.database.server import check_choice
    from harness.errors import UsageError
    from harness.rollout import load_rollout
    from harness.run.options.shared import check_writable, given_headers

    build, target = given(config, "build"), given(config, "target")
    if target and build not in ("", *BUILDS):
        raise pytest.UsageError(
            f"--rollout-build {build!r} is none of {', '.join(BUILDS)}, which a target may be"
        )
    try:
        check_choice(given(config, "postgres") or "embedded")
        if build and not target:
            rollout_build(named_rollout(config) or load_rollout(), build)
        given_headers(lines(config, "request-header"))
        if config.getoption("--rollout-claims") and given(config, "json"):
            check_writable([Path(given(config, "json"))])
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def folder(config: pytest.Config) -> str:
    """Folder of the rollout that is named, or nothing."""
    option = config.getoption("--rollout")
    return str(
        option if option is not None else config.getini("rollout") or os.environ.get("HARNESS_ROLLOUT", "")
    )


def named_rollout(config: pytest.Config) -> "Rollout | None":
    """The rollout that is named, read and typed, or None for the plan's. Raises UsageError for a mistake in it."""
    from harness.rollout import load_rollout

    return load_rollout(Path(folder(config))) if folder(config) else None


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
    return {
        "rollout": named_rollout(config),
        "parameters": pairs(config, "set"),
        "level": given(config, "level") or LEVELS[0],
        "build": "before" if given(config, "build") == "before" else "after",
        "request_headers": lines(config, "request-header"),
        "waive": pairs(config, "waive"),
    }


def key(name: str) -> str:
    """The ini key of an option."""
    return f"rollout_{name.replace('-', '_')}"
