"""The failure scenario that needs a server of its own: its postmaster is killed while the index is being built."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

import psycopg

from harness.database.embedded import Embedded, embedded_server
from harness.database.schema_state import SchemaState
from harness.database.server import Server
from harness.polling import apoll_until
from harness.rehearsal.build_phase import BuildPhase
from harness.rehearsal.concurrent_build import PLAN_BUILD, ConcurrentBuild
from harness.rehearsal.frozen_build import WAIT_S_MAX, FrozenBuild
from harness.rehearsal.scenario import FailureScenario, Note, ScenarioError

LOST: Final = frozenset({"", "08006", "57P01", "57P02", "57P03"})
"""What writers see of a server that is gone or is recovering: a broken connection, a shutdown, not yet ready."""


@contextmanager
def crashing_server(major: int, of: ConcurrentBuild = PLAN_BUILD) -> Iterator[tuple[Server, FailureScenario]]:
    """A durable embedded server, and the scenario that crashes it once; it comes back by itself.

    Raises UsageError for a version that is not shipped, UnavailableError when it does not start.
    """
    with (
        embedded_server(major, durable=True, revives=True) as embedded,
        closing(Server("embedded", embedded.version, embedded.dsn("postgres"))) as server,
    ):

        async def run(dsn: str, note: Note) -> None:
            await _crash(embedded, of, dsn, note)

        yield (
            server,
            FailureScenario(
                "crash of the server",
                "in mid-build leaves an invalid index; what was committed is kept",
                "start the server, then run the recovery",
                run,
                LOST,
            ),
        )


async def _crash(embedded: Embedded, of: ConcurrentBuild, dsn: str, note: Note) -> None:
    async with FrozenBuild(dsn, BuildPhase.BEFORE_VALIDATION, of.statement, table=of.table) as build:
        os.kill(embedded.postmaster, signal.SIGKILL)
        failure = await build.failure()
    if failure is None:
        raise ScenarioError("the build outlived its server")
    await _until_back(dsn)
    note("postmaster killed in mid-build, reaped, started again")
    found = of.state(dsn)
    if found is not SchemaState.INVALID:
        raise ScenarioError(f"the database is in state {found}, not {SchemaState.INVALID}")
    note(f"state {found}")


async def _until_back(dsn: str) -> None:
    errors: list[psycopg.OperationalError] = []

    async def is_back() -> bool:
        try:
            async with await psycopg.AsyncConnection.connect(dsn):
                return True
        except psycopg.OperationalError as error:
            errors.append(error)
            return False

    if not await apoll_until(is_back, WAIT_S_MAX):
        raise ScenarioError(f"the server did not come back within {WAIT_S_MAX:.0f} s: {errors[-1]}")
