"""What came of each runner with each layout of the migration, by the catalogue: an exit code is not believed. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from harness.database.schema_state import SchemaState, SchemaStatus
from harness.rehearsal.layouts import Layout


class Way(StrEnum):
    """Who applies the files of a layout."""

    STATEMENTS = "statements"  # each by itself, in autocommit
    PSQL = "psql"  # the program of that name
    FILE_TRANSACTION = "file transaction"  # BEGIN, the statements of a file, COMMIT
    SIMPLE_QUERY = "simple query"  # a whole file in one message
    DRIZZLE_LIKE = "drizzle-like"  # one transaction over all pending files, by journal
    DRIZZLE = "drizzle"  # drizzle-orm's own migrator


class RunOutcome(StrEnum):
    """What came of a run, by the catalogue."""

    APPLIED = "applied"
    REFUSED = "refused"  # with nothing changed
    SILENT = "silent no-op"  # success reported, nothing done, the index still not there
    HALF_DONE = "half done"
    SETTLED = "nothing to do"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a runner over a layout."""

    before: SchemaStatus
    after: SchemaStatus
    sqlstate: str | None
    """None when the runner reported success; '' when it failed with no SQLSTATE."""
    message: str
    recorded: tuple[tuple[str, int], ...]
    """What drizzle's table of migrations holds afterwards: hash and time."""

    @property
    def outcome(self) -> RunOutcome:
        """What it did, whatever the runner says."""
        if self.after != self.before:
            done = self.sqlstate is None and self.after is SchemaState.READY
            return RunOutcome.APPLIED if done else RunOutcome.HALF_DONE
        if self.sqlstate is not None:
            return RunOutcome.REFUSED
        return RunOutcome.SETTLED if self.after is SchemaState.READY else RunOutcome.SILENT

    def __str__(self) -> str:
        """The outcome with its SQLSTATE, and the state it leaves when that is neither end."""
        line = str(self.outcome)
        if self.sqlstate is not None:
            line += f" {self.sqlstate or 'without SQLSTATE'}"
        return f"{line}, {self.after}" if self.outcome is RunOutcome.HALF_DONE else line


@dataclass(frozen=True, slots=True)
class Cell:
    """A layout under a runner, run once or twice; or the reason why it was not."""

    layout: Layout
    way: Way
    first: Attempt | None = None
    second: Attempt | None = None
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """All cells, layout by layout, and the version of the real migrator ('' when it is missing)."""

    cells: tuple[Cell, ...]
    drizzle: str

    def cell(self, layout: str, way: Way) -> Cell:
        """The cell of a layout's name. Raises KeyError for an unknown one."""
        for cell in self.cells:
            if cell.layout.name == layout and cell.way is way:
                return cell
        raise KeyError(f"no cell of layout {layout!r} under {way}")

    def disagreements(self) -> tuple[str, ...]:
        """Layouts in which our drizzle-like runner does not do what the real migrator does; none when it is missing."""
        return tuple(
            cell.layout.name
            for cell in self.cells
            if cell.way is Way.DRIZZLE and not cell.skipped and not _agree(cell, self)
        )


def _agree(real: Cell, matrix: Matrix) -> bool:
    like = matrix.cell(real.layout.name, Way.DRIZZLE_LIKE)
    return (real.first, real.second) == (like.first, like.second)
