"""HTTP/1.1 as Node serves it, for uvicorn: what reaches the app, and what is refused before it.

uvicorn and Node parse with the same library (llhttp), but differ around it. Node trims SP and HTAB from both
ends of a value, keeps trailers apart from headers, refuses a head of 16 KiB, and refuses with an empty body.
"""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from harness.backend.builds import HeaderLines
from harness.rule.policy import OWS, received

HEAD_BYTES_MAX: Final = 16 * 1024
"""A head is refused from this size on: the bytes of its URL, names and values, not of what is between.

Blanks after a value count, blanks before it do not. Source: Node's `--max-http-header-size`, and Node 24.
"""

FIELDS_MAX: Final = 1000
"""Most header lines in a head (Node from 24.18.1 and 22.23.2 on; older ones left the rest out)."""

FIRST_ONLY: Final = frozenset(
    b"age authorization content-length content-type etag expires from host if-modified-since"
    b" if-unmodified-since last-modified location max-forwards proxy-authorization referer retry-after"
    b" server user-agent".split()
)
"""Headers of which Node keeps the first line only. Source: Node's documentation, `message.headers`."""

TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"
MALFORMED: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
"""Node's refusals, byte for byte: no body, no length, the end of the connection is the end of the reply."""

AS_SENT: Final = "harness.names_as_sent"
"""Where a scope holds the names of its header lines as they were sent; ASGI has them in lower case."""

_SEPARATORS = 4  # ": " and CRLF of one header line
_REQUEST_LINE = 32  # longest method, two blanks, version, CRLF


class _Place(Enum):
    BETWEEN = auto()  # before a request line
    HEAD = auto()
    BODY = auto()


class _HeadTooLarge(Exception):
    pass


class NodeProtocol(HttpToolsProtocol):
    """One connection of a server that treats headers as Node does: `uvicorn.Config(http=NodeProtocol)`.

    Like Node, a refusal takes the place of a reply that has not begun, and closes the connection. An
    unfinished head is refused from about 16 KiB on too (blanks before its values count then), so that an
    endless one takes no memory. There are no upgrades: a request for one is served as one without a body.
    """

    page = b""
    """What stands behind a refusal; nothing under Node."""

    _place = _Place.BETWEEN
    _begun = 0  # requests begun on this connection
    _unfinished = 0  # bytes of packets that hold nothing but part of the head being read

    def data_received(self, data: bytes) -> None:
        """Parses a packet; refuses what Node refuses. Nothing is logged: a refusal is the client's affair."""
        self._unset_keepalive_if_required()
        place, begun = self._place, self._begun
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError as error:
            # What a callback raises stops the parser, which then raises an error of its own: ours is its context.
            self._refuse(TOO_LARGE if isinstance(error.__context__, _HeadTooLarge) else MALFORMED, data)
            return
        # A head that never ends reaches no callback that could measure it, so packets are counted. Only those that lie
        # within one head count: the packet in which it began may hold the body of the request before, too.
        if self._place is _Place.HEAD:
            fresh = begun if place is _Place.HEAD else begun + (place is _Place.BETWEEN)
            if self._begun == fresh:
                self._unfinished += len(data)
            between = _REQUEST_LINE + _SEPARATORS * (
                len(self.headers) + 2
            )  # the parser keeps two lines back at most
            if self._unfinished - between >= HEAD_BYTES_MAX or len(self.headers) > FIELDS_MAX:
                self._refuse(TOO_LARGE, data)

    def on_message_begin(self) -> None:
        """A request line begins."""
        super().on_message_begin()
        self._place = _Place.HEAD
        self._begun += 1
        self._unfinished = 0
        self._names: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line."""
        self._names.append(name)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there: measured as Node measures it, then given to the app with its values trimmed."""
        self._place = _Place.BODY
        size = len(self.url) + sum([len(name) + len(value) for name, value in self.headers])
        if size >= HEAD_BYTES_MAX or len(self.headers) > FIELDS_MAX:
            raise _HeadTooLarge
        # a list of its own: uvicorn appends trailers to the other one
        self.scope["headers"] = [(name, value.strip(OWS)) for name, value in self.headers]
        self.scope[AS_SENT] = list(self._names)  # type: ignore[typeddict-unknown-key]  # a key of our own
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is there to its last byte."""
        super().on_message_complete()
        self._place = _Place.BETWEEN

    def on_refusal(self, reply: bytes, lines: HeaderLines, packet: bytes) -> None:
        """Called for each refusal, for whoever shows what went by; does nothing here.

        `lines` are those of the head that were whole, `packet` are the bytes in which it went wrong.
        """

    def _refuse(self, reply: bytes, packet: bytes) -> None:
        """Ends the connection; says why unless that could fall into a reply that has begun."""
        self.on_refusal(reply, [] if self._place is _Place.BETWEEN else list(self.headers), packet)
        # Node writes its refusal where a reply could stand. In the middle of one, the client would read it as content.
        last = self.cycle
        silent = bool(self.pipeline) or (
            last is not None and last.response_started and not last.response_complete
        )
        if not silent:
            self.transport.write(reply + self.page)
        self.transport.close()


def behind_refusals(page: bytes | None) -> type[NodeProtocol]:
    """The protocol of a server whose refusals have a body; None: Node's, which have none."""
    return NodeProtocol if page is None else type("PageProtocol", (NodeProtocol,), {"page": page})


def node_header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    """A header of an ASGI scope as the app reads it under Node, with `Headers.get`: latin-1, duplicates joined.

    Of the headers in `FIRST_ONLY` the first line counts. `name` is lower case. None when there is no such header.
    """
    lines = [value for key, value in headers if key == name]
    return received(lines[:1] if name in FIRST_ONLY else lines)
