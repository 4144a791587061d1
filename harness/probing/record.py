"""What was planned to be asked, and what has come of it so far, request by request. Pure, in bounded memory.

Whatever keeps a request from being seen is remembered with its reason. Nothing here turns an absence into evidence:
what is missing waits for whoever decides at the end.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.clients.exchange import Reply
from harness.clients.shape import Shape
from harness.probing.kept_answers import KeptAnswers
from harness.report.contents import SentRequest
from harness.sut.observation import Exchange, Probe

LISTED_MAX: Final = 5_000
"""Requests listed in the report; the journal has all."""
RETRIABLE: Final = frozenset({0, 408, 425, 429, *range(500, 600)})
"""Statuses that another try may not have; 0: no reply."""


@dataclass(frozen=True, slots=True)
class NoObservation:
    """Why a request gave no observation."""

    status: int
    """Of the reply without an id; 0 without a reply."""
    words: str


@dataclass(slots=True)
class ProbeRecord:
    """The requests of one run."""

    describe: Callable[[Reply], str]
    """A reply without an id in words."""
    requests: list[SentRequest] = field(default_factory=list)
    """The first few thousand requests and how they ended, for the report."""
    probes: int = 0
    controls: int = 0
    """Requests that have ended, with the header or what resembles it, and without."""
    open: dict[int, Probe] = field(default_factory=dict)
    """Requests of the suite whose value was not seen yet, by their number."""
    unobserved: dict[int, NoObservation] = field(default_factory=dict)
    """Those of them whose last reply had no id."""
    uncompared: dict[int, Probe] = field(default_factory=dict)
    """Requests of the suite whose reply could not be compared with one without the header."""
    missing: list[Exchange] = field(default_factory=list)
    """Answers whose rows had not come when they were looked for."""
    kept: KeptAnswers = field(default_factory=KeptAnswers)
    """Answers with the one pair of rows that they had at first."""
    ids: set[str] = field(default_factory=set)
    repeated: set[str] = field(default_factory=set)
    """Ids that two replies had: they tell nothing."""
    unsure: set[bytes] = field(default_factory=set)
    """Values of requests that had no reply with an id: a row may hold them all the same."""
    failed: Counter[Shape] = field(default_factory=Counter)
    """Requests that had no reply, or a 5xx."""
    behind: set[int] = field(default_factory=set)
    """Requests that failed behind another one over their connection, by their number: as its effect."""
    sequence: dict[int, Sequence[Probe]] = field(default_factory=dict)
    """Requests over one connection, by the number of each of them."""
    _ended: set[int] = field(default_factory=set)
    _origin: dict[int, int] = field(default_factory=dict)

    @property
    def ended(self) -> int:
        """Requests that have ended so far."""
        return self.probes + self.controls

    def plan(self, probes: Sequence[Probe], *, together: bool = False) -> None:
        """Takes requests into the suite: each must be seen. `together`: they share a connection, and its end."""
        for probe in probes:
            if together:
                self.sequence[probe.number] = probes
            self.open[probe.number] = probe
            if not probe.control and not probe.refused:
                self.uncompared[probe.number] = probe

    def repeat(self, probe: Probe, repeat_of: Probe) -> Probe:
        """Lets a request stand for one of the suite."""
        self._origin[repeat_of.number] = self._origin_of(probe)
        return repeat_of

    def drop(self, probe: Probe) -> None:
        """Takes a request out of the suite: the target refuses its kind for everybody."""
        self.seen(probe)
        self.compared(probe)

    def seen(self, probe: Probe) -> None:
        """Takes in that the value of a request was seen, or that it was refused as it must be."""
        self.open.pop(self._origin_of(probe), None)

    def compared(self, probe: Probe) -> None:
        """Takes in that the reply to a request was compared with one without the header."""
        self.uncompared.pop(self._origin_of(probe), None)

    def enter(self, exchange: Exchange) -> None:
        """Takes in how a request has ended."""
        probe, reply, identity = exchange.probe, exchange.reply, exchange.identity
        origin = self._origin_of(probe)
        self.probes += not probe.control
        self.controls += probe.control
        if len(self.requests) < LISTED_MAX:
            self.requests.append(SentRequest(**probe.listed, status=reply.status, id=identity))
        if identity is not None:
            (self.repeated if identity in self.ids else self.ids).add(identity)
            self.unobserved.pop(origin, None)
        else:
            self.unobserved[origin] = NoObservation(reply.status, reply.reason or self.describe(reply))
            self.unsure.update(probe.lines)
        if not probe.refused and (reply.status == 0 or reply.status >= 500):
            self._count_failure(probe)

    def is_wanted(self, exchange: Exchange) -> bool:
        """Whether its rows tell something: they are its own, or there are to be none."""
        told_apart = exchange.identity is not None and exchange.identity not in self.repeated
        return told_apart or exchange.probe.refused

    def reasons(self, probes: Iterable[Probe]) -> str:
        """Why these were not seen, the most frequent reason first."""
        text = Counter(
            self.unobserved[probe.number].words
            if probe.number in self.unobserved
            else "it has no single pair of rows"
            for probe in probes
        )
        return ", ".join(f"{reason} ({count:,})" for reason, count in text.most_common(3))

    def _origin_of(self, probe: Probe) -> int:
        return self._origin.get(probe.number, probe.number)

    def _count_failure(self, probe: Probe) -> None:
        """Of what shares a connection that has ended, only the first failure is any."""
        beside = self.sequence.get(probe.number)
        first = beside[0].number if beside else probe.number
        if first in self._ended:
            self.behind.add(probe.number)
        else:
            self.failed[probe.shape] += 1
        self._ended.add(first)
