"""What a DBA does after a build of the index that went wrong: the rollout's files of recovery, then the build again."""

from collections.abc import Callable

from harness.database import catalog
from harness.database.runners import connect, run_statements
from harness.database.schema_state import SchemaStatus
from harness.database.scripts import Script, StatementFailed
from harness.rehearsal.concurrent_build import PLAN_BUILD, ConcurrentBuild


def recover(
    dsn: str, on_progress: Callable[[str], object] = lambda _: None, of: ConcurrentBuild = PLAN_BUILD
) -> SchemaStatus:
    """Runs the procedure and returns where it ends; a second time it ends there again.

    The first file is what decides: when it refuses (55006: a build is going on; 55000: the index is valid) nothing is
    changed and nothing more is run. Raises StatementFailed when the build fails again.
    """
    refusal = send(dsn, of.recovery)
    if refusal is None:
        on_progress(f"{of.recovery.name} passed")
        run_statements(dsn, [of.up], lambda _: None)
        on_progress(f"{of.up.name} passed")
    else:
        on_progress(f"{of.recovery.name} refused: {refusal.sqlstate} {refusal.message}")
    return of.state(dsn)


def send(dsn: str, script: Script) -> StatementFailed | None:
    """Sends a file statement by statement; what it was refused with, None when it was not."""
    try:
        run_statements(dsn, [script], lambda _: None)
    except StatementFailed as failed:
        return failed
    return None


def current_state(dsn: str) -> SchemaStatus:
    """How far the default rollout is in a database, by its catalogue."""
    with connect(dsn) as connection:
        return catalog.schema_state(connection)
