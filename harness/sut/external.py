"""Somebody's deployed backend: where it is, and how requests are sent to it without harming it.

Knows nothing of what is asked or of rows. Pace, pauses and caps hold for every request that leaves, and each is in the
journal before it does.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

from harness.clients import wire
from harness.clients.dispatch import Connections
from harness.clients.exchange import Address, Reply, Request
from harness.clients.extra_headers import NONE_GIVEN, ExtraHeaders
from harness.clients.http import send_over_http2
from harness.clients.request_bytes import HTTP_PORT, HTTPS_PORT
from harness.errors import UsageError
from harness.sut.journal import Journal
from harness.sut.observation import Exchange, Probe, ProbeGroup

CONNECTIONS: Final = 8
IN_FLIGHT: Final = 2 * CONNECTIONS
"""Requests, or sequences of them, handed to connections at once: what a pause comes too late for."""
SILENT_MAX: Final = 2 * CONNECTIONS
"""So many requests in a row without any reply: the target has gone."""
RETRY_AFTER_S: Final = 1.0
"""How long to wait after a 429 that does not say."""
REFUSED_OFTEN: Final = 20
"""From so many 429s on, one in four of all requests is too many to go on."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a backend is. `tls` is None for http."""

    url: str
    """As given, without a path."""
    address: Address
    tls: ssl.SSLContext | None


def site_of(url: str) -> Site:
    """The site of an http:// or https:// URL without a path. Raises UsageError for any other.

    Certificates are checked against the system's, or those that SSL_CERT_FILE names.
    """
    problem = f"backend URL {url!r} is no http:// or https:// URL without a path; for example https://api.example.com"
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError:
        raise UsageError(problem) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise UsageError(problem)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(problem)
    if parts.scheme == "http":
        return Site(url.rstrip("/"), (parts.hostname, port or HTTP_PORT), None)
    return Site(url.rstrip("/"), (parts.hostname, port or HTTPS_PORT), ssl.create_default_context())


@dataclass(slots=True)
class Limits:
    """What may be sent to a target, and how fast."""

    requests_max: int
    rate_max: float | None
    """Requests a second; None: as fast as the connections allow."""
    timeout_s: float
    """Longest wait for one reply."""
    deadline: float
    """Monotonic time after which nothing more is sent."""


