"""Migrations as drizzle keeps and runs them: a journalled folder, and one transaction over all that is pending.

The journal alone says which files there are; the newest recorded time says which of them are pending; neither hash
nor name is ever compared. Knows nothing of Node: that this is what the real migrator does is for the laboratory to
show. Source: drizzle-orm 0.44.7, `readMigrationFiles` and `PgDialect.migrate`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from harness.database.runners import Script, Statement, connect, statements_of
from harness.database.transactions import send
from harness.errors import UsageError

BREAKPOINT: Final = "--> statement-breakpoint"
"""Where a file is cut into messages; a comment to everybody else."""

JOURNAL: Final = "meta/_journal.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal. `tag` is a file's name without `.sql`; `when` is in milliseconds since 1970."""

    tag: str
    when: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of migrations: every file in it, and the journal in its own order."""

    files: tuple[Script, ...]
    journal: tuple[Entry, ...]

    @classmethod
    def read(cls, path: Path) -> "Folder":
        """Reads a folder; one without a journal has an empty one. Raises UsageError when there is nothing to read."""
        if not path.is_dir():
            raise UsageError(f"no folder of migrations: {path}; name the one that holds the .sql files")
        try:
            files = tuple(Script.of(file) for file in sorted(path.glob("*.sql")))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"a file in {path} cannot be read: {error}; save it as UTF-8") from None
        return cls(files, read_journal(path))

    def write(self, path: Path) -> None:
        """Writes it out for the real migrator."""
        (path / JOURNAL).parent.mkdir(parents=True)
        for file in self.files:
            (path / file.name).write_text(file.text, encoding="utf-8")
        entries = [
            {"idx": index, "version": "7", "when": entry.when, "tag": entry.tag, "breakpoints": True}
            for index, entry in enumerate(self.journal)
        ]
        document = {"version": "7", "dialect": "postgresql", "entries": entries}
        (path / JOURNAL).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def pending(self, newest: int | None) -> tuple[tuple[Entry, Script], ...]:
        """What would run after the newest recorded time. Raises UsageError for an entry without its file."""
        return tuple(
            (entry, self._file(entry)) for entry in self.journal if newest is None or newest < entry.when
        )

    def _file(self, entry: Entry) -> Script:
        for file in self.files:
            if file.name == f"{entry.tag}.sql":
                return file
        raise UsageError(f"the journal names {entry.tag}, but there is no file {entry.tag}.sql beside it")


def read_journal(path: Path) -> tuple[Entry, ...]:
    """The journal of a folder, in its order; none without one. Raises UsageError when it cannot be read."""
    try:
        document = json.loads((path / JOURNAL).read_text(encoding="utf-8"))
        return tuple(Entry(str(one["tag"]), int(one["when"])) for one in document["entries"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"the journal {path / JOURNAL} cannot be read ({type(error).__name__}: {error}); "
            "it must be what drizzle-kit writes"
        ) from error


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
    with connection.cursor(row_factory=tuple_row) as cursor:
        known = cursor.execute("SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL").fetchone()
        if known is None or not known[0]:
            return ()
        return cursor.execute(
            "SELECT hash, created_at FROM drizzle.__drizzle_migrations ORDER BY id"
        ).fetchall()


def _message(number: int, text: str) -> Statement:
    statements = statements_of(text)
    return Statement(number, text, 0, statements[0].headline if statements else "(nothing)")
