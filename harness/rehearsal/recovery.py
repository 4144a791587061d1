"""What a DBA does after a build of the index that went wrong: the rollout's files of recovery, then the build again."""

from collections.abc import Callable

from harness.database import catalog
from harness.database.migration_steps import BACKWARD, FORWARD
from harness.database.runners import connect, run_statements
from harness.database.schema_state import SchemaState, SchemaStatus
from harness.database.scripts import Script, StatementFailed

RECOVERY: tuple[str, ...] = (BACKWARD[SchemaState.INVALID].file, FORWARD[SchemaState.COLUMN].file)
"""The files, in order; the first refuses to drop a valid index or one that is being built."""


def recover(dsn: str, on_progress: Callable[[str], object] = lambda _: None) -> SchemaStatus:
    """Runs the procedure and returns where it ends; a second time it ends there again.

    The first file is what decides: when it refuses (55006: a build is going on; 55000: the index is valid) nothing is
    changed and nothing more is run. Raises StatementFailed when the build fails again.
    """
    drop, build = (Script.ours(file) for file in RECOVERY)
    refusal = send(dsn, drop)
    if refusal is None:
        on_progress(f"{drop.name} passed")
        run_statements(dsn, [build], lambda _: None)
        on_progress(f"{build.name} passed")
    else:
        on_progress(f"{drop.name} refused: {refusal.sqlstate} {refusal.message}")
    return current_state(dsn)


def send(dsn: str, script: Script) -> StatementFailed | None:
    """Sends a file statement by statement; what it was refused with, None when it was not."""
    try:
        run_statements(dsn, [script], lambda _: None)
    except StatementFailed as failed:
        return failed
    return None


def current_state(dsn: str) -> SchemaStatus:
    """Where the database stands, by its catalogue."""
    with connect(dsn) as connection:
        return catalog.schema_state(connection)
