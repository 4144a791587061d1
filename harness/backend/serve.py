"""Runs the reference proxy and the upstream stub, each in a process of its own, on a loopback port of its own.

Processes are forked from a server that has imported everything once, so a replica starts in milliseconds. A
process whose parent dies ends by itself. `Replicas` keeps the process of a replica that has ended for the next one of
the same build: most serve few requests, and half of their CPU went into the pages that a new process copies.
"""

import asyncio
import multiprocessing
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.forkserver import ensure_running
from typing import Final, Self

from harness.backend.process import HOST as HOST
from harness.backend.process import Process as Process
from harness.backend.process import listening
from harness.backend.rollout_builds import rollout_build
from harness.errors import UnavailableError
from harness.rollout import Rollout, default_rollout, is_plans

IDLE_MAX: Final = 12
"""Processes that wait for another replica: as many as three paths of two builds, of two replicas each, have used."""
APPLICATION: Final = "harness replica"
"""What a replica's sessions are called in pg_stat_activity."""

GC_THRESHOLDS: Final = (20_000, 20, 20)
"""Of the collector, where many requests come and go: with Python's own it took a twentieth of the time."""

_fork = multiprocessing.get_context("forkserver")
# Each process imports the main module again; `harness` is in there with the preload, and so is pytest where that is it.
_MAINS: Final = [name for name in ("pytest",) if name in sys.modules]
_fork.set_forkserver_preload(["harness.backend.server", "harness.cli", "encodings.idna", *_MAINS])


@dataclass(frozen=True, slots=True)
class ReplicaConfig:
    """The settings of a replica: plain values, so that they can cross to another process."""

    build: str
    policy: str
    """Name of one of the plan's rules; the rule of another rollout is its file's."""
    dsn: str
    origin: str
    """URL of the upstream, without a path."""
    secret: str
    """Key of the tokens (HS256)."""
    port: int = 0
    """Port to listen on; 0: any free one."""
    rollout: Rollout | None = None
    """The rollout, as it was read: its folder is not read again by each replica; by default the plan's.

    The plan's is taken out, since its folder may be another one where the replica runs: a checkout's or a wheel's.
    """

    def __post_init__(self) -> None:
        """Takes the plan's rollout out."""
        if self.rollout is not None and is_plans(self.rollout):
            object.__setattr__(self, "rollout", None)


class Replicas:
    """Processes that serve one replica of a build after the other, in a context that ends those that wait."""

    def __init__(self) -> None:
        self._idle: list[tuple[str, Process]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Ends the processes."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(process.close() for _, process in idle))

    @asynccontextmanager
    async def replica(self, config: ReplicaConfig) -> AsyncIterator[Process]:
        """A running replica of the reference proxy. Raises UnavailableError when it does not start."""
        rollout_build(rollout_in(config), config.build)
        idle = self._taken(config.build)
        process = await (
            idle.next(config, config.port) if idle else _started(_run_replica, config, config.port)
        )
        try:
            yield process
        finally:
            await self._give_back(config.build, process)

    def _taken(self, build: str) -> Process | None:
        """One that has served this build: another build's would not be the program that a deployment starts."""
        at = next((at for at, (its, _) in enumerate(self._idle) if its == build), None)
        return None if at is None else self._idle.pop(at)[1]

    async def _give_back(self, build: str, process: Process) -> None:
        if not await process.drain():
            await process.close()
            return
        self._idle.append((build, process))
        if len(self._idle) > IDLE_MAX:
            await self._idle.pop(0)[1].close()


def rollout_in(config: ReplicaConfig) -> Rollout:
    """The rollout that a replica is of."""
    return config.rollout or default_rollout()


def warm() -> None:
    """Starts the process that replicas are forked from, without waiting for it."""
    ensure_running()


@asynccontextmanager
async def replica(config: ReplicaConfig) -> AsyncIterator[Process]:
    """A running replica in a process of its own. Raises UnavailableError when it does not start."""
    async with Replicas() as replicas, replicas.replica(config) as process:
        yield process


@asynccontextmanager
async def upstream(port: int = 0) -> AsyncIterator[Process]:
    """The running upstream stub. Raises UnavailableError when it does not start."""
    process = await _started(_run_upstream, None, port)
    try:
        yield process
    finally:
        await process.stop()


async def _started(run: Callable[..., None], config: object, port: int) -> Process:
    check_port(port)
    ours, theirs = _fork.Pipe()
    process = _fork.Process(target=run, args=(config, port, theirs), daemon=True)
    await asyncio.to_thread(process.start)
    theirs.close()
    return await listening(process, ours)


def check_port(port: int) -> None:
    """Raises UnavailableError when the loopback port is taken; 0 is always free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UnavailableError(
                f"cannot listen on {HOST}:{port}: {error.strerror}; choose another --port, or 0 for any free one"
            ) from None


def _run_upstream(_config: None, port: int, pipe: Connection) -> None:
    from harness.backend import (
        server,
    )  # here and below: imported in the fork server alone, not by each command

    server.run_upstream(port, pipe)


def _run_replica(config: ReplicaConfig, port: int, pipe: Connection) -> None:
    from harness.backend import server

    server.run_replica(config, port, pipe)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the fastest event loop there is here; None where that is asyncio's own."""
    try:
        import uvloop  # absent on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop
