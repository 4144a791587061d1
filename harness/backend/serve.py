"""Runs the reference proxy and the upstream stub, each in a process of its own, on a loopback port of its own.

Processes are forked from a server that has imported everything once, so a replica starts in milliseconds. A
process whose parent dies ends by itself.
"""

import asyncio
import contextlib
import multiprocessing
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.forkserver import ensure_running
from typing import Any, Final

from harness.backend.losses import DRAIN_S_MAX, Abort, Loss
from harness.backend.rollout_builds import rollout_build
from harness.errors import UnavailableError
from harness.rollout import Rollout, default_rollout, is_plans

HOST: Final = "127.0.0.1"
START_S_MAX: Final = 30.0
STOP_S_MAX: Final = DRAIN_S_MAX + 10.0
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


class Process:
    """A served application: its address, and the events that it reports."""

    def __init__(self, process: Any, pipe: Connection, port: int) -> None:
        self._process = process
        self._pipe = pipe
        self.port = port
        self._events: list[Loss | Abort] = []

    @property
    def origin(self) -> str:
        """URL without a path."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return int(self._process.pid)

    def losses(self) -> tuple[Loss, ...]:
        """Usage that this replica has given up so far."""
        return tuple(event for event in self._received() if isinstance(event, Loss))

    def aborts(self) -> int:
        """How many clients have left before their reply was complete."""
        return sum(isinstance(event, Abort) for event in self._received())

    def _received(self) -> list[Loss | Abort]:
        with contextlib.suppress(EOFError, OSError):
            while self._pipe.poll():
                self._events.append(self._pipe.recv())
        return self._events

    async def stop(self) -> None:
        """Ends it as a deployment does (SIGTERM): open requests are served, accounting is drained; then it is gone."""
        self._process.terminate()
        await asyncio.to_thread(self._process.join, STOP_S_MAX)
        if self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join, STOP_S_MAX)
        self._received()
        self._pipe.close()


def rollout_in(config: ReplicaConfig) -> Rollout:
    """The rollout that a replica is of."""
    return config.rollout or default_rollout()


def warm() -> None:
    """Starts the process that replicas are forked from, without waiting for it."""
    ensure_running()


@asynccontextmanager
async def replica(config: ReplicaConfig) -> AsyncIterator[Process]:
    """A running replica of the reference proxy. Raises UnavailableError when it does not start."""
    rollout_build(rollout_in(config), config.build)
    async with _served(_run_replica, config, config.port) as process:
        yield process


@asynccontextmanager
async def upstream(port: int = 0) -> AsyncIterator[Process]:
    """The running upstream stub. Raises UnavailableError when it does not start."""
    async with _served(_run_upstream, None, port) as process:
        yield process


@asynccontextmanager
async def _served(run: Callable[..., None], config: object, port: int) -> AsyncIterator[Process]:
    check_port(port)
    ours, theirs = _fork.Pipe()
    process = _fork.Process(target=run, args=(config, port, theirs), daemon=True)
    await asyncio.to_thread(process.start)
    theirs.close()
    try:
        bound = await asyncio.to_thread(_await_port, ours)
    except UnavailableError:
        process.kill()
        raise
    served = Process(process, ours, bound)
    try:
        yield served
    finally:
        await served.stop()


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


def _await_port(pipe: Connection) -> int:
    try:
        if pipe.poll(START_S_MAX):
            message = pipe.recv()
            if isinstance(message, int):
                return message
            raise UnavailableError(f"a server of the reference stack did not start: {message}")
    except EOFError:
        raise UnavailableError("a server of the reference stack ended before it was ready") from None
    raise UnavailableError(f"a server of the reference stack was not ready after {START_S_MAX:.0f} s")


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
