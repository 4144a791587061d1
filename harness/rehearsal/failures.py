"""Failure scenarios of a concurrent build: named sequences that go wrong elsewhere, made to happen for certain.

Each is a coroutine that takes a database in state `column` into the failure and notes what it saw; it uses nothing
but what a careless operator would. The writers that run meanwhile are in `failure_runs`.
"""

import asyncio
from functools import partial
from typing import Any, Final

import psycopg

from harness.database.pooler import aprocess_of
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script, StatementFailed
from harness.database.sqlstate import named
from harness.errors import UnavailableError
from harness.polling import apoll_until
from harness.rehearsal.build_phase import BuildPhase
from harness.rehearsal.concurrent_build import ConcurrentBuild
from harness.rehearsal.frozen_build import WAIT_S_MAX, FrozenBuild, set_deadlock_timeout
from harness.rehearsal.held import old_snapshot
from harness.rehearsal.recovery import recover, send
from harness.rehearsal.scenario import FailureScenario, Note, ScenarioError

LOCK_TIMEOUT_MS: Final = 50
DEADLOCK_MS: Final = 100
"""deadlock_timeout of the sessions here; the default of a second would only make each deadlock last longer."""


async def interrupted(of: ConcurrentBuild, dsn: str, note: Note) -> None:
    """Somebody presses Ctrl-C, or the runner's own time is up."""
    async with FrozenBuild(dsn, BuildPhase.BEFORE_VALIDATION, of.statement, table=of.table) as build:
        await build.cancel()
    note("build cancelled in its second wait")
    _is(of, dsn, SchemaState.INVALID, note)


async def if_not_exists(of: ConcurrentBuild, dsn: str, note: Note) -> None:
    """The retry of a runner that wants to be idempotent."""
    async with FrozenBuild(dsn, BuildPhase.OLD_SNAPSHOTS, of.statement, table=of.table) as build:
        await build.cancel()
    again = Script("retry", of.build.replace("CONCURRENTLY", "CONCURRENTLY IF NOT EXISTS", 1))
    _accepted(send(dsn, again), "the retry with IF NOT EXISTS")
    note("build cancelled; the retry with IF NOT EXISTS reports success")
    _is(of, dsn, SchemaState.INVALID, note)


async def lock_timeout(of: ConcurrentBuild, dsn: str, note: Note) -> None:
    """The lock_timeout that is right for the ALTER is wrong for the build, even with nobody at the table."""
    with old_snapshot(dsn) as snapshot:
        timed = Script("build", f"SET lock_timeout = {LOCK_TIMEOUT_MS};\n{of.build}")
        _refused(send(dsn, timed), "55P03", note, "build under a lock_timeout, a snapshot open elsewhere")
        _is(of, dsn, SchemaState.INVALID, note)
        recovery = asyncio.create_task(asyncio.to_thread(recover, dsn, of=of))
        waiting = (
            "SELECT 1 FROM pg_stat_progress_create_index JOIN pg_stat_activity USING (pid)"
            " WHERE phase = %s AND clock_timestamp() - query_start > %s * interval '1 ms'"
        )
        await _until(dsn, waiting, BuildPhase.OLD_SNAPSHOTS.value, 2 * LOCK_TIMEOUT_MS)
        note("the recovery's build has no timeout and waits for the snapshot instead")
        snapshot.rollback()
        await recovery


async def two_migrators(of: ConcurrentBuild, dsn: str, note: Note) -> None:
    """Two replicas run the migration when they start."""
    async with FrozenBuild(dsn, BuildPhase.BEFORE_BUILD, of.statement, table=of.table) as first:
        try:
            await asyncio.to_thread(of.migrate, dsn)
        except UnavailableError as error:
            note(f"a second harness migrate stops: {str(error).partition(': ')[2]}")
        else:
            raise ScenarioError("a second migration went ahead while the first one built")
        await first.finish()
    _is(of, dsn, SchemaState.READY, note)
    _accepted(send(dsn, Script("drop", of.drop)), "the drop of the index")
    await _collide(of, dsn, of.build, note, "a second CREATE INDEX CONCURRENTLY")
    _is(of, dsn, SchemaState.INVALID, note)


async def drop_during_build(of: ConcurrentBuild, dsn: str, note: Note) -> None:
    """Somebody takes the index of a build that is going on for the leftover of one that failed, and drops it."""
    await _collide(of, dsn, of.drop, note, "a bare DROP INDEX CONCURRENTLY")
    _is(of, dsn, SchemaState.COLUMN, note)
    async with FrozenBuild(dsn, BuildPhase.BEFORE_VALIDATION, of.statement, table=of.table) as build:
        drop = of.recovery
        _refused(send(dsn, drop), "55006", note, f"{drop.name} during a build")
        await build.finish()
    note("the build that was left alone came to its end")
    _is(of, dsn, SchemaState.READY, note)


