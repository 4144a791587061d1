"""Options that several commands have, and where a report is written."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from harness.errors import UsageError
from harness.rule.level import EXTRA_STATES_MAX, Level
from harness.run.options.definition import Choices, FolderOption, HeaderLines, Option, PlaceValue, Range

if TYPE_CHECKING:
    from harness.clients.extra_headers import ExtraHeaders

TARGET: Final = "Target"
LIMITS: Final = "Limits"
REPORT: Final = "Report"
SUMMARY_VARIABLE: Final = "GITHUB_STEP_SUMMARY"
"""Names a file; what is appended to it is shown on the page of the job."""

PostgresOption = Annotated[
    str,
    Option(
        "Postgres to use: embedded (16), embedded:18, docker, docker:IMAGE, or a postgresql:// URL whose role may "
        "create databases. Example: --postgres docker:postgres:16",
        metavar="SERVER",
        variable="HARNESS_POSTGRES",
    ),
    PlaceValue(),
]
SessionPoolerOption = Annotated[
    bool, Option("Go on through a pooler in session mode. One in transaction mode is always refused.")
]
RolloutOption = Annotated[
    Path | None,
    Option(
        "The folder of a rollout, with its rollout.toml; the plan's own where none is named. Example: --rollout "
        "rollouts/order-origin",
        metavar="DIR",
        variable="HARNESS_ROLLOUT",
    ),
    FolderOption(),
]
PolicyOption = Annotated[
    str, Option("The header rule: the plan's, or its later revision."), Choices(("strict", "length-only"))
]
ChecksOption = Annotated[
    tuple[Path, ...],
    Option(
        "A Python file with claims of your own, each a function under @harness.check; may be repeated. Example: "
        "--checks our_claims.py",
        name="--checks",
        metavar="FILE",
    ),
]
SeedOption = Annotated[
    int, Option("Seed of everything random; the same seed repeats a run."), Range(0, 2**64 - 1)
]
JsonOption = Annotated[
    bool,
    Option(
        "Print one JSON document instead, for a machine; docs/reference/json.md has its shape.", name="--json"
    ),
]
LevelOption = Annotated[Level, Option("How much is sent.")]
SettingsOption = Annotated[
    tuple[str, ...],
    Option(
        "Give a parameter of the rollout's file a value, or that of a file with NAME=@FILE, as a secret must be given; "
        "may be repeated. harness rollout show lists the parameters. Example: --set model=vendor/model:free",
        name="--set",
        metavar="NAME=VALUE|@FILE",
        group=TARGET,
    ),
]
ShardOption = Annotated[
    str,
    Option(
        "Send this part of the header rule's suite; the first also judges what is no part of it. harness report merge "
        "makes one verdict of all. Example: --shard 2/5",
        metavar="K/N",
    ),
    PlaceValue(),
]
ExtraStatesOption = Annotated[
    int,
    Option(
        "Send the complete suite for implementations with so many states more than the rule needs: for each one some "
        "hundred times as many headers, so that it wants --shard. At exhaustive alone. Example: --level exhaustive "
        "--extra-states 1 --shard 1/134",
        metavar="N",
    ),
    Range(0, EXTRA_STATES_MAX),
]
RequestHeadersOption = Annotated[
    tuple[str, ...],
    Option(
        "Send this with every request, for a site that is protected; may be repeated, in the environment one a line. "
        "The value is printed and stored nowhere. Example: --request-header 'x-vercel-protection-bypass: ...'",
        name="--request-header",
        metavar="'NAME: VALUE'",
        variable="HARNESS_REQUEST_HEADERS",
        group=TARGET,
        secret=True,
    ),
    HeaderLines(),
]
TargetDatabaseOption = Annotated[
    str,
    Option(
        "The target's database. Example: postgresql://reader@db.example.com/backend",
        name="--database-url",
        metavar="DSN",
        variable="HARNESS_DATABASE_URL",
        group=TARGET,
    ),
    PlaceValue(),
]
AllowHostOption = Annotated[
    tuple[str, ...],
    Option(
        "Send to this host, which is not this machine, without asking; may be repeated. Needed where nobody can be "
        "asked. Example: --allow-host staging.example.com",
        name="--allow-host",
        metavar="HOST",
        group=TARGET,
    ),
]


@lru_cache(maxsize=16)
def given_headers(lines: tuple[str, ...]) -> "ExtraHeaders":
    """What goes with every request, from `NAME: VALUE`. Raises UsageError, which never quotes a value."""
    from harness.clients.extra_headers import ExtraHeaders

    return ExtraHeaders.read(lines)


def check_writable(files: Iterable[Path]) -> None:
    """Raises UsageError for a file that could not be written: before the work rather than after it."""
    for file in files:
        if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
            raise UsageError(
                f"cannot write {file}: it is a folder, or its folder is missing or not writable; "
                "create that, or name another file"
            )


def _file(name: str, example: str, words: str) -> Option:
    return Option(f"{words} Example: {name} {example}", metavar="FILE", group=REPORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderings:
    """Which files a report is written to, by format; of what was read from a JSON file all others."""

    json: Path | None = None
    html: Annotated[
        Path | None, _file("--html", "report.html", "Write the report as one page that needs no network.")
    ] = None
    markdown: Annotated[
        Path | None, _file("--markdown", "report.md", "Write the report as Markdown for a job summary.")
    ] = None
    junit: Annotated[
        Path | None, _file("--junit", "report.xml", "Write the claims as JUnit XML for a CI server.")
    ] = None
    label: Annotated[
        str,
        Option(
            "Words of your own that every report shows first. Example: --label 'release 4.141'", group=REPORT
        ),
    ] = ""
    """Blank leaves those that a report has."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that were asked for."""
        return tuple(file for file in (self.json, self.junit, self.markdown, self.html) if file is not None)

    def check(self) -> None:
        """Raises UsageError before the work rather than after it when a file could not be written."""
        check_writable(self.files)
        if len(set(self.files)) < len(self.files):
            raise UsageError("two formats cannot go to one file; name a file for each")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs(Renderings):
    """Which files a report is written to, by format."""

    json: Annotated[
        Path | None, _file("--json", "report.json", "Write the whole report as JSON (harness.report/1).")
    ] = None
