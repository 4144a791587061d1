"""A concurrent index build frozen in one of its three waits, or cancelled there. No sleeps, no luck.

A build waits three times (PostgreSQL, CREATE INDEX, "Building Indexes Concurrently"): for writers that were there
before it began, for writers that came before the index took writes, and for snapshots older than its second scan.
Each wait is held by a transaction of ours that the build must wait for, and is entered for certain before we go on:
`pg_stat_progress_create_index` names it.
"""

import asyncio
from typing import Any, Final, Self

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from harness import plan
from harness.database.pooler import aprocess_of
from harness.errors import UnavailableError
from harness.polling import apoll_until
from harness.rehearsal.build_phase import BuildPhase

WAIT_S_MAX: Final = 30.0

CREATE_INDEX: Final = sql.SQL("CREATE INDEX CONCURRENTLY {} ON {} ({})").format(
    sql.Identifier(plan.INDEX), sql.Identifier(plan.METADATA_TABLE), sql.Identifier(plan.COLUMN)
)

Connection = psycopg.AsyncConnection[Any]


async def set_deadlock_timeout(connection: Connection, milliseconds: int) -> None:
    """Sets it for a session. By a statement: as an option of the connection a pooler would refuse it."""
    await connection.execute("SELECT set_config('deadlock_timeout', %s, false)", (f"{milliseconds}ms",))


class FrozenBuild:
    """A concurrent build that stands still in one wait until it is finished or cancelled."""

    def __init__(
        self,
        dsn: str,
        wait: BuildPhase,
        statement: sql.Composed = CREATE_INDEX,
        deadlock_ms: int | None = None,
        *,
        table: str = plan.METADATA_TABLE,
        idle: list[Connection] | None = None,
    ) -> None:
        """`statement` is the build; `wait` is one of the three that `LEFT_BEHIND_BY` has as keys.

        `deadlock_ms` is the build's deadlock_timeout; None leaves the server's. `table` is the index's. `idle` are
        sessions of the database that it uses first, and to which it leaves its own; None: it closes them.
        """
        self._dsn = dsn
        self._wait = wait
        self._statement = statement
        self._deadlock_ms = deadlock_ms
        self._table = table
        self._idle = idle
        self._sessions: list[Connection] = []
        self._blockers: list[Connection] = []
        self._watcher: Connection
        self._builder: Connection
        self._build: asyncio.Task[None]
        self.pid = 0
        """Process id of the backend that builds."""

    async def __aenter__(self) -> Self:
        """Starts the build and returns once it is in its wait. Raises UnavailableError when it never gets there."""
        try:
            await self._freeze()
        except BaseException:
            await self._end_sessions()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Cancels the build if it is still frozen, and ends with its sessions."""
        try:
            if not self._build.done():
                await self.cancel()
        finally:
            await self._end_sessions()

    async def finish(self) -> None:
        """Lets the build go on to its end. Raises psycopg.Error when it fails."""
        await self.release()
        await asyncio.wait_for(self._build, WAIT_S_MAX)

    async def cancel(self) -> None:
        """Interrupts the build in its wait; the invalid index stays."""
        await self._builder.cancel_safe(timeout=WAIT_S_MAX)
        await asyncio.wait([self._build], timeout=WAIT_S_MAX)
        if isinstance(self._build.exception(), psycopg.errors.QueryCanceled):
            await self.release()
            return
        await self._build

    async def release(self) -> None:
        """Ends the transactions that hold the build in its wait, and does not wait for the build."""
        while self._blockers:
            await self._blockers.pop().rollback()

    async def failure(self) -> psycopg.Error | None:
        """What the build ended with, once it has: None when it came to its end."""
        try:
            await asyncio.wait_for(asyncio.shield(self._build), WAIT_S_MAX)
        except psycopg.Error as error:
            return error
        return None

    async def _freeze(self) -> None:
        self._builder, self._watcher = await self._connect(), await self._connect()
        self.pid = await aprocess_of(self._builder)
        if self._deadlock_ms is not None:
            await set_deadlock_timeout(self._builder, self._deadlock_ms)
        if self._wait is BuildPhase.OLD_SNAPSHOTS:
            await self._block("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        else:
            await self._block_writer()
        # The blocker is there before the build begins: a build waits for whoever held a lock, or a snapshot, when it
        # reached a wait, and for nobody who comes later.
        self._build = asyncio.create_task(self._run())
        if self._wait is BuildPhase.BEFORE_VALIDATION:
            # The second wait looks like the first one. So the first blocker holds the first wait until the second
            # blocker has its lock, and is let go then: the build cannot slip through between the two.
            await self._reach(BuildPhase.BEFORE_BUILD)
            await self._block_writer()
            await self._blockers.pop(0).rollback()
        await self._reach(self._wait)

    async def _run(self) -> None:
        await self._builder.execute(self._statement)

    async def _connect(self) -> Connection:
        if self._idle:
            connection = self._idle.pop()
        else:
            connection = await psycopg.AsyncConnection.connect(self._dsn, autocommit=True)
        self._sessions.append(connection)
        return connection

    async def _end_sessions(self) -> None:
        while self._sessions:
            session = self._sessions.pop()
            if self._idle is not None and session.info.transaction_status is TransactionStatus.IDLE:
                self._idle.append(session)
            else:
                await session.close()  # without a COMMIT, which a broken one would refuse

    async def _block_writer(self) -> None:
        """An open INSERT holds this lock; the lock alone holds up the build just so, and leaves no row behind."""
        lock = sql.SQL("BEGIN; LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(sql.Identifier(self._table))
        await self._block(lock.as_string())

    async def _block(self, text: str) -> None:
        blocker = await self._connect()
        await blocker.execute(text.encode())
        self._blockers.append(blocker)

    async def _reach(self, wait: BuildPhase) -> None:
        query = "SELECT phase FROM pg_stat_progress_create_index WHERE pid = %s"
        phases: list[object] = []

        async def is_there_or_ended() -> bool:
            row = await (await self._watcher.execute(query, (self.pid,))).fetchone()
            phases.append(row and row[0])
            return phases[-1] == wait.value or self._build.done()

        await apoll_until(is_there_or_ended, WAIT_S_MAX)
        if phases[-1] == wait.value:
            return
        if self._build.done():
            await self._build  # raises what the build failed with
        raise UnavailableError(
            f"the index build did not reach {wait.value!r} within {WAIT_S_MAX:.0f} s; it is at {phases[-1]!r}"
        )
