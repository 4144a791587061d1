"""What a migration made of a database and of the writers beside it, as it was seen. Pure."""

from dataclasses import dataclass, field

from harness.database.declaration import Column, Index, SchemaDifference
from harness.database.schema_state import SchemaStatus
from harness.rehearsal.lock_modes import ObservedLocks
from harness.rehearsal.measurements import Sample


@dataclass(frozen=True, slots=True)
class TableChange:
    """One table before and after: its rows, a digest of its old columns, and the file that holds it."""

    name: str
    columns: int
    """That were there before."""
    rows_before: int
    rows_after: int
    digest_before: str
    digest_after: str
    file_before: int | None
    file_after: int | None


@dataclass(frozen=True, slots=True)
class AppliedSteps:
    """What the steps of a rollout made of a filled database, and what was left when they were taken back."""

    refused: str
    """By what a step was refused; empty when none was."""
    tables: tuple[TableChange, ...]
    declared: Column
    difference: SchemaDifference[Column] | None
    """How the column differs from what is declared; None where it equals it."""
    row_bytes_before: int
    row_bytes_after: int
    """Of one row without a value, behind its header, which has a bit for each column."""
    taken_back: bool
    """Whether every step has a file that takes it back, and they were run."""
    left: tuple[str, ...]
    """What differs then from the schema as it was."""
    tables_left: tuple[TableChange, ...]

    @property
    def rows(self) -> int:
        """Rows that were there before the first step."""
        return sum(table.rows_before for table in self.tables)


@dataclass(frozen=True, slots=True)
class ServedWriters:
    """What writers of both builds saw while the steps of a rollout were applied."""

    refused: str
    """By what a step was refused; empty when none was."""
    writes: tuple[Sample, ...]
    accepted: int
    kept: int
    """Writes of which all rows are there at the end."""


@dataclass(frozen=True, slots=True)
class RowSizes:
    """Bytes of a metadata row that copies one which was there, and of the index for a row."""

    before: int
    without_value: int
    with_longest: int
    index_without_value: float
    index_with_longest: float


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """What follows from the column where it is there."""

    sizes: RowSizes | str
    """Or why a row could not be stored."""
    valued_rows: int
    """Rows that held a value when the planner was asked."""
    look_up_indexes: tuple[str, ...]
    """What the planner finds a value by."""


@dataclass(frozen=True, slots=True)
class MigratedSchema:
    """A filled database after a migration, each of its statements sent by itself."""

    migration: str
    refused: str
    """The first refusal, in one line; empty when there was none."""
    tables: tuple[TableChange, ...]
    column: SchemaDifference[Column] | None
    index: SchemaDifference[Index] | None
    use: ColumnUse | None
    """None without the column."""

    @property
    def rows(self) -> int:
        """Rows of the metadata table before."""
        return self.tables[-1].rows_before


@dataclass(frozen=True, slots=True)
class BuildLocks:
    """What each statement that builds an index was seen to lock; with `unknown` it was not seen, and why."""

    migration: str
    observed: tuple[ObservedLocks, ...] = ()
    unknown: str = ""


@dataclass(slots=True)
class MigratedTraffic:
    """What writers saw of a migration and, where that ended in state `ready`, of its rollback."""

    migration: str
    writes: tuple[Sample, ...] = ()
    rollback_writes: tuple[Sample, ...] = ()
    accepted: int = 0
    kept: int = 0
    """Writes of which both rows are there at the end."""
    state: SchemaStatus | None = None
    """Where the migration ended."""
    rollback_errors: list[str] = field(default_factory=list)
    view_refused: str | None = None
    """What the view that reads the column was refused with; None when it was made before the rollback."""
    is_as_before: bool = True
    """Whether the rollback left columns, indexes and the view as they were before the migration."""
