"""Hands requests out to workers, one connection each, and gathers the replies.

Requests are taken from their source only while there is room for their replies, so a source may be endless.
"""

import asyncio
import math
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, NamedTuple

from harness.clients.connection import WireConnection
from harness.clients.exchange import NO_CONNECTION, Address, Outcome, Reply, Request

Item = Request | Sequence[Request]
"""One request, or several that go over one connection, in this order, with no other between them."""
Items = Iterable[Item] | AsyncIterable[Item]

CLOSE_S_MAX: Final = 5.0


class Written(NamedTuple):
    """A request as its bytes, and whether its connection ends with it."""

    data: bytes
    last: bool


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections, and how long to wait for one to stand, and for a reply; seconds."""

    connections: int
    timeout_s: float
    tls: ssl.SSLContext | None = None
    """With one, connections are encrypted and the server's name is checked."""
    replies_max: int | None = 64
    """How many replies may wait to be taken before no request is taken from the source; None: any number."""

    @property
    def room(self) -> float:
        """How many these are; there is always room for two replies of each connection."""
        return math.inf if self.replies_max is None else max(self.replies_max, 2 * self.connections)


class Connections:
    """So many places for connections. Dispatches that are at work at once may share them.

    A context manager: what is open and idle is used again, by whomever, until the last who has entered leaves.
    """

    def __init__(self, count: int) -> None:
        self._places = asyncio.Semaphore(count)
        self._idle: list[WireConnection] = []
        self._users = 0

    async def take(self) -> WireConnection | None:
        """Waits for a place; the connection that is there, or None."""
        await self._places.acquire()
        return self._idle.pop() if self._idle else None

    def give_back(self, connection: WireConnection | None) -> None:
        """Leaves a place, with a connection on which no reply is waited for."""
        if connection is not None:
            self._idle.append(connection)
        self._places.release()

    async def __aenter__(self) -> None:
        self._users += 1

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if not self._users:
            idle, self._idle = self._idle, []
            await asyncio.gather(*map(_ended, idle))


class Dispatch:
    """One source of requests and its workers; read `replies`, to their end or not, then `close`."""

    def __init__(
        self,
        address: Address,
        items: Items,
        write: Callable[[Request], Written],
        limits: ConnectionLimits,
        connections: Connections,
    ) -> None:
        self.address = address
        self.write = write
        self.limits = limits
        self.connections = connections
        self._room = limits.room
        self._error: Exception | None = None
        self._items = None if isinstance(items, AsyncIterable) else iter(items)
        self._stream = aiter(items) if isinstance(items, AsyncIterable) else None
        self._stream_free = asyncio.Lock()  # an asynchronous generator cannot be asked by two at once
        self._supplied = 0
        self._replies: list[tuple[int, Reply]] = []
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._workers = [asyncio.create_task(Worker(self).run()) for _ in range(limits.connections)]
        for worker in self._workers:
            worker.add_done_callback(lambda _: self._arrived.set())

    async def replies(self) -> AsyncGenerator[tuple[int, Reply], None]:
        """Each reply with the index of its request, as they come. Raises what the source raised, after the last one."""
        while True:
            replies, self._replies = self._replies, []
            self._taken.set()
            for index, reply in replies:
                yield index, reply
            if self._replies:
                continue
            if all(worker.done() for worker in self._workers):
                break
            await self._arrived.wait()
            self._arrived.clear()
        if self._error is not None:
            raise self._error

    async def ended(self) -> list[Reply]:
        """Every reply, in the order of the requests, once there is no more. Raises what the source raised."""
        await asyncio.wait(self._workers)
        if self._error is not None:
            raise self._error
        return [reply for _, reply in sorted(self._replies, key=itemgetter(0))]

    async def next(self) -> Sequence[tuple[int, Request]]:
        """The requests of the next item, with their indices; none when the source has ended."""
        while len(self._replies) >= self._room:
            self._taken.clear()
            await self._taken.wait()
        while self._error is None and (item := await self._next_item()) is not None:
            requests = (item,) if isinstance(item, Request) else item
            if requests:
                first, self._supplied = self._supplied, self._supplied + len(requests)
                return tuple(enumerate(requests, first))
        return ()

    async def _next_item(self) -> Item | None:
        if self._items is not None:
            return next(self._items, None)
        assert self._stream is not None
        async with self._stream_free:
            return await anext(self._stream, None)

    def record(self, index: int, reply: Reply) -> None:
        """A request has ended."""
        self._replies.append((index, reply))
        self._arrived.set()

    def fail(self, error: Exception) -> None:
        """Nothing more is taken from the source; `replies` raises the error."""
        self._error = self._error or error

    async def close(self) -> None:
        """Ends workers and connections; requests in flight are forgotten."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)


class Worker:
    """Sends item after item over a connection; when that has ended, over the next one."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._connection: WireConnection | None = None

    async def run(self) -> None:
        """Works until the source has ended."""
        dispatch = self._dispatch
        self._connection = await dispatch.connections.take()
        try:
            while requests := await dispatch.next():
                for index, request in requests:
                    dispatch.record(index, await self._exchange(dispatch.write(request)))
        except Exception as error:  # the source's, whatever it is: it goes to whoever takes the replies
            dispatch.fail(error)
        finally:
            try:
                if self._connection is not None and not self._connection.is_idle:
                    await self._disconnect()
            finally:
                dispatch.connections.give_back(self._connection)

    async def _exchange(self, written: Written) -> Reply:
        if self._connection is None or not self._connection.is_usable:
            await self._disconnect()
            connection = await _connected(self._dispatch.address, self._dispatch.limits)
            if isinstance(connection, Reply):
                return connection
            self._connection = connection
        return await self._connection.send(written.data, last=written.last)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await _ended(connection)


async def exchange(address: Address, data: bytes, limits: ConnectionLimits) -> Reply:
    """The reply to one request on a connection of its own, without a worker."""
    connection = await _connected(address, limits)
    if isinstance(connection, Reply):
        return connection
    try:
        return await connection.send(data, last=True)
    finally:
        await _ended(connection)


async def _connected(address: Address, limits: ConnectionLimits) -> WireConnection | Reply:
    """A connection, or what becomes of a request for which there is none."""
    host, port = address
    try:
        async with asyncio.timeout(limits.timeout_s):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: WireConnection(limits.timeout_s), host, port, ssl=limits.tls
            )
    except TimeoutError:
        reason = f"{NO_CONNECTION} to {host}:{port} in {limits.timeout_s:g} s"
        return Reply(Outcome.TIMEOUT, 0, reason=reason)
    except OSError as error:
        return Reply(Outcome.REFUSED, 0, reason=f"{NO_CONNECTION} to {host}:{port}: {error}")
    return connection


async def _ended(connection: WireConnection) -> None:
    """Waits until the connection is gone: a transport that outlives its loop is a warning of its own."""
    connection.end()
    await asyncio.wait({connection.lost}, timeout=CLOSE_S_MAX)
