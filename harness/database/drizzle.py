"""Migrations as drizzle keeps and runs them: a journalled folder, and one transaction over all that is pending.

The journal alone says which files there are; the newest recorded time says which of them are pending; neither hash
nor name is ever compared. That this is what the real migrator does, the rehearsal shows.
Source: drizzle-orm 0.44.7, `readMigrationFiles` and `PgDialect.migrate`.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import psycopg

from harness.database.drizzle_folder import BREAKPOINT, Folder
from harness.database.rows import all_rows, one_row
from harness.database.runners import connect
from harness.database.scripts import Statement
from harness.database.transactions import send


def run_drizzle_like(dsn: str, folder: Folder) -> None:
    """Applies what is pending as drizzle's migrator does.

    Raises StatementFailed when a message is refused, after which only what the files committed themselves stays;
    UnavailableError when there is no server.
    """
    with connect(dsn) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS drizzle")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS drizzle.__drizzle_migrations"
            " (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)"
        )
        newest = max((when for _, when in recorded(connection)), default=None)
        connection.execute("BEGIN")
        for entry, script in folder.pending(newest):
            for number, text in enumerate(script.text.split(BREAKPOINT), start=1):
                send(connection, script.name, _message(number, text))
            connection.execute(
                "INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES (%s, %s)",
                [hashlib.sha256(script.text.encode()).hexdigest(), entry.when],
            )
        connection.execute("COMMIT")


def recorded(connection: psycopg.Connection[Any]) -> Sequence[tuple[str, int]]:
    """Hash and time of each migration that the database remembers, oldest first; none before the first run."""
    if not one_row(connection, "SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL")[0]:
        return ()
    return all_rows(connection, "SELECT hash, created_at FROM drizzle.__drizzle_migrations ORDER BY id")


def _message(number: int, text: str) -> Statement:
    lines = (line.strip() for line in text.splitlines())
    headline = next((line for line in lines if line.strip(";") and not line.startswith("--")), "(nothing)")
    return Statement(number, text, 0, headline)
