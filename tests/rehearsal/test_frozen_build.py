"""A build that is frozen in each of its waits for certain, and what it leaves when it is cancelled there."""

import pytest

from harness.database import catalog
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.rehearsal.build_phase import LEFT_BEHIND_BY, BuildPhase
from harness.rehearsal.frozen_build import FrozenBuild
from harness.rehearsal.recovery import current_state

WAITS = tuple(LEFT_BEHIND_BY)


def phase(dsn: str, pid: int) -> object:
    with connect(dsn) as connection:
        found = connection.execute(
            "SELECT phase FROM pg_stat_progress_create_index WHERE pid = %s", [pid]
        ).fetchone()
    return found and found[0]


@pytest.mark.parametrize("wait", WAITS)
async def test_build_stands_still_in_its_wait_until_it_is_finished(column_dsn: str, wait: BuildPhase) -> None:
    async with FrozenBuild(column_dsn, wait) as build:
        assert phase(column_dsn, build.pid) == wait.value
        assert current_state(column_dsn) is SchemaState.BUILDING
        await build.finish()
    assert current_state(column_dsn) is SchemaState.READY


@pytest.mark.parametrize("wait", WAITS)
async def test_cancelled_build_leaves_an_invalid_index(column_dsn: str, wait: BuildPhase) -> None:
    async with FrozenBuild(column_dsn, wait):
        pass  # leaving the context cancels it
    with connect(column_dsn) as connection:
        index = next(
            one for one in catalog.indexes(connection, "microdollar_usage_metadata") if "posthog" in one.name
        )
    assert (index.valid, index.ready) == (False, LEFT_BEHIND_BY[wait] is BuildPhase.INVALID_READY)


async def test_failure_tells_what_ended_the_build(column_dsn: str) -> None:
    async with FrozenBuild(column_dsn, BuildPhase.OLD_SNAPSHOTS) as build:
        with connect(column_dsn) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [build.pid])
        failure = await build.failure()
    assert failure is not None
    assert failure.sqlstate == "57P01"
