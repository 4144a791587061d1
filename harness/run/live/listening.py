"""Servers and signals in this process: uvicorn without handlers and log lines of its own, and an end in two steps.

Knows nothing of what is served.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Self

import uvicorn

from harness.backend.serve import server_config

LOGGERS: Final = ("harness", "uvicorn.error", "psycopg.pool")
"""What they say is shown as what became of a request; on the terminal it would be noise."""
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
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield server
    finally:
        server.should_exit = True
        done, _ = await asyncio.wait({serving}, timeout=grace_s)
        left = {serving, *server.server_state.tasks} - done
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for connection in [*server.server_state.connections]:
            connection.transport.abort()
        if done:
            serving.result()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are not this server's: see `Ends`."""
        yield


class Ends:
    """The wish to end, told once, and a second time more urgently; as a context it hears SIGINT and SIGTERM."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._urged = asyncio.Event()
        self._handlers: list[Any] = []

    def __enter__(self) -> Self:
        self._handlers = [signal.getsignal(number) for number in SIGNALS]
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self.hear)
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in zip(SIGNALS, self._handlers, strict=True):
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, handler)

    async def asked(self, beside: asyncio.Task[None]) -> None:
        """Waits for the wish; when the task beside it fails first, raises what it raised."""
        await self._either(self._asked, beside)
        if beside.done():
            beside.result()

    async def done(self, beside: asyncio.Task[None], seconds: float) -> bool:
        """Waits for the task, at most so long; False when the time was up, or the user urged, before it was done."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._either(self._urged, beside)
        return beside.done()

    def hear(self) -> None:
        """Takes the wish."""
        (self._urged if self._asked.is_set() else self._asked).set()

    @staticmethod
    async def _either(event: asyncio.Event, beside: asyncio.Task[None]) -> None:
        waiting = asyncio.create_task(event.wait())
        try:
            await asyncio.wait({waiting, beside}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()


@contextmanager
def silenced() -> Iterator[None]:
    """Keeps what the loggers say off the terminal."""
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
