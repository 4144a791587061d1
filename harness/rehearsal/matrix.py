"""Every runner with every layout of the migration: what it claims, and what the catalogue says it did.

An exit code is not believed. Knows no traffic and no locks.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.database import catalog
from harness.database.drizzle import recorded, run_drizzle_like
from harness.database.runners import RUNNERS, Run, Runner, connect
from harness.database.schema_state import SchemaState, SchemaStatus
from harness.database.scripts import StatementFailed
from harness.database.server import Server
from harness.database.transactions import run_file_transaction, run_simple_query
from harness.errors import UnavailableError
from harness.rehearsal.drizzle import Migrator, migrator
from harness.rehearsal.held import old_snapshot
from harness.rehearsal.layouts import BASELINE_FOLDER, LAYOUTS, Layout


class Way(StrEnum):
    """Who applies the files of a layout."""

    STATEMENTS = "statements"  # each by itself, in autocommit
    PSQL = "psql"  # the program of that name
    FILE_TRANSACTION = "file transaction"  # BEGIN, the statements of a file, COMMIT
    SIMPLE_QUERY = "simple query"  # a whole file in one message
    DRIZZLE_LIKE = "drizzle-like"  # one transaction over all pending files, by journal
    DRIZZLE = "drizzle"  # drizzle-orm's own migrator


FILE_WAYS: Final[dict[Way, Run]] = {
    Way.STATEMENTS: RUNNERS[Runner.STATEMENTS],
    Way.PSQL: RUNNERS[Runner.PSQL],
    Way.FILE_TRANSACTION: run_file_transaction,
    Way.SIMPLE_QUERY: run_simple_query,
}
"""Those that know no journal and apply every file they are given, each time."""


class Outcome(StrEnum):
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
    def outcome(self) -> Outcome:
        """What it did, whatever the runner says."""
        if self.after != self.before:
            done = self.sqlstate is None and self.after is SchemaState.READY
            return Outcome.APPLIED if done else Outcome.HALF_DONE
        if self.sqlstate is not None:
            return Outcome.REFUSED
        return Outcome.SETTLED if self.after is SchemaState.READY else Outcome.SILENT

    @property
    def words(self) -> str:
        """The outcome with its SQLSTATE, and the state it leaves when that is neither end."""
        words = str(self.outcome)
        if self.sqlstate is not None:
            words += f" {self.sqlstate or 'without SQLSTATE'}"
        return f"{words}, {self.after}" if self.outcome is Outcome.HALF_DONE else words


@dataclass(frozen=True, slots=True)
class Cell:
    """A layout under a runner, run once or twice; or the reason why it was not."""

    layout: Layout
    way: Way
    first: Attempt | None = None
    again: Attempt | None = None
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
            one.layout.name
            for one in self.cells
            if one.way is Way.DRIZZLE and not one.skipped and not _agree(one, self)
        )


def _agree(real: Cell, matrix: Matrix) -> bool:
    like = matrix.cell(real.layout.name, Way.DRIZZLE_LIKE)
    return (real.first, real.again) == (like.first, like.again)


def run_matrix(
    server: Server,
    layouts: Sequence[Layout] = LAYOUTS,
    ways: Sequence[Way] = tuple(Way),
    busy: Callable[[str], object] = lambda _: None,
    *,
    again: bool = True,
) -> Matrix:
    """Runs every layout under every runner, each on a database of its own that stands where the rollout begins.

    A runner that is not to be had here is skipped with its reason. Without `again` each runs only once.
    """
    cells: list[Cell] = []
    with ExitStack() as stack:
        template = server.create_database()
        stack.callback(server.drop_database, template)
        run_drizzle_like(server.dsn(template), BASELINE_FOLDER)
        real, missing = _real(stack) if Way.DRIZZLE in ways else (None, "")
        for layout in layouts:
            for way in ways:
                busy(f"{layout.name}, {way}")
                cells.append(_run_cell(server, template, layout, way, real, missing, again=again))
    return Matrix(tuple(cells), real.version if real else "")


def _real(stack: ExitStack) -> tuple[Migrator | None, str]:
    try:
        return stack.enter_context(migrator()), ""
    except UnavailableError as error:
        return None, str(error)


def _run_cell(
    server: Server,
    template: str,
    layout: Layout,
    way: Way,
    real: Migrator | None,
    missing: str,
    *,
    again: bool,
) -> Cell:
    if way is Way.DRIZZLE and real is None:
        return Cell(layout, way, skipped=missing)
    with server.database(template) as dsn:
        try:
            with old_snapshot(dsn) if layout.old_snapshot else nullcontext():
                first = _attempt(dsn, layout, way, real, SchemaState.BASE, by_hand=True)
            second = _attempt(dsn, layout, way, real, first.after, by_hand=False) if again else None
        except UnavailableError as error:
            return Cell(layout, way, skipped=str(error))
    return Cell(layout, way, first, second)


def _attempt(
    dsn: str, layout: Layout, way: Way, real: Migrator | None, before: SchemaStatus, *, by_hand: bool
) -> Attempt:
    sqlstate, message = _send(dsn, layout, way, real)
    if by_hand and sqlstate is None:
        RUNNERS[Runner.STATEMENTS](dsn, layout.out_of_band, lambda _: None)
    with connect(dsn) as connection:
        return Attempt(
            before, catalog.schema_state(connection), sqlstate, message, tuple(recorded(connection))
        )


def _send(dsn: str, layout: Layout, way: Way, real: Migrator | None) -> tuple[str | None, str]:
    try:
        if way is Way.DRIZZLE:
            assert real is not None
            refusal = real.run(dsn, layout.folder)
            return (None, "") if refusal is None else (refusal.sqlstate, refusal.message)
        if way is Way.DRIZZLE_LIKE:
            run_drizzle_like(dsn, layout.folder)
        else:
            FILE_WAYS[way](dsn, layout.files, lambda _: None)
    except StatementFailed as failed:
        return failed.sqlstate, failed.message
    return None, ""
