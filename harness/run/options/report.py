"""What `harness report` may be asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from harness.run.options.definition import Argument, Option
from harness.run.options.shared import JsonOption, RolloutOption


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The stored report."""

    file: Annotated[Path, Argument(stdin=True)]


@dataclass(frozen=True, slots=True)
class ReportDiffOptions:
    """The two stored reports, and where their differences are written, too."""

    old: Annotated[Path, Argument()]
    new: Annotated[Path, Argument()]
    html: Annotated[
        Path | None, Option("Write the differences as one page that needs no network.", metavar="FILE")
    ] = None
    json_output: JsonOption = False


@dataclass(frozen=True, slots=True)
class ReportMergeOptions:
    """The stored reports of all shards."""

    files: Annotated[tuple[Path, ...], Argument()]
    rollout: RolloutOption = None
