"""What `harness rehearse` may be asked for."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from harness.run.options.definition import Option, Range
from harness.run.options.shared import REPORT, PostgresOption, SessionPoolerOption

JUDGED: Final = "max-stall-ms"
"""In a report's scope: stalls were held to a budget."""


class RehearsalPart(StrEnum):
    """What can be rehearsed by itself."""

    MATRIX = "matrix"
    LOCKS = "locks"
    FAILURES = "traps"  # the value is what users and stored reports have
    STALLS = "stalls"
    CLAIMS = "claims"


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearseOptions:
    """What the user asked for."""

    rows: Annotated[
        int, Option("Rows of the table that is migrated; a million takes some 400 MB."), Range()
    ] = 200_000
    parts: Annotated[
        frozenset[RehearsalPart],
        Option(
            "Rehearse only this; may be given several times. Default: all. Example: --part matrix",
            name="--part",
        ),
    ] = frozenset(RehearsalPart)
    migration: Annotated[
        str,
        Option(
            "The migration to judge, each statement sent by itself: the rollout's own steps (corrected), another "
            "harmless layout, or a defect of sql/defects. Example: --migration plain-index",
            metavar="NAME",
        ),
    ] = "corrected"
    max_stall_ms: Annotated[
        float | None,
        Option(
            "The longest that a write may be held up, in milliseconds; without it stalls are measured, not judged, "
            "and --part stalls alone ends in 3. Example: --max-stall-ms 100",
            metavar="MS",
        ),
        Range(0, 1e6, above=True),
    ] = None
    compare: Annotated[
        bool, Option("Measure stalls of the other ways to migrate in the same run.", off="--no-compare")
    ] = True
    writes_per_s: Annotated[
        float,
        Option(
            "Writes per second while stalls are measured, on four connections.", name="--rate", metavar="N"
        ),
        Range(10, 2000),
    ] = 200.0
    quiet_s: float = 1.0
    """How long writers are watched before and after each migration."""
    postgres: PostgresOption = "embedded"
    session_pooler: SessionPoolerOption = False
    require_npm: Annotated[
        bool,
        Option(
            "Without the real drizzle migrator (npm) the result is inconclusive, not waived.",
            variable="HARNESS_REQUIRE_NPM",
        ),
    ] = False
    svg: Annotated[
        Path | None,
        Option(
            "Write the timeline of write latency as SVG. Example: --svg stalls.svg",
            metavar="FILE",
            group=REPORT,
        ),
    ] = None
    command: str = "harness rehearse"
