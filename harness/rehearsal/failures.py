"""Failure scenarios of a concurrent build: named sequences that go wrong elsewhere, made to happen for certain.

Each is a coroutine that takes a database in state `column` into the failure and notes what it saw; it uses nothing
but what a careless operator would. The writers that run meanwhile are in `failure_runs`.
"""

import asyncio
from typing import Any, Final

import psycopg

from harness.database.migrations import migrate
from harness.database.pooler import aprocess_of
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script, StatementFailed
from harness.database.sqlstate import named
from harness.errors import UnavailableError
from harness.polling import apoll_until
from harness.rehearsal.build_phase import BuildPhase
from harness.rehearsal.frozen_build import WAIT_S_MAX, FrozenBuild, set_deadlock_timeout
from harness.rehearsal.held import old_snapshot
from harness.rehearsal.recovery import RECOVERY, current_state, recover, send
from harness.rehearsal.scenario import FailureScenario, Note, ScenarioError
from harness.rehearsal.statements import BUILD_INDEX, DROP_INDEX

LOCK_TIMEOUT_MS: Final = 50
DEADLOCK_MS: Final = 100
"""deadlock_timeout of the sessions here; the default of a second would only make each deadlock last longer."""


async def interrupted(dsn: str, note: Note) -> None:
    """Somebody presses Ctrl-C, or the runner's own time is up."""
    async with FrozenBuild(dsn, BuildPhase.BEFORE_VALIDATION) as build:
        await build.cancel()
    note("build cancelled in its second wait")
    _is(dsn, SchemaState.INVALID, note)


async def if_not_exists(dsn: str, note: Note) -> None:
    """The retry of a runner that wants to be idempotent."""
    async with FrozenBuild(dsn, BuildPhase.OLD_SNAPSHOTS) as build:
        await build.cancel()
    again = Script("retry", BUILD_INDEX.replace("CONCURRENTLY", "CONCURRENTLY IF NOT EXISTS", 1))
    _accepted(send(dsn, again), "the retry with IF NOT EXISTS")
    note("build cancelled; the retry with IF NOT EXISTS reports success")
    _is(dsn, SchemaState.INVALID, note)


async def lock_timeout(dsn: str, note: Note) -> None:
    """The lock_timeout that is right for the ALTER is wrong for the build, even with nobody at the table."""
    with old_snapshot(dsn) as snapshot:
        timed = Script("build", f"SET lock_timeout = {LOCK_TIMEOUT_MS};\n{BUILD_INDEX}")
        _refused(send(dsn, timed), "55P03", note, "build under a lock_timeout, a snapshot open elsewhere")
        _is(dsn, SchemaState.INVALID, note)
        recovery = asyncio.create_task(asyncio.to_thread(recover, dsn))
        waiting = (
            "SELECT 1 FROM pg_stat_progress_create_index JOIN pg_stat_activity USING (pid)"
            " WHERE phase = %s AND clock_timestamp() - query_start > %s * interval '1 ms'"
        )
        await _until(dsn, waiting, BuildPhase.OLD_SNAPSHOTS.value, 2 * LOCK_TIMEOUT_MS)
        note("the recovery's build has no timeout and waits for the snapshot instead")
        snapshot.rollback()
        await recovery


async def two_migrators(dsn: str, note: Note) -> None:
    """Two replicas run the migration when they start."""
    async with FrozenBuild(dsn, BuildPhase.BEFORE_BUILD) as first:
        try:
            await asyncio.to_thread(migrate, dsn, SchemaState.READY)
        except UnavailableError as error:
            note(f"a second harness migrate stops: {str(error).partition(': ')[2]}")
        else:
            raise ScenarioError("a second migration went ahead while the first one built")
        await first.finish()
    _is(dsn, SchemaState.READY, note)
    _accepted(send(dsn, Script("drop", DROP_INDEX)), "the drop of the index")
    await _collide(dsn, BUILD_INDEX, note, "a second CREATE INDEX CONCURRENTLY")
    _is(dsn, SchemaState.INVALID, note)


async def drop_during_build(dsn: str, note: Note) -> None:
    """Somebody takes the index of a build that is going on for the leftover of one that failed, and drops it."""
    await _collide(dsn, DROP_INDEX, note, "a bare DROP INDEX CONCURRENTLY")
    _is(dsn, SchemaState.COLUMN, note)
    async with FrozenBuild(dsn, BuildPhase.BEFORE_VALIDATION) as build:
        drop = Script.ours(RECOVERY[0])
        _refused(send(dsn, drop), "55006", note, f"{drop.name} during a build")
        await build.finish()
    note("the build that was left alone came to its end")
    _is(dsn, SchemaState.READY, note)


FAILURE_SCENARIOS: Final = (
    FailureScenario(
        "interrupted build",
        "leaves an invalid index, which no query uses and every write pays for",
        "run the recovery",
        interrupted,
    ),
    FailureScenario(
        "IF NOT EXISTS",
        "a retry with it passes over the invalid index and reports success",
        "never write it beside CONCURRENTLY; believe the catalogue",
        if_not_exists,
    ),
    FailureScenario(
        "lock_timeout",
        "ends a build that waits for a snapshot, though on another table, and leaves an invalid index",
        "set lock_timeout for the ALTER and 0 for the build",
        lock_timeout,
    ),
    FailureScenario(
        "two migrators",
        "the second's wait for the table is a snapshot that the first waits for: a deadlock ends one of them",
        "let one job migrate; look before building",
        two_migrators,
    ),
    FailureScenario(
        "drop during a build",
        "kills the build that is going on",
        "look at pg_stat_progress_create_index first, as the recovery does",
        drop_during_build,
    ),
)
"""Those that need no server of their own; the crash is in `crash`."""


def _is(dsn: str, expected: SchemaState, note: Note) -> None:
    found = current_state(dsn)
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


async def _collide(dsn: str, statement: str, note: Note, what: str) -> None:
    """Sends a statement under a live build, and lets it wait until its own look for deadlocks has found none.

    Whoever looks last, once there is one, is ended; so this is what happens when the build takes longer than
    deadlock_timeout.
    """
    own_ms, timeout_ms = await _deadlock_timeout(dsn)
    async with (
        FrozenBuild(dsn, BuildPhase.BEFORE_BUILD, deadlock_ms=own_ms) as build,
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