def scenarios_of(of: ConcurrentBuild) -> tuple[FailureScenario, ...]:
    """What goes wrong with a build, but for the crash of its server, which is in `server_crash`."""
    return (
        FailureScenario(
            "interrupted build",
            "leaves an invalid index, which no query uses and every write pays for",
            "run the recovery",
            partial(interrupted, of),
        ),
        FailureScenario(
            "IF NOT EXISTS",
            "a retry with it passes over the invalid index and reports success",
            "never write it beside CONCURRENTLY; believe the catalogue",
            partial(if_not_exists, of),
        ),
        FailureScenario(
            "lock_timeout",
            "ends a build that waits for a snapshot, though on another table, and leaves an invalid index",
            "set lock_timeout for the ALTER and 0 for the build",
            partial(lock_timeout, of),
        ),
        FailureScenario(
            "two migrators",
            "the second's wait for the table is a snapshot that the first waits for: a deadlock ends one of them",
            "let one job migrate; look before building",
            partial(two_migrators, of),
        ),
        FailureScenario(
            "drop during a build",
            "kills the build that is going on",
            "look at pg_stat_progress_create_index first, as the recovery does",
            partial(drop_during_build, of),
        ),
    )


def _is(of: ConcurrentBuild, dsn: str, expected: SchemaState, note: Note) -> None:
    found = of.state(dsn)
    if found is not expected:
        raise ScenarioError(f"the database is in state {found}, not {expected}")
    note(f"state {found}")


def _accepted(failed: StatementFailed | None, what: str) -> None:
    if failed is not None:
        raise ScenarioError(f"{what} was refused: {failed.sqlstate} {failed.message}")


def _refused(failed: StatementFailed | None, sqlstate: str, note: Note, what: str) -> None:
    if failed is None or failed.sqlstate != sqlstate:
        seen = "was accepted" if failed is None else f"was refused with {named(failed.sqlstate)}"
        raise ScenarioError(f"{what} {seen}, not refused with {named(sqlstate)}")
    note(f"{what}: {failed.sqlstate} {failed.message}")


async def _collide(of: ConcurrentBuild, dsn: str, statement: str, note: Note, what: str) -> None:
    """Sends a statement under a live build, and lets it wait until its own look for deadlocks has found none.

    Whoever looks last, once there is one, is ended; so this is what happens when the build takes longer than
    deadlock_timeout.
    """
    own_ms, timeout_ms = await _deadlock_timeout(dsn)
    async with (
        FrozenBuild(dsn, BuildPhase.BEFORE_BUILD, of.statement, table=of.table, deadlock_ms=own_ms) as build,
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as other,
    ):
        if own_ms is not None:
            await set_deadlock_timeout(other, own_ms)
        pid = await aprocess_of(other)
        second = asyncio.create_task(_outcome(other, statement))
        looked = (
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
            " AND clock_timestamp() - query_start > %s * interval '1 ms'"
        )
        await _until(dsn, looked, pid, 2 * timeout_ms)
        await build.release()
        failure = await build.failure()
        if failure is None or failure.sqlstate != "40P01":
            raise ScenarioError(
                f"the build was to be ended by a deadlock, and ended with {failure or 'success'}"
            )
        note(f"{what} during a build: the build ends with 40P01, the other {await second}")


async def _deadlock_timeout(dsn: str) -> tuple[int | None, int]:
    """A short deadlock_timeout to set, None where the role may not set it, and what holds then; in milliseconds."""
    query = "SELECT current_setting('is_superuser') = 'on', setting::integer FROM pg_settings WHERE name = %s"
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        found = await (await connection.execute(query, ["deadlock_timeout"])).fetchone()
    assert found is not None
    if not found[0]:
        return None, int(found[1])
    return DEADLOCK_MS, DEADLOCK_MS


async def _outcome(connection: psycopg.AsyncConnection[Any], statement: str) -> str:
    try:
        await connection.execute(statement.encode(), prepare=False)
    except psycopg.Error as error:
        return f"with {named(error.sqlstate)}"
    return "is accepted"


async def _until(dsn: str, query: str, *values: object) -> None:
    """Waits until a query finds a row; what it looks at can only be polled."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as watcher:

        async def row() -> object:
            return await (await watcher.execute(query.encode(), values)).fetchone()

        if not await apoll_until(row, WAIT_S_MAX):
            raise ScenarioError(f"waited {WAIT_S_MAX:.0f} s in vain for: {query}")