class Sending:
    """Sends to one site under its limits; once it has stopped, it says why and sends nothing more."""

    def __init__(
        self, site: Site, limits: Limits, given: ExtraHeaders = NONE_GIVEN, journal: Journal | None = None
    ) -> None:
        self._site = site
        self._given = given
        self._journal = journal
        self.limits = limits
        self.requests = 0
        """Requests handed out so far."""
        self.reserve = 0
        """Requests that are kept for later: sending ends before them."""
        self.refused_for_rate = 0
        """429 replies so far."""
        self.stopped: str | None = None
        self._silent = 0  # requests in a row without a reply
        self._pause_until = 0.0
        self._next_at = 0.0
        self._outstanding = 0
        self._progress = asyncio.Event()
        self._connections = Connections(CONNECTIONS)
        self._noted: dict[int, ProbeGroup] = {}  # by their ids: in the journal, and not sent yet

    @property
    def over_tls(self) -> bool:
        """Whether the site is asked over TLS, where it may offer HTTP/2."""
        return self._site.tls is not None

    @property
    def left(self) -> int:
        """How many requests may still be sent."""
        return 0 if self.stopped else self.limits.requests_max - self.requests

    async def send(
        self, probe_groups: Sequence[ProbeGroup], handed_out: Callable[[], None] | None = None
    ) -> AsyncGenerator[Exchange, None]:
        """Each exchange as it ends; what was not sent any more has none. To stop early, close it.

        `handed_out` is called when all have left or none may any more: then the next may be sent beside the last of
        these, over the same connections.
        """
        await self.note(probe_groups)
        for each in probe_groups:
            self._noted.pop(id(each), None)
        supplied: list[tuple[Probe, list[int]]] = []
        exchanges: list[Exchange] = []
        loop = asyncio.get_running_loop()
        sent = wire.send_all(
            self._site.address,
            self._paced(probe_groups, supplied, handed_out),
            connections=CONNECTIONS,
            timeout_s=self.limits.timeout_s,
            tls=self._site.tls,
            given=self._given,
            shared=self._connections,
        )
        try:
            async with aclosing(sent) as replies:
                async for index, reply in replies:
                    probe, unanswered = supplied[index]
                    unanswered[0] -= 1
                    self._outstanding -= not unanswered[0]
                    self._look_at(probe, reply, loop.time())
                    self._progress.set()
                    exchanges.append(Exchange(probe, reply, loop.time()))
                    yield exchanges[-1]
                    if self._silent >= SILENT_MAX:
                        break
        finally:
            self._outstanding -= len({id(unanswered) for _, unanswered in supplied if unanswered[0]})
            self._progress.set()
        await self._note_replies(exchanges)

    async def send_over_http2(self, probes: Sequence[Probe]) -> list[Exchange]:
        """Answers to requests over HTTP/2; none where the site does not offer it."""
        if not self.over_tls or not await self._may_send(len(probes)):
            return []
        whole = ProbeGroup(tuple(probes))
        await self.note([whole])
        self._noted.pop(id(whole), None)
        loop = asyncio.get_running_loop()
        replies = await send_over_http2(
            self._site.url,
            [self._given.added(probe.request) for probe in probes],
            timeout_s=self.limits.timeout_s,
            tls=ssl.create_default_context(),
        )
        self.requests += len(replies or ())
        exchanges = [
            Exchange(probe, self._given.masked_reply(reply), loop.time())
            for probe, reply in zip(probes, replies or (), strict=False)
        ]
        for exchange in exchanges:
            self._look_at(exchange.probe, exchange.reply, exchange.at)
        await self._note_replies(exchanges)
        return exchanges

    async def note(self, probe_groups: Sequence[ProbeGroup]) -> None:
        """Puts what is to be sent into the journal, if it is not there yet: others may be on the wire meanwhile."""
        new = [each for each in probe_groups if id(each) not in self._noted]
        if self._journal is not None and new:
            await asyncio.to_thread(self._journal.sending, [probe for each in new for probe in each.probes])
            self._noted |= {id(each): each for each in new}

    async def _note_replies(self, exchanges: Sequence[Exchange]) -> None:
        if self._journal is not None:
            await asyncio.to_thread(self._journal.replied, exchanges)

    async def _paced(
        self,
        probe_groups: Sequence[ProbeGroup],
        supplied: list[tuple[Probe, list[int]]],
        handed_out: Callable[[], None] | None,
    ) -> AsyncIterator[list[Request]]:
        for unit in _units(probe_groups):
            if not await self._may_send(len(unit)):
                break
            self.requests += len(unit)
            self._outstanding += 1
            unanswered = [len(unit)]
            supplied.extend((probe, unanswered) for probe in unit)
            yield [probe.request for probe in unit]
        if handed_out is not None:
            handed_out()

    async def _may_send(self, count: int) -> bool:
        """Waits until so many more may leave; False when nothing may any more."""
        loop = asyncio.get_running_loop()
        limits = self.limits
        while self.stopped is None:
            now = loop.time()
            wake = max(self._pause_until, self._next_at)
            if self.requests + count > limits.requests_max - self.reserve:
                return False
            if max(now, wake) >= limits.deadline:
                asked = f", the target asks to wait {wake - now:.0f} s" if self._pause_until > now else ""
                self.stopped = f"the time limit is reached{asked}"
            elif self._outstanding >= IN_FLIGHT:
                self._progress.clear()
                await self._progress.wait()
            elif wake > now:
                await asyncio.sleep(wake - now)  # the pace that was asked for, by the user or by the target
            else:
                self._next_at = max(now, self._next_at) + (count / limits.rate_max if limits.rate_max else 0)
                return True
        return False

    def _look_at(self, probe: Probe, reply: Reply, now: float) -> None:
        if reply.status == 429 or (reply.status == 503 and reply.header("retry-after")):
            self._pause_until = max(self._pause_until, now + retry_after_s(reply))
            self.refused_for_rate += 1
            if self.refused_for_rate >= REFUSED_OFTEN and 4 * self.refused_for_rate > self.requests:
                text = f"{self.refused_for_rate} of {self.requests} requests"
                self.stopped = (
                    self.stopped or f"the target answers {reply.status} to {text}, although it was waited"
                )
        if reply.status:
            self._silent = 0
        elif not probe.refused:
            self._silent += 1
            if self._silent >= SILENT_MAX:
                text = reply.reason or str(reply.outcome)
                self.stopped = self.stopped or f"the target does not answer any more: {text}"


def _units(probe_groups: Sequence[ProbeGroup]) -> Iterator[tuple[Probe, ...]]:
    """What goes over one connection without another between."""
    for each in probe_groups:
        yield from [each.probes] if each.together else [(probe,) for probe in each.probes]


def retry_after_s(reply: Reply) -> float:
    """How long a reply asks to wait, in seconds: a number or a date (RFC 9110, 10.2.3); a second if it does not say."""
    asked = reply.header("retry-after")
    if asked is None:
        return RETRY_AFTER_S
    if asked.strip().isdecimal():
        return float(asked)
    until = _date(asked)
    if until is None:
        return RETRY_AFTER_S
    theirs = _date(reply.header("date") or "") or datetime.now(UTC)  # their clock may be hours off
    return max(0.0, (until - theirs).total_seconds())


def _date(text: str) -> datetime | None:
    """A date of HTTP; None for what is none."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)
