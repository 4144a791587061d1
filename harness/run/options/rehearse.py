"""What `harness rehearse` may be asked for."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from harness.errors import UsageError
from harness.run.options.definition import FolderOption, Option, PlaceValue, Range
from harness.run.options.shared import REPORT, PostgresOption, RolloutOption, SessionPoolerOption

JUDGED: Final = "max-stall-ms"
"""In a report's scope: stalls were held to a budget."""
OWN_MIGRATION: Final = "own migration"
STEPS: Final = "steps of a rollout"
"""In a report's scope: what was rehearsed, where it was not the plan's migration."""


class RehearsalPart(StrEnum):
    """What can be rehearsed by itself."""

    MATRIX = "matrix"
    LOCKS = "locks"
    FAILURES = "traps"  # the value is what users and stored reports have
    STALLS = "stalls"
    CLAIMS = "claims"


OWN: Final = "A migration of your own"
OWN_PARTS: Final = frozenset({RehearsalPart.LOCKS, RehearsalPart.STALLS})
"""What is rehearsed of a migration of one's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOptions:
    """What a migration of one's own runs on."""

    schema: Annotated[
        Path | None,
        Option(
            "The schema that the migration finds: what pg_dump --schema-only writes. Example: --schema schema.sql",
            metavar="FILE",
            group=OWN,
        ),
    ] = None
    database_url: Annotated[
        str | None,
        Option(
            "The live database whose schema is copied; nothing is changed in it. Example: "
            "postgresql://me@db.example.com/shop",
            metavar="DSN",
            variable="HARNESS_DATABASE_URL",
            group=OWN,
        ),
        PlaceValue(),
    ] = None
    copy_schema: Annotated[
        bool,
        Option(
            "Copy the schema of --database-url by pg_dump, in one read-only transaction: the catalogue, no row.",
            group=OWN,
        ),
    ] = False
    statistics: Annotated[
        str | None,
        Option(
            "Make rows as these statistics say (different values, NULLs, widths, sizes of tables): of a live database, "
            "or a file of pg_dump --statistics-only, version 18. No value is read. Example: --statistics stats.sql",
            metavar="DSN|FILE",
            group=OWN,
        ),
        PlaceValue(),
    ] = None
    after: Annotated[
        str,
        Option(
            "Of a folder, send the files behind this one: those before it are in the schema. Example: --after "
            "0041_orders.sql",
            metavar="NAME",
            group=OWN,
        ),
    ] = ""
    writers: Annotated[
        tuple[Path, ...],
        Option(
            "What the application writes, a file of SQL, sent in one transaction; $1 is a number that differs each "
            "time. May be repeated: sent in turn. Default: INSERT and UPDATE of the tables that the migration locks. "
            "Example: --writer order.sql",
            name="--writer",
            metavar="FILE",
            group=OWN,
        ),
    ] = ()
    readers: Annotated[
        tuple[Path, ...],
        Option(
            "What it reads, in the same way. Default: SELECT by key. Example: --reader cart.sql",
            name="--reader",
            metavar="FILE",
            group=OWN,
        ),
    ] = ()
    remedy: Annotated[
        Path | None,
        Option(
            "Write the migration into this folder as it holds writers up least: concurrent builds, of a partitioned "
            "table one for each part. Example: --remedy better",
            metavar="DIR",
            group=OWN,
        ),
        FolderOption(),
    ] = None

    @property
    def given(self) -> tuple[str, ...]:
        """The options that were given, but for what the environment may name."""
        named = {
            "--schema": self.schema,
            "--copy-schema": self.copy_schema,
            "--statistics": self.statistics,
            "--after": self.after,
            "--writer": self.writers,
            "--reader": self.readers,
            "--remedy": self.remedy,
        }
        return tuple(name for name, value in named.items() if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearseOptions:
    """What the user asked for."""

    rows: Annotated[
        int,
        Option("Rows of the table that is migrated, of several the biggest; a million takes some 400 MB."),
        Range(),
    ] = 200_000
    parts: Annotated[
        frozenset[RehearsalPart],
        Option(
            "Rehearse only this; may be given several times. Default: all; of another rollout than the default one "
            "all but matrix; traps need a step that builds an index concurrently and has a recovery. Example: --part "
            "matrix",
            name="--part",
        ),
    ] = frozenset(RehearsalPart)
    migration: Annotated[
        str,
        Option(
            "The migration to judge: the rollout's own steps (corrected), another harmless layout, or a defect of "
            "sql/defects, each statement sent by itself; or a file or folder of your own, sent as its tool sends it, "
            "with --schema or --copy-schema. Example: --migration migrations/0042_orders.sql",
            metavar="NAME|FILE|DIR",
        ),
    ] = "corrected"
    max_stall_ms: Annotated[
        float | None,
        Option(
            "The longest that a write may be held up, in milliseconds; without it stalls are measured, not judged, "
            "and --part stalls alone ends in 3, but for a migration of your own. Example: --max-stall-ms 100",
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
    own: OwnOptions = field(default_factory=OwnOptions)
    rollout: RolloutOption = None
    command: str = "harness rehearse"

    def check_nothing_own(self) -> None:
        """Raises UsageError where an option is given that goes with a migration of one's own, or another rollout."""
        if self.own.given:
            raise UsageError(
                f"{self.own.given[0]} is for a migration of your own, and {self.migration!r} is one of the "
                "harness's; name a file or folder by --migration"
            )

    @property
    def own_path(self) -> Path | None:
        """The file or folder of a migration of one's own; None for one that the harness knows.

        Raises UsageError where the options do not fit together.
        """
        path = Path(self.migration)
        is_own = path.exists() or path.suffix == ".sql" or len(path.parts) > 1
        if not is_own:
            return None
        if not path.exists():
            raise UsageError(f"no migration {path}; name a file or a folder that is there")
        if self.own.copy_schema and self.own.schema is not None:
            raise UsageError("two schemas: --schema and --copy-schema; leave one out")
        if self.own.copy_schema and self.own.database_url is None:
            raise UsageError(
                "--copy-schema needs the database whose schema is copied; add --database-url DSN"
            )
        if self.own.schema is None and not self.own.copy_schema:
            raise UsageError(
                f"{path} needs the schema that it finds; add --schema FILE (what pg_dump --schema-only writes), or "
                "--database-url DSN --copy-schema"
            )
        if not self.parts & OWN_PARTS:
            raise UsageError(
                "a migration of your own is rehearsed by --part locks and --part stalls; name one of them"
            )
        return path
