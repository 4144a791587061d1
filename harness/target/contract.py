"""Reads the rows of a database of which only the plan's tables and columns are known, and changes nothing there.

Every look is a transaction of its own that is read only and bounded in time; nothing of a session is relied on, so
a pooler may stand between. A role that may SELECT from both tables is enough.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from harness import plan
from harness.data import sql_text
from harness.errors import MisuseError
from harness.report.escape import masked
from harness.target.observation import Row

CONNECT_S_MAX: Final = 10
STATEMENT_S_MAX: Final = 15
ANSWER_S_MAX: Final = STATEMENT_S_MAX + 5.0
"""After this the server is taken for dead: it does not even end its own statement."""
MARGIN: Final = timedelta(minutes=2)
"""How far the clocks of replicas may be apart."""
FAR_BACK: Final = timedelta(hours=27)
"""How far a clock may be off that was set to the wrong time zone."""


def check_dsn(dsn: str) -> None:
    """Raises MisuseError for what libpq cannot read, without quoting it: it may hold a password."""
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        raise MisuseError(
            "--database-url is no DSN that libpq can read; for example postgresql://me@db.example.com/backend"
        ) from None


class AwayError(Exception):
    """The database cannot be asked; the message is one line, without secrets."""


@dataclass(slots=True)
class FoundRows:
    """Rows of some requests."""

    by_id: dict[str, list[Row]] = field(default_factory=dict)
    by_user: dict[str, list[Row]] = field(default_factory=dict)
    created: list[datetime] = field(default_factory=list)


class ContractRows:
    """Looks for rows. Create with `connect`, close with `close`; raises AwayError when the database cannot be asked."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._value: sql.Composable = sql.SQL("NULL::text")
        self._ahead: timedelta | None = None  # how far the target's clock is ahead of ours
        self._naive = False
        self.server = ""
        self.has_column = False

    @classmethod
    async def connect(cls, dsn: str) -> Self:
        """A connection, with both tables looked up."""
        try:
            connection = await psycopg.AsyncConnection.connect(
                dsn, autocommit=True, connect_timeout=CONNECT_S_MAX, prepare_threshold=None
            )
            await connection.set_read_only(True)
        except (psycopg.Error, OSError) as error:
            raise AwayError(f"cannot connect to the database: {_line(error)}") from None
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
        """Rows of requests that were sent after `since` (our clock).

        `far` allows for a clock of the target that is hours off, as long as nothing is known of it.
        """
        text = sql.SQL(sql_text("queries/contract_rows.sql")).format(value=self._value)
        values = {"message_ids": list(ids), "user_ids": list(users), "since": self._theirs(since, far=far)}
        found = FoundRows()
        for usage_id, user, created, metadata_id, message_id, value in await self._ask(text, values):
            row = Row(
                str(usage_id), user, None if metadata_id is None else str(metadata_id), message_id, value
            )
            found.created.append(created)
            found.by_user.setdefault(user, []).append(row)
            if message_id is not None:
                found.by_id.setdefault(message_id, []).append(row)
        return found

    async def orphans(self, ids: Sequence[str]) -> dict[str, list[Row]]:
        """Metadata rows without a usage row; reads the whole table where it has no index."""
        text = sql.SQL(sql_text("queries/contract_orphans.sql")).format(value=self._value)
        found: dict[str, list[Row]] = {}
        for metadata_id, message_id, value in await self._ask(text, {"message_ids": list(ids)}):
            found.setdefault(message_id, []).append(Row(None, None, str(metadata_id), message_id, value))
        return found

    async def doubles(self, ids: Sequence[str], since: datetime) -> dict[str, int]:
        """How many pairs of rows a request has, of those that have more than one."""
        text = sql.SQL(sql_text("queries/contract_doubles.sql"))
        return dict(await self._ask(text, {"message_ids": list(ids), "since": self._theirs(since)}))

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
                raise AwayError(f"table {table} is not there, or not on the search_path of this role")
        column = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped"
        self.has_column = bool(await self._ask(sql.SQL(column), (plan.METADATA_TABLE, plan.COLUMN)))
        if self.has_column:
            self._value = sql.SQL("{}::text").format(sql.Identifier("metadata", plan.COLUMN))

    async def _ask(self, query: sql.SQL | sql.Composed, values: Any) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(ANSWER_S_MAX), self._connection.transaction():
                limit = sql.SQL("SET LOCAL statement_timeout = {}").format(STATEMENT_S_MAX * 1000)
                await self._connection.execute(limit)
                return await (await self._connection.execute(query, values)).fetchall()
        except TimeoutError:
            raise AwayError(f"the database has not answered for {ANSWER_S_MAX:.0f} s") from None
        except (psycopg.Error, OSError) as error:
            raise AwayError(f"the database cannot be asked: {_line(error)}") from None


def our_clock() -> datetime:
    """Now, by this machine."""
    return datetime.now(UTC)


def _line(error: Exception) -> str:
    return masked(" ".join(str(error).split()) or type(error).__name__)
