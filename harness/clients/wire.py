"""The wire client: writes request bytes itself, where HTTP libraries refuse or mend what must be tested.

Many requests, few connections, bounded memory. Each request is written once and ends in a reply, a refusal or a
timeout. One request is in flight on a connection at a time: a refusal can overtake the replies to requests before it,
so what is pipelined around a malformed request cannot be told apart. Replies to HEAD are not understood.
"""

import contextlib
import re
import ssl
from collections.abc import AsyncGenerator
from typing import Final

from harness.clients.dispatch import Address, ConnectionLimits, Dispatch, Items, Written
from harness.clients.exchange import FRAMING, Reply, Request
from harness.clients.extra_headers import NONE_GIVEN, ExtraHeaders
from harness.errors import UsageError
from harness.rule.policy import FIELD_BYTES

HEAD_BYTES_SURE: Final = 8 * 1024
FIELDS_SURE: Final = 90
"""Up to this size every common server takes a head; above it, some refuse (nginx and Apache: 8 KiB, 100 lines)."""

HTTP_PORT: Final = 80
HTTPS_PORT: Final = 443
"""Left out of the Host header, as clients do (RFC 9110, 7.2); some sites know their name only so."""

_TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # RFC 9110, 5.6.2
_TARGET = re.compile(r"/[!-~]*")


async def send_all(
    address: Address,
    requests: Items,
    *,
    connections: int = 8,
    timeout_s: float = 10.0,
    tls: ssl.SSLContext | None = None,
    given: ExtraHeaders = NONE_GIVEN,
) -> AsyncGenerator[tuple[int, Reply], None]:
    """Sends every request and yields (index, reply) as replies come; each index once, counted over all requests.

    `requests` is read on as replies are taken, and may be endless: memory is bounded by connections and the longest
    reply. A sequence loses its connection only when the server, or a malformed request in it, ends that. `timeout_s`
    bounds the connect, and from the write on the reply; seconds. With `tls` connections are encrypted; a server
    without a good certificate refuses each request, and the reason says so. `given` has what is added to every
    request, and masks it in the replies. To stop early, close the generator (`contextlib.aclosing`). What `requests`
    raises is raised here. Raises UsageError for a limit that lets nothing through.
    """
    if connections < 1 or timeout_s <= 0:
        raise UsageError(f"nothing can be sent with connections={connections}, timeout_s={timeout_s}")
    host = host_of(address, HTTPS_PORT if tls else HTTP_PORT)

    def write(request: Request) -> Written:
        request = given.added(request)
        data = request_bytes(request, host)
        return Written(data, ends_connection(request, data))

    dispatch = Dispatch(address, requests, write, ConnectionLimits(connections, timeout_s, tls))
    try:
        async for index, reply in dispatch.replies():
            yield index, given.masked_reply(reply)
    finally:
        await dispatch.close()


async def send(
    address: Address, request: Request, *, timeout_s: float = 10.0, tls: ssl.SSLContext | None = None
) -> Reply:
    """The reply to one request, on a connection of its own."""
    async with contextlib.aclosing(
        send_all(address, [request], connections=1, timeout_s=timeout_s, tls=tls)
    ) as replies:
        _, reply = await anext(replies)
        return reply


def request_bytes(request: Request, host: str) -> bytes:
    """The request as it is written: header lines byte for byte, Host before them and Content-Length after them."""
    parts = [f"{request.method} {request.path} HTTP/1.1\r\nHost: {host}\r\n".encode("latin-1")]
    parts += [b"%b: %b\r\n" % line for line in request.headers]
    parts.append(b"Content-Length: %d\r\n\r\n%b" % (len(request.body), request.body))
    return b"".join(parts)


def ends_connection(request: Request, data: bytes) -> bool:
    """Whether a server may see less or more than one request in `data`, the request's bytes.

    What it sees behind the first would be answered before the next request is, so that one gets a connection of its
    own.
    """
    head = data[: len(data) - len(request.body)]
    line_ends = b"\r\n" * (len(request.headers) + 4)  # request line, Host, Content-Length, empty line
    # What is left without the bytes that a field value may have are exactly the line ends, unless one is in a value.
    if head.translate(None, FIELD_BYTES) != line_ends or not _TARGET.fullmatch(request.path):
        return True
    return any(
        name.translate(None, _TOKEN) or not name or name.lower() in FRAMING for name, _ in request.headers
    )


def host_of(address: Address, default_port: int = HTTP_PORT) -> str:
    """What the Host header says of an address."""
    host, port = address
    name = f"[{host}]" if ":" in host else host
    return name if port == default_port else f"{name}:{port}"
