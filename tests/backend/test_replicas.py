"""Replicas that follow one another in a process: of one build alone, and with nothing of the one before."""

import asyncio
import os
import signal

import pytest

from harness.backend import serve
from harness.backend.serve import Process, ReplicaConfig, Replicas
from harness.clients import wire
from harness.clients.exchange import Request
from harness.clients.listening import is_listening
from harness.database.runners import connect
from harness.errors import UnavailableError
from harness.polling import apoll_until
from tests.fix_stack import SECRET

SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
)


def config_of(stub: Process, dsn: str, build: str = "after") -> ReplicaConfig:
    return ReplicaConfig(build, "strict", dsn, stub.origin, SECRET)


async def ask(process: Process) -> None:
    """One that has answered has begun: it ends as it should, and not by the signal alone."""
    reply = await wire.send((serve.HOST, process.port), Request("/", (), b"", method="GET"))
    assert reply.status == 404


async def served(replicas: Replicas, config: ReplicaConfig) -> Process:
    async with replicas.replica(config) as process:
        await ask(process)
        return process


async def test_next_of_a_build_has_its_process(stub: Process, ready_dsn: str) -> None:
    config = config_of(stub, ready_dsn)
    async with Replicas() as replicas:
        first, second = await served(replicas, config), await served(replicas, config)
        assert first.pid == second.pid
        assert not await is_listening((serve.HOST, second.port))
    with pytest.raises(ProcessLookupError):
        os.kill(first.pid, 0)


async def test_another_build_or_one_beside_has_its_own(stub: Process, ready_dsn: str) -> None:
    config = config_of(stub, ready_dsn)
    async with Replicas() as replicas:
        first = await served(replicas, config)
        other = await served(replicas, config_of(stub, ready_dsn, "before"))
        async with replicas.replica(config) as again, replicas.replica(config) as beside:
            await asyncio.gather(ask(again), ask(beside))
            assert len({other.pid, again.pid, beside.pid}) == 3
            assert again.pid == first.pid


async def test_one_that_waits_has_no_sessions(stub: Process, ready_dsn: str) -> None:
    async with Replicas() as replicas:
        with connect(ready_dsn) as connection:

            def sessions() -> int:
                row = connection.execute(SESSIONS, (serve.APPLICATION,)).fetchone()
                assert row is not None
                return int(row[0])

            async def is_without() -> bool:
                return sessions() == 0

            async with replicas.replica(config_of(stub, ready_dsn)) as process:
                await ask(process)
                assert sessions() == 1
            assert await apoll_until(is_without, 30)


async def test_one_that_was_killed_is_not_used_again(stub: Process, ready_dsn: str) -> None:
    config = config_of(stub, ready_dsn)
    async with Replicas() as replicas:
        async with replicas.replica(config) as killed:
            await ask(killed)
            os.kill(killed.pid, signal.SIGKILL)
        assert (await served(replicas, config)).pid != killed.pid


async def test_one_that_ends_while_it_waits_is_named(stub: Process, ready_dsn: str) -> None:
    config = config_of(stub, ready_dsn)
    async with Replicas() as replicas:
        process = await served(replicas, config)
        os.kill(process.pid, signal.SIGTERM)
        await asyncio.to_thread(process._process.join, 30)
        with pytest.raises(UnavailableError, match="ended before it was ready"):
            await served(replicas, config)


async def test_no_more_wait_than_are_used(
    stub: Process, ready_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "IDLE_MAX", 1)
    async with Replicas() as replicas:
        first = await served(replicas, config_of(stub, ready_dsn))
        await served(replicas, config_of(stub, ready_dsn, "before"))
        with pytest.raises(ProcessLookupError):
            os.kill(first.pid, 0)
