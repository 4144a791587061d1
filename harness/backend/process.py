"""A process that serves an application on a loopback port of its own, as its parent sees it."""

import asyncio
import contextlib
from multiprocessing.connection import Connection
from typing import Any, Final

from harness.backend.losses import DRAIN_S_MAX, Abort, Loss
from harness.errors import UnavailableError

HOST: Final = "127.0.0.1"
START_S_MAX: Final = 30.0
STOP_S_MAX: Final = DRAIN_S_MAX + 10.0


class Process:
    """A served application: its address, and the events that it reports."""

    def __init__(self, process: Any, pipe: Connection, port: int) -> None:
        self._process = process
        self._pipe = pipe
        self.port = port
        self._events: list[Loss | Abort] = []
        self._has_ended = False
        self._waits = False

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
        self._receive()
        return tuple(event for event in self._events if isinstance(event, Loss))

    def aborts(self) -> int:
        """How many clients have left before their reply was complete."""
        self._receive()
        return sum(isinstance(event, Abort) for event in self._events)

    def _receive(self) -> None:
        try:
            while not self._has_ended and self._pipe.poll():
                event = self._pipe.recv()
                if event is None:
                    self._has_ended = self._waits = True
                else:
                    self._events.append(event)
        except (EOFError, OSError):
            self._has_ended = True

    async def drain(self) -> bool:
        """Ends what it serves as a deployment does (SIGTERM): open requests are served, accounting is drained.

        Whether the process then waits for the next, its port and sessions closed; one of another kind is gone.
        """
        if self._pipe.closed:  # it was stopped before
            return False
        self._process.terminate()
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def look() -> None:
            self._receive()
            if self._has_ended and not ended.done():
                ended.set_result(None)

        look()
        loop.add_reader(self._pipe.fileno(), look)
        try:
            await asyncio.wait({ended}, timeout=STOP_S_MAX)
        finally:
            loop.remove_reader(self._pipe.fileno())
        return self._waits

    async def stop(self) -> None:
        """Drains it; then the process is gone."""
        await self.drain()
        await self.close()

    async def next(self, config: object, port: int) -> "Process":
        """The replica that its process serves next, once it waits for one. Raises UnavailableError."""
        with contextlib.suppress(OSError):  # it is gone: so the wait for its port says, too
            self._pipe.send((config, port))
        return await listening(self._process, self._pipe)

    async def close(self) -> None:
        """Ends the process, which has been drained; one that is not gone in time is killed."""
        self._pipe.close()
        await asyncio.to_thread(self._process.join, STOP_S_MAX)
        if self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join, STOP_S_MAX)


async def listening(process: Any, pipe: Connection) -> Process:
    """What the process serves, once it listens. Raises UnavailableError, and ends it, where it does not."""
    try:
        return Process(process, pipe, await asyncio.to_thread(_await_port, pipe))
    except UnavailableError:
        process.kill()
        raise


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
