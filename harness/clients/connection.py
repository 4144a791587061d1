"""One TCP connection of the wire client: one request at a time is written, and its reply read."""

import asyncio
from typing import Final, cast

import httptools

from harness.clients.coding import decoded
from harness.clients.exchange import HeaderLine, Outcome, Reply
from harness.rule.policy import OWS

REPLY_BYTES_MAX: Final = 8 * 1024 * 1024
"""Longest reply, head and body; a connection that says more is dropped."""

IDLE_S_MAX: Final = 2.0
"""Longest pause after which a connection is used again: servers close idle ones, most of them after 5 s."""

REFUSAL_STATUSES: Final = frozenset({400, 431})
"""With an empty body, these come from the HTTP layer; an app that refuses says why."""


class WireConnection(asyncio.Protocol):
    """Every request that is sent ends within `timeout_s` seconds: with its reply, or with why there is none.

    When the connection ends without a reply, the server may have processed the request: that is an outcome of its
    own, and nothing is ever written twice.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._reply: asyncio.Future[Reply] | None = None  # of the request in flight
        self._deadline = 0.0  # of the request in flight
        self._timer: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None  # since the last reply
        self._last = False  # no request follows the one in flight
        self._over = False
        self._headers: list[HeaderLine] = []
        self._body = bytearray()
        self._in_body = False
        self._unfinished = 0  # bytes of the reply being read
        self.lost: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_usable(self) -> bool:
        """Whether a request can be sent now."""
        idle_s = 0.0 if self._idle_since is None else self._loop.time() - self._idle_since
        return not self._over and idle_s <= IDLE_S_MAX

    @property
    def is_idle(self) -> bool:
        """Whether it stands and no reply is waited for."""
        return not self._over and self._reply is None

    def send(self, data: bytes, *, last: bool) -> asyncio.Future[Reply]:
        """Writes one request; its reply comes with the future. After the `last` one the connection ends."""
        assert self._transport is not None
        assert self._reply is None, "one request at a time"
        self._last = last
        self._reply = self._loop.create_future()
        self._deadline = self._loop.time() + self._timeout_s
        # The timer of the request before is left to run: moving it for each request costs more than to find, once in
        # `timeout_s`, that it has nothing to do.
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)
        self._transport.write(data)
        return self._reply

    def end(self) -> None:
        """Closes the connection at once; a request in flight gets no reply any more."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, outcome: Outcome, reason: str) -> None:
        self._resolve(Reply(outcome, 0, reason=reason))
        self.end()

    def _resolve(self, reply: Reply) -> None:
        waiting, self._reply = self._reply, None
        if waiting is not None and not waiting.done():  # done: whoever waited was cancelled
            waiting.set_result(reply)

    def _check_deadline(self) -> None:
        self._timer = None
        if self._reply is None:
            return
        if self._deadline > self._loop.time():
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)
        else:
            self._fail(Outcome.TIMEOUT, f"no whole reply in {self._timeout_s:g} s")

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    def data_received(self, data: bytes) -> None:
        """Reads a part of a reply."""
        if self._over:
            return
        self._unfinished += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(Outcome.REFUSED, f"closed: the reply is not HTTP/1.1 ({error})")
            return
        if self._last and self._reply is None:
            self.end()
        elif self._unfinished > REPLY_BYTES_MAX:
            self._fail(Outcome.REFUSED, f"closed: the reply is longer than {REPLY_BYTES_MAX} bytes")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: a reply without a length ends here, an unfinished one has failed."""
        if not self._over:
            if self._in_body and self._ends_here(exc):
                self.on_message_complete()
            where = "within the reply" if self._unfinished else "without a reply"
            self._fail(Outcome.REFUSED, f"closed {where}" + (f": {exc}" if exc else ""))
        self.lost.set_result(None)

    def _ends_here(self, exc: Exception | None) -> bool:
        """Whether the end of the connection is the end of the reply (RFC 9112, 6.3, the last case)."""
        if any(name in (b"content-length", b"transfer-encoding") for name, _ in self._headers):
            return False
        # A server that refuses a request before it has read all of it closes a socket with unread bytes, and the
        # kernel then sends a reset instead of an orderly end. The refusal has arrived all the same. Any other reply
        # without a length may have been cut off by a reset: nobody can know, so it does not count as whole.
        return exc is None or (not self._body and self._parser.get_status_code() in REFUSAL_STATUSES)

    # httptools calls these

    def on_message_begin(self) -> None:
        """A reply begins.

        One that no request waits for (a 408 as the server gives up an idle connection, what a smuggled request has
        caused) belongs to nobody; taken for the next request's it would shift every reply after it by one.
        """
        self._last = self._last or self._reply is None

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line of a reply."""
        self._headers.append((name.lower(), value.rstrip(OWS)))

    def on_headers_complete(self) -> None:
        """A body may follow."""
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        """A part of the body, without what chunks add."""
        self._body += body

    def on_message_complete(self) -> None:
        """A whole reply is there."""
        status = self._parser.get_status_code()
        headers, body = decoded(self._headers, bytes(self._body), REPLY_BYTES_MAX)
        self._headers.clear()
        self._body.clear()
        self._in_body = False
        self._unfinished = 0
        # 100 Continue and 103 Early Hints are whole messages to the parser; the reply itself is still to come.
        if status < 200:
            return
        self._idle_since = self._loop.time()
        self._last = self._last or not self._parser.should_keep_alive()
        # Node refuses what is no HTTP with 400 or 431 and nothing else; an app's own 400 has a body.
        refused = status in REFUSAL_STATUSES and not body
        self._resolve(Reply(Outcome.REFUSED if refused else Outcome.REPLY, status, headers, body))
