"""Reads the rows of a database of which only the plan's tables and columns are known, and changes nothing there.

Every look is a transaction of its own that is read only and bounded in time; nothing of a session is relied on, so
a pooler may stand between. A role that may SELECT from both tables is enough.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Self

import psycopg
from psycopg import sql

from harness.database import visibility
from harness.database.declared import DeclaredStore, plan_store
from harness.database.dsn import CONNECT_S_MAX
from harness.polling import apoll_until
from harness.report.escape import masked
from harness.sut.columns import COLUMNS_QUERY, ReadableColumns
from harness.sut.observation import Exchange, Row
from harness.sut.rows import FoundRows, RowKey, found_rows, rows_query, values_of
from harness.sut.target_clock import TargetClock

STATEMENT_S_MAX: Final = 15
REPLY_S_MAX: Final = STATEMENT_S_MAX + 5.0
"""After this the server is taken for dead: it does not even end its own statement."""
POLL_S_MIN: Final = 0.02
POLL_S_MAX: Final = 0.3
PAUSE_LOOKS: Final = 2.0
"""Between two looks at least so many times as long as a look takes."""
WAIT_S_MIN: Final = 5.0
SLOWEST_TIMES: Final = 3
"""Unless told otherwise, rows are waited for so many times as long as the slowest has taken, at least so long."""
PATIENCE_S_MIN: Final = 0.5
"""Least time that rows are given before other things are done; those missing are looked for again at the end."""
FAR_AFTER_S: Final = 2.5
"""After so long a clock that is hours off is thought of."""


class DatabaseUnavailableError(Exception):
    """The database cannot be asked; the message is one line, without secrets."""


class ForeignRows:
    """Looks for rows. Create with `connect`, close with `close`. Raises DatabaseUnavailableError."""

    def __init__(
        self,
        connection: psycopg.AsyncConnection[Any],
        given_wait_s: float | None = None,
        store: DeclaredStore | None = None,
    ) -> None:
        self._connection = connection
        self.store = store or plan_store()
        """The tables as the rollout declares them."""
        self._columns = ReadableColumns(self.store)
        self.clock = TargetClock()
        self.given_wait_s = given_wait_s
        """Longest time that rows need after a reply; None: a few times as long as they took so far."""
        self.slowest_s = 0.0
        """Longest time that a row was seen to take after its reply."""
        self.by_user = True
        """Whether rows are found by users, too; not where a platform overwrites their addresses."""
        self.server = ""
        self.has_column = False
        self.unreadable: tuple[str, ...] = ()
        """Columns that this role may not read."""
        self.hidden: tuple[str, ...] = ()
        """Why some of what is written may not be seen here, although nothing is refused."""

    @classmethod
    async def connect(
        cls, dsn: str, given_wait_s: float | None = None, store: DeclaredStore | None = None
    ) -> Self:
        """A connection, with the tables of a rollout looked up, by default the plan's."""
        try:
            connection = await psycopg.AsyncConnection.connect(
                dsn, autocommit=True, connect_timeout=CONNECT_S_MAX, prepare_threshold=None
            )
            await connection.set_read_only(True)
        except (psycopg.Error, OSError) as error:
            raise DatabaseUnavailableError(f"cannot connect to the database: {_line(error)}") from None
        rows = cls(connection, given_wait_s, store)
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

    @property
    def wait_s(self) -> float:
        """How long rows are waited for before they count as missing."""
        usual = max(WAIT_S_MIN, SLOWEST_TIMES * self.slowest_s)
        return usual if self.given_wait_s is None else self.given_wait_s

    def remarks(self) -> Iterator[str]:
        """What was unusual about time: rows that were waited for longer than usual, a clock that went back."""
        if self.given_wait_s is None and self.wait_s > WAIT_S_MIN:
            yield (
                f"the slowest row came {self.slowest_s:.1f} s after its reply: rows were waited for up to "
                f"{self.wait_s:.0f} s"
            )
        if self.clock.set_back:
            minutes = self.clock.set_back.total_seconds() / 60
            yield (
                f"the clock of the rows went back by {minutes:,.0f} minutes during the run: rows were looked for as "
                "far back"
            )

    async def find(self, keys: Sequence[RowKey], since: datetime, *, far: bool = False) -> FoundRows:
        """Rows of requests that were sent after `since` (our clock), as far as they have a main row.

        `far` allows for a clock of the target that is hours off, as long as nothing is known of it.
        """
        return await self._found(keys, self.clock.theirs(since, far=far and not self.clock.is_known))

    async def _found(
        self, keys: Sequence[RowKey], since: datetime, sent: Sequence[str] = (), *, both_sides: bool = False
    ) -> FoundRows:
        query = rows_query(self._columns, both_sides=both_sides)
        return found_rows(await self._fetch(query, values_of(keys, sent, since)), self._columns)

    async def _look_for_step(self, late: Iterable[RowKey], since: datetime) -> None:
        """Where rows are late because the target's clock was set back meanwhile: learns by how much.

        By the ids of replies alone: of a user there may be rows of an earlier run, so far back.
        """
        if self.clock.is_known:
            keys = [RowKey(key.reply_id, None) for key in late]
            found = await self._found(keys, self.clock.theirs(since, far=True))
            self.clock.see(found.created, since)

    async def both_sides(
        self, keys: Sequence[RowKey], since: datetime, sent: Sequence[str] = ()
    ) -> FoundRows:
        """Rows of both tables, whole or not, of these requests and of any that hold a value in `sent`."""
        return await self._found(keys, self.clock.theirs(since), sent, both_sides=True)

    def key_of(self, exchange: Exchange) -> RowKey:
        """What the rows of an answer are found by."""
        probe = exchange.probe
        return RowKey(exchange.identity, probe.user if probe.alone and self.by_user else None)

    async def now(self) -> datetime:
        """Our clock."""
        return our_clock()

    async def read(
        self, exchanges: Sequence[Exchange], since: datetime, wait_s: float | None = None
    ) -> list[tuple[Row, ...]]:
        """Rows of each answer, waited for at most `wait_s`, or a few times as long as rows have taken so far."""
        patience = max(PATIENCE_S_MIN, SLOWEST_TIMES * self.slowest_s) if wait_s is None else wait_s
        found = await self.wait(exchanges, since, min(patience, self.wait_s))
        return [found.of(self.key_of(exchange)) for exchange in exchanges]

    async def wait(
        self,
        exchanges: Sequence[Exchange],
        since: datetime,
        wait_s: float,
        *,
        first: bool = False,
        looked_for: Callable[[float], None] = lambda _: None,
    ) -> FoundRows:
        """Looks until every answer with an id has a whole row, at most `wait_s`; what was found at last.

        `first`: until one of them has a row. `looked_for` is told at each look for how long, in seconds.
        """
        found = FoundRows()
        wanted = [(self.key_of(exchange), exchange.at) for exchange in exchanges]
        if not wanted:
            return found
        loop = asyncio.get_running_loop()
        began = loop.time()
        far_from = began + min(wait_s / 2, FAR_AFTER_S)
        missing, looks = list(wanted), 0

        async def is_enough() -> bool:
            nonlocal found, missing, looks
            looked = loop.time()
            if looked > far_from and looks:
                await self._look_for_step((key for key, _ in missing if key.reply_id), since)
            found = await self.find([key for key, _ in wanted], since, far=looked > far_from)
            came: list[tuple[RowKey, float]] = []
            late: list[tuple[RowKey, float]] = []
            for each in missing:
                (came if any(row.whole for row in found.of(each[0])) else late).append(each)
            if looks:
                self.slowest_s = max(
                    [self.slowest_s, *(looked - ended for key, ended in came if key.reply_id)]
                )
            missing, looks = late, looks + 1
            if len(late) < len(wanted) if first else not any(key.reply_id for key, _ in late):
                return True
            looked_for(looked - began)
            return False

        await apoll_until(
            is_enough, wait_s, pause_s=POLL_S_MIN, pause_s_max=POLL_S_MAX, pause_looks=PAUSE_LOOKS
        )
        return found

    async def _look_up(self) -> None:
        tables = self.store.tables
        found = (
            "SELECT current_setting('server_version'), name, to_regclass(quote_ident(name)) IS NULL "
            "FROM unnest(%s::text[]) WITH ORDINALITY AS wanted(name, place) ORDER BY place"
        )
        records = await self._fetch(sql.SQL(found), [list(tables)])
        self.server = f"PostgreSQL {records[0][0]}"
        for _, table, is_missing in records:
            if is_missing:
                there = await self._fetch(visibility.whereabouts_query(), {"table": table})
                raise DatabaseUnavailableError(visibility.whereabouts_of(table, there))
        hidden = visibility.obstacles_of(
            await self._fetch(visibility.query(), visibility.values(self.store.needed))
        )
        if refused := [one.describe() for one in hidden if one.refused]:
            raise DatabaseUnavailableError("; ".join(refused))
        self.hidden = tuple(one.describe() for one in hidden)
        columns = await self._fetch(sql.SQL(COLUMNS_QUERY), [list(tables)])
        self._columns = ReadableColumns.of(self.store, columns)
        self.has_column = self._columns.has_value
        self.unreadable = self._columns.unreadable

    async def _fetch(self, query: sql.SQL | sql.Composed, values: Any) -> list[tuple[Any, ...]]:
        try:
            async with asyncio.timeout(REPLY_S_MAX), self._connection.transaction():
                await self._connection.execute(_LIMITS)
                return await (await self._connection.execute(query, values)).fetchall()
        except TimeoutError:
            raise DatabaseUnavailableError(f"the database has not answered for {REPLY_S_MAX:.0f} s") from None
        except (psycopg.Error, OSError) as error:
            raise DatabaseUnavailableError(f"the database cannot be asked: {_line(error)}") from None


_LIMITS: Final = sql.SQL("SET LOCAL statement_timeout = {}; SET LOCAL row_security = off").format(
    STATEMENT_S_MAX * 1000
)
"""Under row security the server refuses what it would else filter: an absent row must not be a hidden one."""


def our_clock() -> datetime:
    """Now, by this machine."""
    return datetime.now(UTC)


def _line(error: Exception) -> str:
    return masked(" ".join(str(error).split()) or type(error).__name__)
