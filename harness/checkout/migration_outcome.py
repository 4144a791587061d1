"""What became of a checkout's migrations on a database, and what its journal lacks. Pure."""

from dataclasses import dataclass

from harness.database.declaration import Column, DifferenceKind, Index, SchemaDifference


@dataclass(frozen=True, slots=True)
class MigrationOutcome:
    """What became of one database."""

    start: str
    refused: str = ""
    """SQLSTATE and message of the statement that was refused."""
    file: str = ""
    """The file that it stands in; a refused file that is not the rollout's is no fault of it."""
    column: SchemaDifference[Column] | None = None
    index: SchemaDifference[Index] | None = None
    columns: tuple[Column, ...] = ()
    """What the table has; none where a statement was refused."""
    indexes: tuple[Index, ...] = ()

    @property
    def has_column(self) -> bool:
        """Whether the column is there as it is declared."""
        return not self.refused and self.column is None

    @property
    def has_another_index(self) -> bool:
        """Whether an index of the declared name is there that is another one."""
        return self.index is not None and self.index.kind is not DifferenceKind.MISSING


@dataclass(frozen=True, slots=True)
class JournalFault:
    """What is wrong with the journal or a snapshot."""

    file: str
    line: int
    what: str
    effect: str
    edit: str
