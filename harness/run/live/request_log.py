"""The log of `harness serve`: one entry a request, from its arrival to its rows, and the counts over all of them.

Texts from outside are made safe to show when they come in.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from harness.rule.policy import received
from harness.sut.observation import Row

KEPT: Final = 2000
"""Entries kept for pages that are opened later; the counts are of all."""


class State(StrEnum):
    """How far a request has come."""

    OPEN = "open"  # its reply is not complete
    ANSWERED = "answered"  # its rows are pending
    STORED = "stored"  # its row holds a value
    NULL = "null"  # its row holds none
    LOST = "lost"  # its row did not come
    NO_ROW = "no row"  # none is due: it was refused, or its reply cannot be read


ENDED: Final = frozenset({State.STORED, State.NULL, State.LOST, State.NO_ROW})


class ExpectedRow(NamedTuple):
    """What the accounting of a request must leave in the database."""

    user: str
    """Under whom the row must stand."""
    email: str | None
    """The user's e-mail when signed in."""
    streamed: bool

    @property
    def anonymous(self) -> bool:
        """Whether nobody was signed in."""
        return self.email is None


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request. Header lines and stored values are as they came; every other text is safe to show."""

    number: int
    arrived: datetime
    client: str
    """What the backend takes for the client's address; of what HTTP refused, the socket's."""
    asked: str
    """Method and path."""
    lines: tuple[bytes, ...] = ()
    """The header as received, line by line, edges trimmed."""
    ruling: str = ""
    """Why the policy stores no value; '' when it stores one."""
    hint: str = ""
    """A header that was probably meant to be the one that is rolled out."""
    usual: bool = False
    """Whether it asked for what the rollout is about."""
    state: State = State.OPEN
    status: int = 0
    """0 while there is none, and when the client left before."""
    answered_ms: float | None = None
    """From its arrival to the end of its reply."""
    row_ms: float | None = None
    """From its arrival to the moment its row was seen."""
    due: ExpectedRow | None = None
    rows: tuple[Row, ...] = ()
    faults: tuple[str, ...] = ()
    """What would fail the gate: claim and effect."""
    note: str = ""
    """What else there is to know: why no row is due, how the reply ended."""

    @property
    def value(self) -> str | None:
        """What its row holds; None for NULL and without a row."""
        return next((row.value for row in self.rows if row.whole), None)

    @property
    def as_sent(self) -> bool:
        """Whether its row holds what `Headers.get` made of the header."""
        return self.value is not None and self.value == received(self.lines)

    @property
    def accepted(self) -> bool:
        """Whether the rule accepts its header, and it was served: a refused request stores nothing."""
        return bool(self.lines) and not self.ruling and self.due is not None

    @property
    def ended(self) -> bool:
        """Whether nothing more is pending."""
        return self.state in ENDED


@dataclass(slots=True)
class Counts:
    """Over all requests so far."""

    requests: int = 0
    rows: int = 0
    """Requests that left a row."""
    stored: int = 0
    null: int = 0
    lost: int = 0
    waiting: int = 0
    none_due: int = 0
    faulty: int = 0
    """Requests that would fail the gate."""
    anonymous: int = 0
    """Anonymous requests whose row came or was lost."""
    covered: int = 0
    """Anonymous requests whose row holds a value."""

    @property
    def coverage(self) -> float | None:
        """Share of anonymous requests whose row holds a value, in percent; None before the first."""
        return 100.0 * self.covered / self.anonymous if self.anonymous else None

    def add(self, entry: LoggedRequest, by: int = 1) -> None:
        """Counts an entry; with -1 takes it out again."""
        self.requests += by
        self.stored += by * (entry.state is State.STORED)
        self.null += by * (entry.state is State.NULL)
        self.rows += by * (entry.state in (State.STORED, State.NULL))
        self.lost += by * (entry.state is State.LOST)
        self.waiting += by * (not entry.ended)
        self.none_due += by * (entry.state is State.NO_ROW)
        self.faulty += by * bool(entry.faults)
        if entry.due is not None and entry.due.anonymous and entry.ended:
            self.anonymous += by
            self.covered += by * (entry.state is State.STORED)


Show = Callable[[LoggedRequest], None]
"""Shows an entry that is new or has changed."""


@dataclass(slots=True)
class RequestLog:
    """All entries, newest last; subscribers get each change."""

    show: Show
    """Called with every change at once."""
    counts: Counts = field(default_factory=Counts)
    _kept: deque[int] = field(default_factory=deque)
    _entries: dict[int, LoggedRequest] = field(default_factory=dict)
    _subscribers: set["Subscriber"] = field(default_factory=set)
    _last: int = 0
    closed: bool = False
    """Whether nothing can come any more."""

    def open(
        self,
        client: str,
        asked: str,
        lines: tuple[bytes, ...],
        ruling: str,
        hint: str = "",
        *,
        usual: bool = False,
    ) -> LoggedRequest:
        """A new entry."""
        self._last += 1
        entry = LoggedRequest(self._last, datetime.now(UTC), client, asked, lines, ruling, hint, usual)
        self._kept.append(entry.number)
        self.counts.add(entry)
        self._keep(entry)
        return entry

    def find(self, number: int) -> LoggedRequest | None:
        """The entry as it is now; None once it has ended and is no longer kept."""
        return self._entries.get(number)

    def put(self, entry: LoggedRequest) -> None:
        """Takes the place of the entry of the same number; one that is no longer kept stays as it was."""
        old = self._entries.get(entry.number)
        if old is not None and old != entry:
            self.counts.add(old, -1)
            self.counts.add(entry)
            self._keep(entry)

    def close(self) -> None:
        """Nothing can come any more; subscribers end once they have seen everything."""
        self.closed = True
        for subscriber in self._subscribers:
            subscriber.woken.set()

    @contextmanager
    def subscriber(self) -> Iterator["Subscriber"]:
        """Reads the entries at a pace of its own; begins with all that are kept."""
        subscriber = Subscriber(dict(self._entries))
        subscriber.woken.set()
        self._subscribers.add(subscriber)
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)

    def _keep(self, entry: LoggedRequest) -> None:
        self._entries[entry.number] = entry
        while len(self._kept) > KEPT and self._entries[self._kept[0]].ended:
            del self._entries[self._kept.popleft()]
        for subscriber in self._subscribers:
            subscriber.add(entry)
        self.show(entry)


@dataclass(slots=True, eq=False)
class Subscriber:
    """What one subscriber has not seen yet: of each entry only how it is now, so that a slow one takes no memory."""

    _unseen: dict[int, LoggedRequest]
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, entry: LoggedRequest) -> None:
        """Notes a change."""
        self._unseen[entry.number] = entry
        if len(self._unseen) > KEPT:
            del self._unseen[next(iter(self._unseen))]
        self.woken.set()

    def take(self) -> list[LoggedRequest]:
        """What has changed since the last time, in order of arrival."""
        self.woken.clear()
        taken = sorted(self._unseen.values(), key=lambda entry: entry.number)
        self._unseen = {}
        return taken
