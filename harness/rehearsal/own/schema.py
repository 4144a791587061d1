"""A schema of one's own, as `pg_dump --schema-only` writes it, brought into an empty database.

What a copy of the tables needs not is passed over: owners, rights, publications, subscriptions, rows. What this
server does not have (an extension, say) is left out and named, with all that rests on it.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import psycopg

_PASSED_OVER: Final = re.compile(
    r"(?is)^\s*(?:ALTER\s+.*\bOWNER\s+TO\b|GRANT\b|REVOKE\b|ALTER\s+DEFAULT\s+PRIVILEGES\b|SECURITY\s+LABEL\b"
    r"|(?:CREATE|ALTER|DROP)\s+(?:PUBLICATION|SUBSCRIPTION|DATABASE|ROLE|USER|EVENT\s+TRIGGER|TABLESPACE)\b"
    r"|COMMENT\s+ON\s+(?:EXTENSION|DATABASE|PUBLICATION|SUBSCRIPTION)\b|INSERT\s+INTO\b|COPY\b"
    r"|SELECT\s+(?:pg_catalog\.)?(?:setval|pg_restore_\w+)\s*\()"
)
"""A subscription would connect to the live server, an event trigger sees every statement of ours."""
_SETTING: Final = re.compile(r"(?i)^\s*SET\s")
_ALREADY_THERE: Final = re.compile(r"(?i)^\s*CREATE\s+SCHEMA\s+public\b")
_DUMPED_FROM: Final = re.compile(r"^-- Dumped from database version (\d+)", re.MULTILINE)
_COPIED: Final = re.compile(
    r"^COPY\b[^;]*\bFROM\s+stdin\b[^;]*;.*?^\\\.$", re.MULTILINE | re.DOTALL | re.IGNORECASE
)
_META: Final = re.compile(r"^\\[a-z]\w*.*$", re.MULTILINE | re.IGNORECASE)
TABLESPACE: Final = re.compile(r"(?i)\s+TABLESPACE\s+\w+(?=\s*;?\s*$)")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A statement of the schema that this server refused."""

    headline: str
    sqlstate: str
    message: str

    def describe(self) -> str:
        """In one line."""
        return f"left out of the schema: {self.headline}: {self.sqlstate} {self.message}"


def plain_sql(text: str) -> str:
    """A dump's text without what psql alone understands: its commands, and the rows of a COPY. Lines stay."""

    def blank(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n")

    return _META.sub(blank, _COPIED.sub(blank, text))


def dumped_from(text: str) -> int:
    """The major version of the server that a dump was made of; 0 where it does not say so."""
    found = _DUMPED_FROM.search(text[:4000])
    return int(found[1]) if found else 0


def load_schema(
    connection: psycopg.Connection[Any],
    statements: Iterable[str],
    on_progress: Callable[[int], object] = lambda _: None,
) -> tuple[LeftOut, ...]:
    """Sends the statements of a dump, and returns what was refused; `on_progress` is called with how many were sent.

    Raises psycopg.OperationalError when the server has gone.
    """
    left_out = []
    for number, statement in enumerate(statements):
        if _PASSED_OVER.match(statement) or _ALREADY_THERE.match(statement):
            continue
        try:
            connection.execute(TABLESPACE.sub("", statement).encode(), prepare=False)
        except psycopg.Error as error:
            if connection.broken:
                raise
            if not _SETTING.match(statement):  # of a newer version
                headline = " ".join(statement.split())[:100]
                left_out.append(
                    LeftOut(headline, error.sqlstate or "", error.diag.message_primary or str(error))
                )
        on_progress(number + 1)
    return tuple(left_out)
