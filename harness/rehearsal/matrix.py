"""Every runner with every layout of the migration: what it claims, and what the catalogue says it did.

An exit code is not believed.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
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
from harness.rehearsal.runner_results import Attempt, Cell, Matrix, Way

FILE_WAYS: Final[dict[Way, Run]] = {
    Way.STATEMENTS: RUNNERS[Runner.STATEMENTS],
    Way.PSQL: RUNNERS[Runner.PSQL],
    Way.FILE_TRANSACTION: run_file_transaction,
    Way.SIMPLE_QUERY: run_simple_query,
}
"""Those that know no journal and apply every file they are given, each time."""


def run_matrix(
    server: Server,
    layouts: Sequence[Layout] = LAYOUTS,
    ways: Sequence[Way] = tuple(Way),
    on_progress: Callable[[str], object] = lambda _: None,
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
                on_progress(f"{layout.name}, {way}")
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
