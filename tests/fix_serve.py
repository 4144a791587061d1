"""The stack of `harness serve` in the test's own event loop, on the test's own database, with what it showed."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness import plan
from harness.backend.serve import HOST
from harness.clients import wire
from harness.clients.exchange import Reply, Request
from harness.clients.extension import FREE_MODEL
from harness.database.server import Server
from harness.run.live.address import Address
from harness.run.live.listening import Shutdown, silenced
from harness.run.live.request_log import Counts, LoggedRequest
from harness.run.options.serve import ServeOptions
from harness.run.serve import Summary, serve_until

ASK: dict[str, Any] = {"model": FREE_MODEL, "messages": [{"role": "user", "content": "hello"}]}
LIMIT_S = 60


class Recorder:
    """A view that keeps what it is shown."""

    def __init__(self) -> None:
        self.address: Address | None = None
        self.entries: dict[int, LoggedRequest] = {}
        self.shown: list[LoggedRequest] = []
        self._moved = asyncio.Event()

    def ready(self, address: Address, _counts: Counts, /) -> None:
        self.address = address
        self._moved.set()

    def changed(self, entry: LoggedRequest) -> None:
        self.entries[entry.number] = entry
        self.shown.append(entry)
        self._moved.set()

    def owed(self, left: int) -> None:
        """Nothing."""

    def ending(self) -> None:
        """Nothing is shown for it."""

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until it holds; it is looked at whenever something was shown."""
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                await self._moved.wait()
                self._moved.clear()

    async def ended(self, number: int) -> LoggedRequest:
        """An entry that is complete."""
        await self.until(lambda: number in self.entries and self.entries[number].ended)
        return self.entries[number]


@dataclass
class Serving:
    """A stack that serves."""

    address: Address
    view: Recorder
    shutdown: Shutdown
    running: asyncio.Task[Summary]
    summary: Summary | None = field(default=None)

    @property
    def port(self) -> int:
        return int(self.address.url.rpartition(":")[2])

    async def send(
        self, *values: bytes, headers: dict[str, str] | None = None, path: str = plan.ROUTES[0], **ask: Any
    ) -> Reply:
        """One POST with so many of the plan's header."""
        lines = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
        lines += [(plan.HEADER.encode(), value) for value in values]
        request = Request(path, tuple(lines), json.dumps(ASK | ask).encode())
        return await wire.send((HOST, self.port), request)

    async def seen(self, *values: bytes, **more: Any) -> LoggedRequest:
        """The complete entry of one more request."""
        await self.send(*values, **more)
        return await self.view.ended(max(self.view.entries))

    async def end(self) -> Summary:
        """Ends it as Ctrl-C does."""
        self.shutdown.request()
        async with asyncio.timeout(LIMIT_S):
            return await self.running


Serve = Callable[..., Any]


@asynccontextmanager
async def serving(server: Server, dsn: str, port: int = 0, **options: Any) -> AsyncIterator[Serving]:
    """A stack with these options, ended on exit. Where a test names no bound, no row is late on a busy machine."""
    options = {"wait_s": 60.0} | options
    view, shutdown = Recorder(), Shutdown()
    with silenced(), socket.create_server((HOST, port)) as listener:
        task = asyncio.create_task(
            serve_until(shutdown, ServeOptions(**options), listener, server, dsn, view)
        )
        ready = asyncio.create_task(view.until(lambda: view.address is not None))
        try:
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                await task
            await ready
            assert view.address is not None
            yield Serving(view.address, view, shutdown, task)
        finally:
            ready.cancel()
            shutdown.request()
            async with asyncio.timeout(LIMIT_S):
                await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def serve(server: Server, ready_dsn: str) -> AsyncIterator[Serve]:
    """Starts a stack: `await serve(build="after", wait_s=60.0, ...)`; it is shut down after the test."""
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Serving:
            return await stack.enter_async_context(serving(server, ready_dsn, **options))

        yield start
