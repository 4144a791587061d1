"""The database that a handler's statements go to: what the checkout's own migrations make, with the column."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.checkout.migration_outcome import MigrationOutcome
from harness.database.drizzle import run_drizzle_like
from harness.database.drizzle_folder import Folder
from harness.database.runners import run_statements
from harness.database.scripts import Script
from harness.database.server import Server

ADDED: Final = (
    "on a database that the rollout's own steps gave the column, since the checkout's migrations do not"
)


@contextmanager
def handler_database(
    server: Server,
    dsn: str,
    outcome: MigrationOutcome,
    folder: Path,
    ours: frozenset[str],
    steps: Sequence[Script],
) -> Iterator[tuple[str, str]]:
    """The database that a folder's migrations made; where it lacks the column, by the others than `ours` and `steps`.

    `outcome` is what became of the database of `dsn`. With the DSN comes what to say of the second; empty for the
    first. Raises UsageError where the folder cannot be read, and StatementFailed where neither makes one.
    """
    with ExitStack() as stack:
        if not outcome.has_column:
            if ours or outcome.refused:
                whole = Folder.read(folder)
                dsn = stack.enter_context(server.database())
                others = tuple(entry for entry in whole.journal if f"{entry.tag}.sql" not in ours)
                run_drizzle_like(dsn, replace(whole, journal=others))
            run_statements(dsn, steps, lambda _: None)
        yield dsn, "" if outcome.has_column else ADDED
