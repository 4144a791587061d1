"""A server of one route that takes JSON by POST, on a loopback port; all else is answered with 404, 405 or 413."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, cast

import httptools

from harness.clients.coding import inflated

HOST: Final = "127.0.0.1"
BODY_BYTES_MAX: Final = 8 << 20
"""Of a request, compressed or not."""
GZIP: Final = 16 + zlib.MAX_WBITS
"""zlib's `wbits` for gzip alone."""

Take = Callable[[Any], None]
"""Takes a document. Raises ValueError for one that is refused."""


@asynccontextmanager
async def json_server(path: str, take: Take) -> AsyncIterator[int]:
    """The port of a running server; a document that is refused, or is none, is answered with 400.

    Raises OSError when it cannot listen.
    """
    connections: set[_JsonConnection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: _JsonConnection(path.encode("ascii"), take, connections), HOST, 0
    )
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for connection in list(connections):
            connection.abort()
        await server.wait_closed()


class _JsonConnection(asyncio.Protocol):
    def __init__(self, path: bytes, take: Take, connections: set["_JsonConnection"]) -> None:
        self._path = path
        self._take = take
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._is_gzip = False
        self._body = bytearray()

    def abort(self) -> None:
        assert self._transport is not None
        self._transport.abort()

    def _status(self) -> HTTPStatus:
        """What the request is answered with, once it has been taken."""
        if self._url.partition(b"?")[0] != self._path:
            return HTTPStatus.NOT_FOUND
        if self._parser.get_method() != b"POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        if len(self._body) > BODY_BYTES_MAX:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        text = inflated(self._body, GZIP, BODY_BYTES_MAX) if self._is_gzip else self._body
        try:
            self._take(json.loads(text or b""))
        except ValueError:
            return HTTPStatus.BAD_REQUEST
        return HTTPStatus.OK

    def _answer(self, status: HTTPStatus, *, last: bool) -> None:
        assert self._transport is not None
        body = json.dumps({"status": status.phrase}).encode()
        head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self._transport.write(head.encode() + b"connection: close\r\n" * last + b"\r\n" + body)
        if last:
            self._transport.close()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's)
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._answer(HTTPStatus.BAD_REQUEST, last=True)

    # httptools calls these

    def on_message_begin(self) -> None:
        self._url, self._is_gzip = b"", False
        self._body.clear()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-encoding":
            self._is_gzip = value.lower() == b"gzip"

    def on_body(self, body: bytes) -> None:
        if len(self._body) <= BODY_BYTES_MAX:
            self._body += body

    def on_message_complete(self) -> None:
        self._answer(self._status(), last=not self._parser.should_keep_alive())
