"""One TCP connection of the wire client: writes requests in order and gives each the reply that is its own.

Knows neither where requests come from nor what they mean.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol, cast

import httptools

from harness.clients.exchange import HeaderLine, Outcome, Reply
from harness.rule.policy import OWS

REPLY_BYTES_MAX: Final = 8 * 1024 * 1024
"""Longest reply, head and body; a connection that says more is dropped."""

WRITE_BYTES: Final = 64 * 1024
"""Written at once at most, but for a longer request; then the transport may ask for a pause."""

IDLE_S_MAX: Final = 2.0
"""Longest pause after which a connection is used again: servers close idle ones, most of them after 5 s."""

REFUSAL_STATUSES: Final = frozenset({400, 431})
"""With an empty body, these come from the HTTP layer; an app that refuses says why."""


class Manner(IntEnum):
    """How a request may travel, so that the reply to it can be told from every other."""

    PIPELINED = 0
    ALONE = 1
    """HTTP may refuse it, and a refusal can overtake replies: nothing else is in flight with it."""
    LAST = 2
    """A server may see less or more than one request in it: alone, and the connection is not used again."""


@dataclass(slots=True)
class Ticket:
    """A request on its way: its place among all requests, its bytes, and until when a reply is waited for."""

    index: int
    data: bytes
    manner: Manner
    deadline: float = 0.0


class Work(Protocol):
    """What a connection works on. Nothing here may raise."""

    def peek(self) -> Ticket | None:
        """The next ticket; None when there is none at the moment."""

    def take(self) -> Ticket:
        """Removes the ticket that `peek` has shown."""

    def record(self, ticket: Ticket, reply: Reply) -> None:
        """How the ticket ended; once for each ticket."""

    def ended(self, unserved: Sequence[Ticket]) -> None:
        """The connection is over; the server cannot have processed these tickets."""


class Connection(asyncio.Protocol):
    """Writes up to `depth` tickets ahead of their replies; every ticket is recorded or handed back within `timeout_s`.

    After a refusal, or a reply that announces the end of the connection, a server processes nothing more (RFC 9112,
    9.6): what was written behind it is handed back. When the connection just ends, what had no reply may have been
    processed: it is recorded as closed and never sent twice.
    """

    def __init__(self, work: Work, depth: int, timeout_s: float) -> None:
        self._work = work
        self._depth = depth
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._sent: deque[Ticket] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None  # since the last reply
        self._paused = False
        self._last = False  # the reply that was read is the last one of this connection
        self._over = False
        self._headers: list[HeaderLine] = []
        self._body = bytearray()
        self._in_body = False
        self._unfinished = 0  # bytes of the reply being read
        self.lost: asyncio.Future[None] = self._loop.create_future()

    def fill(self) -> None:
        """Writes tickets as long as there are any, and room for them."""
        if self._over or self._transport is None:
            return
        now = self._loop.time()
        if not self._sent and self._idle_since is not None and now - self._idle_since > IDLE_S_MAX:
            self.end()
            return
        while not self._paused and (data := self._next_bytes(now + self._timeout_s)):
            if self._timer is None:
                self._timer = self._loop.call_at(self._sent[0].deadline, self._check_deadline)
            self._transport.write(data)

    def _next_bytes(self, deadline: float) -> bytes:
        """The bytes of the tickets that may be written now, about `WRITE_BYTES` at a time."""
        out: list[bytes] = []
        room = WRITE_BYTES
        while room > 0 and len(self._sent) < self._depth and not (self._sent and self._sent[-1].manner):
            ticket = self._work.peek()
            if ticket is None or (self._sent and ticket.manner):
                break
            self._work.take()
            ticket.deadline = deadline
            self._sent.append(ticket)
            out.append(ticket.data)
            room -= len(ticket.data)
        return b"".join(out)

    def end(self) -> None:
        """Closes the connection at once and hands back what is in flight."""
        if self._over:
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        unserved = tuple(self._sent)
        self._sent.clear()
        self._work.ended(unserved)

    def _fail(self, outcome: Outcome, reason: str) -> None:
        while self._sent:
            self._work.record(self._sent.popleft(), Reply(outcome, 0, reason=reason))
        self.end()

    def _check_deadline(self) -> None:
        self._timer = None
        if not self._sent:
            return
        if self._sent[0].deadline > self._loop.time():
            self._timer = self._loop.call_at(self._sent[0].deadline, self._check_deadline)
        else:
            self._fail(
                Outcome.TIMEOUT, f"no whole reply in {self._timeout_s:g} s to the oldest request in flight"
            )

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands; nothing is written before `fill` is called."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    def pause_writing(self) -> None:
        """The server reads too slowly: nothing more is written."""
        self._paused = True

    def resume_writing(self) -> None:
        """The server has caught up."""
        self._paused = False
        self.fill()

    def data_received(self, data: bytes) -> None:
        """Reads replies; then writes what there is room for."""
        if self._over:
            return
        self._unfinished += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._last:
                self._fail(Outcome.REFUSED, f"closed: the reply is not HTTP/1.1 ({error})")
        if self._last:
            self.end()
        elif self._unfinished > REPLY_BYTES_MAX:
            self._fail(Outcome.REFUSED, f"closed: the reply is longer than {REPLY_BYTES_MAX} bytes")
        else:
            self.fill()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: a reply without a length ends here, what has none is recorded."""
        if not self._over:
            if self._in_body and self._ends_here(exc):
                self._last = True
                self.on_message_complete()
            if self._last:
                self.end()
            else:
                within = "within the reply" if self._unfinished else "without a reply"
                self._fail(Outcome.REFUSED, f"closed {within}" + (f": {exc}" if exc else ""))
        self.lost.set_result(None)

    def _ends_here(self, exc: Exception | None) -> bool:
        if any(name in (b"content-length", b"transfer-encoding") for name, _ in self._headers):
            return False
        # a server that refuses what it has not read to its end resets the connection behind its refusal
        return exc is None or (not self._body and self._parser.get_status_code() in REFUSAL_STATUSES)

    # httptools calls these

    def on_message_begin(self) -> None:
        """A reply begins. One that nobody waits for, a 408 for example, is nobody's: the connection is over."""
        self._last = self._last or not self._sent

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
        """A reply is there: it belongs to the ticket that has waited longest."""
        status, headers, body = self._parser.get_status_code(), tuple(self._headers), bytes(self._body)
        self._headers.clear()
        self._body.clear()
        self._in_body = False
        self._unfinished = 0
        if status < 200 or not self._sent:  # interim: the reply is still to come
            return
        ticket = self._sent.popleft()
        self._idle_since = self._loop.time()
        self._last = self._last or ticket.manner is Manner.LAST or not self._parser.should_keep_alive()
        refused = status in REFUSAL_STATUSES and not body
        self._work.record(ticket, Reply(Outcome.REFUSED if refused else Outcome.REPLY, status, headers, body))
