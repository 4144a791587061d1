"""What runs in the processes that `serve` forks: a replica of the reference proxy, and the upstream stub.

Imported once, by the process that they are forked from: the commands themselves need none of it.
"""

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import signal
import socket
from collections.abc import Coroutine, Iterator
from multiprocessing.connection import Connection
from typing import Any, Final

import uvicorn

from harness.backend.app import Proxy
from harness.backend.http import behind_refusals
from harness.backend.losses import DRAIN_S_MAX, Abort, Loss
from harness.backend.rollout_builds import rollout_build
from harness.backend.serve import APPLICATION, GC_THRESHOLDS, HOST, ReplicaConfig, loop_factory, rollout_in
from harness.backend.sessions import Sessions
from harness.backend.upstream import Upstream
from harness.backend.upstream_client import UpstreamClient
from harness.backend.usage import Accounts
from harness.rule.policy import header_policy

EVENTS_MAX: Final = 100
"""Losses and aborts that one replica reports; so many fit a pipe that nobody reads."""
SESSIONS_MAX: Final = 4
BACKLOG: Final = 2048
"""Connections that may wait to be accepted."""


def run_upstream(port: int, pipe: Connection) -> None:
    """Serves the stub until it is stopped; its port, then nothing, goes through the pipe."""
    _prepare()
    _run(_serve_upstream(port, pipe), pipe)


def run_replica(config: ReplicaConfig, port: int, pipe: Connection) -> None:
    """Serves a replica until it is stopped, then each whose settings come through the pipe, until that is closed.

    The port, losses and aborts, and None when it has ended, go through the pipe. Of a replica nothing stays but the
    process: each has a loop, sessions and a proxy of its own.
    """
    _prepare()
    with contextlib.suppress(EOFError, OSError):  # nobody waits at the other end any more
        while True:
            _run(_serve_replica(config, port, pipe), pipe)
            # The loop is gone, and the handler that is left of it does nothing: who waits ends at once.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            pipe.send(None)
            config, port = pipe.recv()


def _prepare() -> None:
    # What is there now stays: the collector need not walk it, and its pages stay those of the process we come from.
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    # Ctrl-C is the parent's: it stops us when it has drained its clients.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Losses are reported through the pipe; on the parent's terminal it would be noise.
    logging.getLogger("harness").addHandler(logging.NullHandler())
    logging.getLogger("harness").propagate = False


def _run(serving: Coroutine[Any, Any, None], pipe: Connection) -> None:
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serving)
    except Exception as error:
        with contextlib.suppress(OSError):
            pipe.send(f"{type(error).__name__}: {error}".partition("\n")[0])
        raise SystemExit(1) from None


async def _serve_upstream(port: int, pipe: Connection) -> None:
    await _listen(Upstream(), port, pipe, "httptools")


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
    async with (
        Sessions(config.dsn, SESSIONS_MAX, APPLICATION) as sessions,
        UpstreamClient(config.origin) as client,
    ):
        accounts = Accounts(sessions, build, on_event)
        proxy = Proxy(build, policy, client, config.secret, accounts, on_event)
        await _listen(proxy, port, pipe, behind_refusals(build.error_page))
        await accounts.drain()


loop_factory()  # uvloop is imported here, once, and not in each replica


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    async def main_loop(self) -> None:
        """Waits to be stopped; uvicorn's own looks ten times a second, for what nothing here is set to."""
        await self._leaving.wait()

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
        self._leaving.set()
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
