"""The proxy's hop to its upstream: HTTP/1.1 over connections that are kept, one request at a time on each.

A client of its own: what a library does beside it (cookies, redirects, encodings, timeouts) took a quarter of the
proxy's CPU, and none of it is asked for here. A request is written once and never again.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Self, cast
from urllib.parse import urlsplit

import httptools

from harness.backend.builds import HeaderLines


class UpstreamError(Exception):
    """The upstream cannot be reached, or its reply is none or broke off."""


class UpstreamReply:
    """A reply as it comes. `chunks` is read once; what has come and was not read yet is kept, whatever its size."""

    def __init__(self, connection: "_Connection") -> None:
        self.status = 0
        self.headers: HeaderLines = []
        """Names in lower case."""
        self._connection = connection
        self._parts: list[bytes] = []
        self._error: UpstreamError | None = None
        self._ended = False
        self._awaited: asyncio.Future[None] | None = None  # something has come

    def header(self, name: bytes) -> bytes | None:
        """The first header of that name, which is in lower case."""
        return next((value for key, value in self.headers if key == name), None)

    async def head(self) -> None:
        """Waits for status and headers. Raises UpstreamError."""
        while not self.status:
            await self._more()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, in the pieces in which it comes. Raises UpstreamError where it breaks off."""
        while True:
            if self._parts:
                chunk = b"".join(self._parts)
                self._parts.clear()
                yield chunk
            elif self._ended:
                return
            else:
                await self._more()

    def close(self) -> None:
        """Gives the reply up, with its connection; nothing where it has ended."""
        if not self._ended:
            self._connection.abort()
            self.on_error(UpstreamError("given up"))

    async def _more(self) -> None:
        """Waits until something has come. Raises UpstreamError where nothing does any more."""
        if self._error is None:
            self._awaited = asyncio.get_running_loop().create_future()
            try:
                await self._awaited
            finally:
                self._awaited = None
        elif not self._parts:
            raise self._error

    # the connection calls these

    def on_head(self, status: int) -> None:
        """Status and headers are there."""
        self.status = status
        self._wake()

    def on_part(self, part: bytes) -> None:
        """A piece of the body."""
        self._parts.append(part)
        self._wake()

    def on_end(self) -> None:
        """It is whole."""
        self._ended = True
        self._wake()

    def on_error(self, error: UpstreamError) -> None:
        """Nothing more comes."""
        self._error = self._error or error
        self._wake()

    def _wake(self) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(None)


class UpstreamClient:
    """Connections to one upstream; `origin` is its URL without a path."""

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        assert parts.hostname is not None
        assert parts.port is not None
        self._address = (parts.hostname, parts.port)
        self._host = parts.netloc.encode("ascii")
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()

    async def post(self, path: str, body: bytes) -> UpstreamReply:
        """Sends JSON; the reply is returned before its head has come. Raises UpstreamError."""
        connection = await self._connection()
        head = b"POST %b HTTP/1.1\r\nhost: %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        return connection.send(head % (path.encode("ascii"), self._host, len(body)) + body)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Ends all connections."""
        for connection in list(self._all):
            connection.abort()

    async def _connection(self) -> "_Connection":
        while self._idle:
            connection = self._idle.pop()
            if connection in self._all:
                return connection
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self._idle, self._all), *self._address
            )
        except OSError as error:
            raise UpstreamError(str(error)) from error
        return connection


class _Connection(asyncio.Protocol):
    def __init__(self, idle: list["_Connection"], every: set["_Connection"]) -> None:
        self._idle = idle
        self._every = every
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._reply: UpstreamReply | None = None

    def send(self, data: bytes) -> UpstreamReply:
        assert self._transport is not None
        reply = self._reply = UpstreamReply(self)
        self._transport.write(data)
        return reply

    def abort(self) -> None:
        self._every.discard(self)
        if self._transport is not None:
            self._transport.abort()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        self._every.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(f"the reply is not HTTP/1.1 ({error})")
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._every.discard(self)
        reply = self._reply
        if reply is not None and exc is None and reply.status and not _is_measured(reply.headers):
            self.on_message_complete()  # the end of the connection is that of the reply (RFC 9112, 6.3)
        self._fail(str(exc or "the connection has ended"))

    def _fail(self, reason: str) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.on_error(UpstreamError(reason))

    # httptools calls these

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reply is not None:
            self._reply.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._reply is None:
            return
        if status < 200:  # 100 Continue and the like are messages to the parser; the reply is still to come
            self._reply.headers.clear()
        else:
            self._reply.on_head(status)

    def on_body(self, body: bytes) -> None:
        if self._reply is not None:
            self._reply.on_part(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:
            return
        reply, self._reply = self._reply, None
        if reply is None or not self._parser.should_keep_alive():  # without a reply: nobody has asked
            self.abort()
        else:
            self._idle.append(self)
        if reply is not None:
            reply.on_end()


def _is_measured(headers: HeaderLines) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in headers)
