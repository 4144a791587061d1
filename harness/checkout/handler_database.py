"""The database that a handler's statements go to: what the checkout's own migrations make, with the column."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.database.catalog import columns
from harness.database.declaration import column_difference
from harness.database.declared import DeclaredStore
from harness.database.drizzle import run_drizzle_like
from harness.database.drizzle_folder import Folder
from harness.database.runners import connect, run_statements
from harness.database.scripts import Script, StatementFailed
from harness.database.server import Server

ADDED: Final = (
    "on a database that the rollout's own steps gave the column, since the checkout's migrations do not"
)


@contextmanager
def handler_database(
    server: Server, folder: Path, ours: frozenset[str], steps: Sequence[Script], store: DeclaredStore
) -> Iterator[tuple[str, str]]:
    """A database by a folder's migrations; where `ours` among them fail, by the others and the rollout's `steps`.

    With its DSN comes what to say of the second; empty for the first. Raises UsageError where the folder cannot be
    read, and StatementFailed where neither makes one.
    """
    whole = Folder.read(folder)
    with server.database() as dsn:
        if _has_column(dsn, whole, store):
            yield dsn, ""
            return
    entries = tuple(entry for entry in whole.journal if f"{entry.tag}.sql" not in ours)
    with server.database() as dsn:
        if not _has_column(dsn, replace(whole, journal=entries), store, is_refused=False):
            run_statements(dsn, steps, lambda _: None)
        yield dsn, ADDED


def _has_column(dsn: str, folder: Folder, store: DeclaredStore, *, is_refused: bool = True) -> bool:
    """Applies a folder; whether the column is there then. Raises StatementFailed unless that may be."""
    try:
        run_drizzle_like(dsn, folder)
    except StatementFailed:
        if is_refused:
            return False
        raise
    with connect(dsn) as connection:
        return column_difference(columns(connection, store.table), store.column) is None
