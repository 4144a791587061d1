"""Servers and signals in this process: uvicorn without handlers and log lines of its own, and an end in two steps."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Self

import uvicorn

from harness.backend.server import server_config

LOGGERS: Final = ("harness", "uvicorn.error")
"""Their lines go with the request they are about; on the terminal they would be noise."""
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@asynccontextmanager
async def running(
    app: Any, http: Any, listener: socket.socket, *, grace_s: float
) -> AsyncIterator[uvicorn.Server]:
    """An application that is served on a socket; on exit what is still open has so long to end by itself."""
    config = server_config(app, http)
    config.timeout_graceful_shutdown = (
        None  # its time would begin with `should_exit`, which may be set long before
    )
    server = _QuietServer(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield server
    finally:
        # uvicorn waits for connections without an end, and a page's event stream has none: what is left after the grace
        # is cancelled, and idle connections, which belong to no task, are closed by hand.
        server.should_exit = True
        done, _ = await asyncio.wait({serving}, timeout=grace_s)
        unfinished = {serving, *server.server_state.tasks} - done
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        for connection in [*server.server_state.connections]:
            connection.transport.abort()
        if done:
            serving.result()


class _QuietServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are not this server's: see `Shutdown`."""
        yield


class Shutdown:
    """The user's request to end, and a second one that does not wait; as a context, SIGINT and SIGTERM are both."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()
        self._hurried = asyncio.Event()
        self._handlers: list[Any] = []

    def __enter__(self) -> Self:
        self._handlers = [signal.getsignal(number) for number in SIGNALS]
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self.request)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in zip(SIGNALS, self._handlers, strict=True):
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, handler)

    async def requested(self, beside: asyncio.Task[None]) -> None:
        """Waits until the end is requested; when the task beside it fails first, raises what it raised."""
        await self._either(self._requested, beside)
        if beside.done():
            beside.result()

    async def done(self, beside: asyncio.Task[None], seconds: float) -> bool:
        """Waits for the task, at most so long; False when the time was up, or the user asked again, before that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._either(self._hurried, beside)
        return beside.done()

    def request(self) -> None:
        """The user asks to end."""
        (self._hurried if self._requested.is_set() else self._requested).set()

    @staticmethod
    async def _either(event: asyncio.Event, beside: asyncio.Task[None]) -> None:
        waiting = asyncio.create_task(event.wait())
        try:
            await asyncio.wait({waiting, beside}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()


@contextmanager
def silenced() -> Iterator[None]:
    """Keeps the loggers' lines off the terminal."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    handler = logging.NullHandler()
    propagated = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, propagated, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagate
