"""Reads the rows of a database of which only the plan's tables and columns are known, and changes nothing there.

Every look is a transaction of its own that is read only and bounded in time; nothing of a session is relied on, so
a pooler may stand between. A role that may SELECT from both tables is enough.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from harness import plan
from harness.data import sql_text
from harness.database import visibility
from harness.database.dsn import CONNECT_S_MAX, dsn_fault
from harness.errors import UsageError
from harness.report.escape import masked
from harness.sut.columns import ReadableColumns
from harness.sut.observation import Row

STATEMENT_S_MAX: Final = 15
ANSWER_S_MAX: Final = STATEMENT_S_MAX + 5.0
"""After this the server is taken for dead: it does not even end its own statement."""
MARGIN: Final = timedelta(minutes=2)
"""How far the clocks of replicas may be apart."""
FAR_BACK: Final = timedelta(hours=27)
"""How far a clock may be off that was set to the wrong time zone."""


def check_dsn(dsn: str) -> None:
    """Raises UsageError for what libpq cannot read, without quoting it: it may hold a password."""
    if fault := dsn_fault(dsn):
        raise UsageError(f"--database-url cannot be read: {fault}")


class DatabaseUnavailableError(Exception):
    """The database cannot be asked; the message is one line, without secrets."""


@dataclass(slots=True)
class FoundRows:
    """Rows of some requests."""

    by_id: dict[str, list[Row]] = field(default_factory=dict)
    by_user: dict[str, list[Row]] = field(default_factory=dict)
    by_value: dict[str, list[Row]] = field(default_factory=dict)
    """By what the column that is rolled out holds."""
    created: list[datetime] = field(default_factory=list)


class ContractRows:
    """Looks for rows. Create with `connect`, close with `close`. Raises DatabaseUnavailableError."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._columns = ReadableColumns()
        self._ahead: timedelta | None = None  # how far the target's clock is ahead of ours
        self._naive = False
        self.server = ""
        self.has_column = False
        self.unreadable: tuple[str, ...] = ()
        """Columns that this role may not read."""
        self.hidden: tuple[str, ...] = ()
        """Why some of what is written may not be seen here, although nothing is refused."""

    @classmethod
    async def connect(cls, dsn: str) -> Self:
        """A connection, with both tables looked up."""
        try:
            connection = await psycopg.AsyncConnection.connect(
                dsn, autocommit=True, connect_timeout=CONNECT_S_MAX, prepare_threshold=None
            )
            await connection.set_read_only(True)
        except (psycopg.Error, OSError) as error:
            raise DatabaseUnavailableError(f"cannot connect to the database: {_line(error)}") from None
        rows = cls(connection)
        try:
            await rows._look_up()
        except BaseException:
            await rows.close()
            raise
        return rows

    async def close(self) -> None:
        """Ends the connection."""
        with suppress(psycopg.Error, OSError):
            await self._connection.close()

    async def find(
        self, ids: Sequence[str], users: Sequence[str], since: datetime, *, far: bool = False
    ) -> FoundRows:
        """Rows of requests that were sent after `since` (our clock), as far as they have a usage row.

        `far` allows for a clock of the target that is hours off, as long as nothing is known of it.
        """
        text = sql.SQL(sql_text("queries/contract_rows.sql")).format(**self._columns.marks)
        values = {"message_ids": list(ids), "user_ids": list(users), "since": self._theirs(since, far=far)}
        return self._found(await self._ask(text, values))

    async def both_sides(
        self, ids: Sequence[str], users: Sequence[str], sent: Sequence[str], since: datetime
    ) -> FoundRows:
        """Rows of both tables, whole or not, of these requests and of any that hold a value in `sent`.

        Reads all metadata where that has no time of its own.
        """
        text = sql.SQL(sql_text("queries/contract_both_sides.sql")).format(
            **self._columns.marks, **self._columns.names
        )
        values = {"message_ids": list(ids), "user_ids": list(users), "values": list(sent)}
        return self._found(await self._ask(text, values | {"since": self._theirs(since)}))

    def _found(self, records: Iterable[tuple[Any, ...]]) -> FoundRows:
        found = FoundRows()
        for usage_id, user, created, metadata_id, message_id, value, ours, theirs in records:
            named = self._columns.named(ours, theirs)
            row = Row(_text(usage_id), user, _text(metadata_id), message_id, value, *named)
            if created is not None:
                found.created.append(created)
            if user is not None:
                found.by_user.setdefault(user, []).append(row)
            if message_id is not None:
                found.by_id.setdefault(message_id, []).append(row)
            if value is not None:
                found.by_value.setdefault(value, []).append(row)
        return found

    def learn_clock(self, created: Sequence[datetime], sent: datetime) -> None:
        """Learns from rows of requests, the first of them sent at `sent`, how far the target's clock is off."""
        first = min(created)
        self._naive = first.tzinfo is None
        self._ahead = first - (sent.replace(tzinfo=None) if self._naive else sent)

    def _theirs(self, since: datetime, *, far: bool = False) -> datetime:
        if self._ahead is None:
            return since - (FAR_BACK if far else MARGIN)
        ours = since.replace(tzinfo=None) if self._naive else since
        return ours + self._ahead - MARGIN

    async def _look_up(self) -> None:
        tables = (plan.USAGE_TABLE, plan.METADATA_TABLE)
        found = "SELECT current_setting('server_version'), to_regclass(%s) IS NULL, to_regclass(%s) IS NULL"
        ((version, *missing),) = await self._ask(sql.SQL(found), tables)
        self.server = f"PostgreSQL {version}"
        for table, is_missing in zip(tables, missing, strict=True):
            if is_missing:
                there = await self._ask(visibility.whereabouts_query(), {"table": table})
                raise DatabaseUnavailableError(visibility.whereabouts_of(table, there))
        hidden = visibility.obstacles_of(await self._ask(visibility.query(), visibility.values()))
        if refused := [one.describe() for one in hidden if one.refused]:
            raise DatabaseUnavailableError("; ".join(refused))
        self.hidden = tuple(one.describe() for one in hidden)
        columns = await self._ask(sql.SQL(_COLUMNS), [list(tables)])
        self._columns = ReadableColumns.of(columns)
        self.has_column = self._columns.has_value
        self.unreadable = self._columns.unreadable

    async def _ask(self, query: sql.SQL | sql.Composed, values: Any) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(ANSWER_S_MAX), self._connection.transaction():
                await self._connection.execute(_LIMITS)
                return await (await self._connection.execute(query, values)).fetchall()
        except TimeoutError:
            raise DatabaseUnavailableError(
                f"the database has not answered for {ANSWER_S_MAX:.0f} s"
            ) from None
        except (psycopg.Error, OSError) as error:
            raise DatabaseUnavailableError(f"the database cannot be asked: {_line(error)}") from None


_LIMITS: Final = sql.SQL("SET LOCAL statement_timeout = {}; SET LOCAL row_security = off").format(
    STATEMENT_S_MAX * 1000
)
"""Under row security the server refuses what it would else filter: an absent row must not be a hidden one."""

_COLUMNS: Final = """
    SELECT c.relname, a.attname, has_column_privilege(a.attrelid, a.attnum, 'SELECT')
    FROM unnest(%s::text[]) AS wanted(name)
    JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum"""


def our_clock() -> datetime:
    """Now, by this machine."""
    return datetime.now(UTC)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _line(error: Exception) -> str:
    return masked(" ".join(str(error).split()) or type(error).__name__)
