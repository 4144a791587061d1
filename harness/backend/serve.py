"""Runs the reference proxy and the upstream stub, each in a process of its own, on a loopback port of its own.

Processes are forked from a server that has imported everything once, so a replica starts in milliseconds. A
process whose parent dies ends by itself.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.forkserver import ensure_running
from typing import Any, Final

import aiohttp
import uvicorn
from psycopg_pool import AsyncConnectionPool

from harness.backend.app import Proxy
from harness.backend.http import behind_refusals
from harness.backend.losses import Loss
from harness.backend.rollout_builds import rollout_build
from harness.backend.upstream import Upstream
from harness.backend.usage import DRAIN_S_MAX, Abort, Accounts
from harness.errors import UnavailableError
from harness.rollout import Rollout, load_rollout
from harness.rule.policy import header_policy

HOST: Final = "127.0.0.1"
START_S_MAX: Final = 30.0
STOP_S_MAX: Final = DRAIN_S_MAX + 10.0
EVENTS_MAX: Final = 100
"""Losses and aborts that one replica reports; so many fit a pipe that nobody reads."""
POOL_SIZE: Final = 4
APPLICATION: Final = "harness replica"
"""What a replica's sessions are called in pg_stat_activity."""
BACKLOG: Final = 2048
"""Connections that may wait to be accepted."""

_fork = multiprocessing.get_context("forkserver")
# Each process imports the main module again; `harness` is in there with the preload, and so is pytest where that is it.
_MAINS: Final = [name for name in ("pytest",) if name in sys.modules]
_fork.set_forkserver_preload(["harness.backend.serve", "harness.cli", *_MAINS])


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
    """The rollout, as it was read: its folder is not read again by each replica; by default the plan's."""


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
    return config.rollout or load_rollout()


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
    _run(_serve_upstream(port, pipe), pipe)


def _run_replica(config: ReplicaConfig, port: int, pipe: Connection) -> None:
    _run(_serve_replica(config, port, pipe), pipe)


def _run(serving: Coroutine[Any, Any, None], pipe: Connection) -> None:
    # Ctrl-C is the parent's: it stops us when it has drained its clients.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Losses are reported through the pipe; on the parent's terminal it would be noise.
    for name in ("harness", "psycopg.pool"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serving)
    except Exception as error:
        with contextlib.suppress(OSError):
            pipe.send(f"{type(error).__name__}: {error}".partition("\n")[0])
        raise SystemExit(1) from None


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the fastest event loop there is here; None where that is asyncio's own."""
    try:
        import uvloop  # absent on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve_upstream(port: int, pipe: Connection) -> None:
    await _listen(Upstream().app, port, pipe, "httptools")


async def _serve_replica(config: ReplicaConfig, port: int, pipe: Connection) -> None:
    events = 0

    def on_event(event: Loss | Abort) -> None:
        nonlocal events
        events += 1
        if events <= EVENTS_MAX:
            with contextlib.suppress(OSError):
                pipe.send(event)

    rollout = rollout_in(config)
    build, policy = rollout_build(rollout, config.build), header_policy(rollout, config.policy)
    pool = AsyncConnectionPool(
        config.dsn,
        min_size=1,
        max_size=POOL_SIZE,
        open=False,
        kwargs={"autocommit": True, "application_name": APPLICATION},
    )
    connector = aiohttp.TCPConnector(limit=0)
    async with pool, aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        await pool.wait()
        accounts = Accounts(pool, build, on_event)
        proxy = Proxy(build, policy, config.origin, config.secret, session, accounts, on_event)
        await _listen(proxy, port, pipe, behind_refusals(build.error_page))
        await accounts.drain()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and the parent's death stop it; uvicorn's own handlers would also take SIGINT."""
        loop = asyncio.get_running_loop()
        # The sentinel is a pipe whose other end only the parent holds: it becomes readable when the parent is gone,
        # also when it was killed and had no time to stop us.
        parent = multiprocessing.parent_process()
        assert parent is not None
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        loop.add_reader(parent.sentinel, self._leave)
        yield
        loop.remove_reader(parent.sentinel)

    def _leave(self) -> None:
        self.should_exit = True
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():
            self.force_exit = True
            asyncio.get_running_loop().remove_reader(parent.sentinel)


async def _listen(app: Any, port: int, pipe: Connection, http: Any) -> None:
    """Serves until it is stopped; open requests are finished first."""
    listener = socket.create_server((HOST, port), backlog=BACKLOG)
    pipe.send(listener.getsockname()[1])  # it is bound and listening: connections wait in its backlog
    await _Server(server_config(app, http)).serve(sockets=[listener])


def server_config(app: Any, http: Any) -> uvicorn.Config:
    """How uvicorn serves an application here: silently, with nothing of its own in requests and replies."""
    return uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan="off",
        access_log=False,
        proxy_headers=False,  # the proxy reads x-forwarded-for itself, and the socket's address must stay
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=int(DRAIN_S_MAX),
    )
