"""Hands requests out to connections and gathers how they ended. Knows neither bytes nor what a reply means.

Requests are taken from their source only while there is room for their replies, so a source may be endless.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.clients.connection import Connection, Ticket
from harness.clients.exchange import Outcome, Reply, Request

Address = tuple[str, int]
Item = Request | Sequence[Request]
"""One request, or several that go over one connection, in this order, with no other between them."""
Items = Iterable[Item] | AsyncIterable[Item]

CLOSE_S_MAX: Final = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections, how many requests ahead of their replies on each, and how long to wait."""

    connections: int
    depth: int
    timeout_s: float
    tls: ssl.SSLContext | None = None
    """With one, connections are encrypted and the server's name is checked."""

    @property
    def room(self) -> int:
        """How many replies may wait to be taken before no request is taken from the source."""
        return max(64, 2 * self.connections * self.depth)


class Dispatch:
    """One source of requests and its lanes; `collect` and `wait` in turn until `finished`, then `close`."""

    def __init__(
        self, address: Address, items: Items, ticket: Callable[[int, Request], Ticket], limits: Limits
    ) -> None:
        self.address = address
        self.limits = limits
        self.closed = False
        self._ticket = ticket
        self._answered: list[tuple[int, Reply]] = []
        self._news = asyncio.Event()
        self._supplied = 0
        self._pending = 0
        self._error: Exception | None = None
        self._source: Iterator[Item] | _Feed
        if isinstance(items, AsyncIterable):
            self._source = _Feed(items, limits.room, self.pump, self.fail)
        else:
            self._source = iter(items)
        self._exhausted = False
        self._lanes = [_Lane(self) for _ in range(limits.connections)]

    @property
    def finished(self) -> bool:
        """Whether every request has ended and every answer was taken."""
        return self._exhausted and not (self._pending or self._answered or self._error)

    def collect(self) -> list[tuple[int, Reply]]:
        """The answers since the last call; their room is free again."""
        answered, self._answered = self._answered, []
        self.pump()
        return answered

    async def wait(self) -> None:
        """Until there may be something to collect. Raises what the source has raised, once all answers are taken."""
        if self._error is not None and not self._answered:
            raise self._error
        if not self.finished:
            await self._news.wait()
            self._news.clear()

    async def close(self) -> None:
        """Ends connections and tasks; requests in flight are forgotten."""
        self.closed = True
        if isinstance(self._source, _Feed):
            await self._source.close()
        await asyncio.gather(*(lane.close() for lane in self._lanes))

    def pump(self) -> None:
        """Lets every lane write what it can."""
        for lane in self._lanes:
            lane.pump()

    def supply(self) -> list[Ticket]:
        """The next item as tickets; none when there is none yet, none left, or no room for the replies."""
        tickets: list[Ticket] = []
        try:
            while (
                not tickets
                and not self.closed
                and not self._exhausted
                and len(self._answered) < self.limits.room
            ):
                item = next(self._source)
                if item is None:
                    break
                requests = (item,) if isinstance(item, Request) else item
                tickets = [
                    self._ticket(index, request) for index, request in enumerate(requests, self._supplied)
                ]
                self._supplied += len(tickets)
                self._pending += len(tickets)
        except StopIteration:
            self._exhausted = True
            self._news.set()
        except Exception as error:  # the source's, whatever it is: it goes to whoever takes the answers
            self.fail(error)
        return tickets

    def record(self, ticket: Ticket, reply: Reply) -> None:
        """A request has ended."""
        self._pending -= 1
        self._answered.append((ticket.index, reply))
        self._news.set()

    def fail(self, error: Exception) -> None:
        """Nothing more is taken from the source; the error is raised by `wait`."""
        self._error = error
        self._exhausted = True
        self._news.set()


class _Feed:
    """An asynchronous source read ahead by a task: an iterator that says None while there is nothing yet."""

    def __init__(
        self,
        items: AsyncIterable[Item],
        room: int,
        fed: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._ready: deque[Item] = deque()
        self._room = room
        self._fed = fed
        self._failed = failed
        self._taken = asyncio.Event()
        self._ended = False
        self._task = asyncio.create_task(self._read(items))

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> Item | None:
        self._taken.set()
        if self._ready:
            return self._ready.popleft()
        if self._ended:
            raise StopIteration
        return None

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self, items: AsyncIterable[Item]) -> None:
        try:
            async for item in items:
                self._ready.append(item)
                self._fed()
                while len(self._ready) >= self._room:
                    self._taken.clear()
                    await self._taken.wait()
        except Exception as error:  # as in `Dispatch.supply`
            self._failed(error)
        self._ended = True
        self._fed()


class _Lane:
    """One place for a connection, and the requests bound to it; when a connection has ended it opens the next."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._backlog: deque[Ticket] = deque()
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Future[None]] = set()

    def pump(self) -> None:
        """Writes what there is to write; connects first where needed."""
        if self._connection is not None:
            self._connection.fill()
        elif self._connecting is None and self.peek() is not None:
            self._connecting = asyncio.create_task(self._connect())

    def peek(self) -> Ticket | None:
        if not self._backlog:
            self._backlog.extend(self._dispatch.supply())
        return self._backlog[0] if self._backlog else None

    def take(self) -> Ticket:
        return self._backlog.popleft()

    def record(self, ticket: Ticket, reply: Reply) -> None:
        self._dispatch.record(ticket, reply)

    def ended(self, unserved: Sequence[Ticket]) -> None:
        self._backlog.extendleft(reversed(unserved))
        self._connection = None
        if not self._dispatch.closed:
            self.pump()

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._connection is not None:
            self._connection.end()
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=CLOSE_S_MAX)

    async def _connect(self) -> None:
        try:
            while self._connection is None and self.peek() is not None:
                await self._try_to_connect()
        except Exception as error:  # a fault of this program: told rather than waited for
            self._dispatch.fail(error)
        self._connecting = None
        self.pump()

    async def _try_to_connect(self) -> None:
        host, port = self._dispatch.address
        limits = self._dispatch.limits
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(limits.timeout_s):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, limits.depth, limits.timeout_s), host, port, ssl=limits.tls
                )
        except TimeoutError:
            reply = Reply(
                Outcome.TIMEOUT, 0, reason=f"no connection to {host}:{port} in {limits.timeout_s:g} s"
            )
            self.record(self.take(), reply)
        except OSError as error:
            self.record(
                self.take(), Reply(Outcome.REFUSED, 0, reason=f"no connection to {host}:{port}: {error}")
            )
        else:
            self._connection = connection
            self._leaving.add(connection.lost)
            connection.lost.add_done_callback(self._leaving.discard)
