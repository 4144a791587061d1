"""Holds a statement of the migration while it has its locks, so that they can be looked at. No sleeps, no luck.

Most statements are held by the transaction they run in, which is then taken back. A concurrent one cannot run in a
transaction; it is frozen in one of its waits.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg import sql

from harness import plan
from harness.database.pooler import aprocess_of
from harness.database.runners import connect
from harness.errors import UnavailableError
from harness.polling import apoll_until
from harness.rehearsal.build_phase import BuildPhase, Hold
from harness.rehearsal.frozen_build import WAIT_S_MAX, FrozenBuild


@asynccontextmanager
async def held(dsn: str, hold: Hold, statement: str, table: str = plan.METADATA_TABLE) -> AsyncIterator[int]:
    """The process id that holds the statement's locks, for as long as the context lasts.

    Afterwards a transaction is taken back, and a concurrent statement is let go on to its end. Raises psycopg.Error
    when the statement is refused, UnavailableError when it does not reach its wait.
    """
    if hold is Hold.TRANSACTION:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute("BEGIN")
            await connection.execute(statement.encode(), prepare=False)
            yield await aprocess_of(connection)
            await connection.execute("ROLLBACK")
    elif hold is Hold.BEFORE_DROP:
        async with _frozen_drop(dsn, statement, table) as pid:
            yield pid
    else:
        build = sql.Composed([sql.SQL(statement)])
        async with FrozenBuild(dsn, BuildPhase(hold.value), build, table=table) as frozen:
            yield frozen.pid
            await frozen.finish()


@contextmanager
def old_snapshot(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A report that has read nothing yet: its snapshot is held, and no table is touched."""
    with connect(dsn) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1")
        yield connection
        connection.execute("ROLLBACK")


@asynccontextmanager
async def _frozen_drop(dsn: str, statement: str, table: str) -> AsyncIterator[int]:
    """A concurrent drop in its first wait, held by a reader."""
    async with (
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as reader,
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as dropper,
    ):
        await reader.execute("BEGIN")
        lock = sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.Identifier(table))
        await reader.execute(lock)
        pid = await aprocess_of(dropper)
        drop = asyncio.create_task(_run(dropper, statement))
        try:
            await _until_waiting(dsn, pid, drop)
            yield pid
        finally:
            await reader.execute("ROLLBACK")
            await asyncio.wait_for(drop, WAIT_S_MAX)


async def _run(connection: psycopg.AsyncConnection[Any], statement: str) -> None:
    await connection.execute(statement.encode(), prepare=False)


async def _until_waiting(dsn: str, pid: int, drop: asyncio.Task[None]) -> None:
    """Returns once the process waits for another's transaction: the only view of a drop's progress."""
    query = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'virtualxid'"
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as watcher:

        async def waits_or_ended() -> bool:
            return await (await watcher.execute(query, (pid,))).fetchone() is not None or drop.done()

        in_time = await apoll_until(waits_or_ended, WAIT_S_MAX)
    if drop.done():
        await drop  # raises what it was refused with
    if not in_time or drop.done():
        raise UnavailableError(f"the index drop did not come to its wait within {WAIT_S_MAX:.0f} s")
