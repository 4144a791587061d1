"""The wire client: writes request bytes itself, where HTTP libraries refuse or mend what must be tested.

Many requests, few connections, bounded memory. Each request is written once and ends in a reply, a refusal or a
timeout. One request is in flight on a connection at a time: a refusal can overtake the replies to requests before it,
so what is pipelined around a malformed request cannot be told apart. Replies to HEAD are not understood.
"""

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from harness.clients.dispatch import ConnectionLimits, Connections, Dispatch, Items, Written, exchange
from harness.clients.exchange import Address, Reply, Request
from harness.clients.extra_headers import NONE_GIVEN, ExtraHeaders
from harness.clients.request_bytes import HTTP_PORT, HTTPS_PORT, ends_connection, host_of, request_bytes
from harness.errors import UsageError


async def send_all(
    address: Address,
    requests: Items,
    *,
    connections: int = 8,
    timeout_s: float = 10.0,
    tls: ssl.SSLContext | None = None,
    given: ExtraHeaders = NONE_GIVEN,
    shared: Connections | None = None,
) -> AsyncGenerator[tuple[int, Reply], None]:
    """Sends every request and yields (index, reply) as replies come; each index once, counted over all requests.

    `requests` is read on as replies are taken, and may be endless: memory is bounded by connections and the longest
    reply. A sequence loses its connection only when the server, or a malformed request in it, ends that. `timeout_s`
    bounds the connect, and from the write on the reply; seconds. With `tls` connections are encrypted; a server
    without a good certificate refuses each request, and the reason says so. `given` has what is added to every
    request, and masks it in the replies. With `shared` all calls that share it have so many connections in all. To
    stop early, close the generator (`contextlib.aclosing`). What `requests` raises is raised here. Raises UsageError
    for a limit that lets nothing through.
    """
    limits = ConnectionLimits(connections, timeout_s, tls)
    async with _dispatch(address, requests, limits, given, shared) as dispatch:
        async for index, reply in dispatch.replies():
            yield index, given.masked_reply(reply)


async def send_and_wait(
    address: Address,
    requests: Items,
    *,
    connections: int = 8,
    timeout_s: float = 10.0,
    given: ExtraHeaders = NONE_GIVEN,
    shared: Connections | None = None,
) -> list[Reply]:
    """As `send_all`: the reply to each, in the order of the requests, once all have ended; all are held in memory.

    Nobody is woken for each reply, which costs as much as to read it.
    """
    limits = ConnectionLimits(connections, timeout_s, replies_max=None)
    async with _dispatch(address, requests, limits, given, shared) as dispatch:
        return list(map(given.masked_reply, await dispatch.ended()))


@asynccontextmanager
async def _dispatch(
    address: Address,
    requests: Items,
    limits: ConnectionLimits,
    given: ExtraHeaders,
    shared: Connections | None,
) -> AsyncIterator[Dispatch]:
    if limits.connections < 1 or limits.timeout_s <= 0:
        raise UsageError(
            f"nothing can be sent with connections={limits.connections}, timeout_s={limits.timeout_s}"
        )
    host = host_of(address, HTTPS_PORT if limits.tls else HTTP_PORT)

    def write(request: Request) -> Written:
        request = given.added(request)
        data = request_bytes(request, host)
        return Written(data, ends_connection(request, data))

    places = shared or Connections(limits.connections)
    async with places:
        dispatch = Dispatch(address, requests, write, limits, places)
        try:
            yield dispatch
        finally:
            await dispatch.close()


async def send(
    address: Address, request: Request, *, timeout_s: float = 10.0, tls: ssl.SSLContext | None = None
) -> Reply:
    """The reply to one request, on a connection of its own."""
    data = request_bytes(request, host_of(address, HTTPS_PORT if tls else HTTP_PORT))
    return await exchange(address, data, ConnectionLimits(1, timeout_s, tls))
