"""Requests go to a target beside their controls, and each is matched with its rows and judged.

Whatever keeps a request from being judged is remembered with its reason. Nothing here turns an absence into evidence:
what is missing waits for whoever decides at the end.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from harness.checks.compatibility import REPLY
from harness.checks.evidence import describe_reply
from harness.checks.gate import OTHER_COLUMNS, RowJudge
from harness.checks.row_checks import IGNORED
from harness.clients.exchange import Outcome
from harness.clients.shape import Shape
from harness.probing.controls import Controls
from harness.probing.features import reply_features, row_features
from harness.probing.run import Matched, ProbeRun, SentProbes
from harness.report.contents import SentRequest
from harness.sut.external import Sending
from harness.sut.foreign_rows import SLOWEST_TIMES, ForeignRows, our_clock
from harness.sut.journal import listed
from harness.sut.observation import Exchange, Probe, ProbeGroup, Row
from harness.sut.rows import FoundRows, RowKey

LISTED_MAX: Final = 5_000
"""Requests listed in the report; the journal has all."""
KEPT_MAX: Final = 10_000
"""Requests whose rows are kept as they were first seen, to be compared at the end."""
RETRIABLE: Final = frozenset({0, 408, 425, 429, *range(500, 600)})
"""Statuses that another try may not have; 0: no reply."""
AT_END_S: Final = 10.0
"""Beside the time for rows, what is left for the end of a run."""
JUDGED_IN_TURN: Final = 4
"""Requests whose rows are judged before others have their turn."""
PATIENCE_S_MIN: Final = 0.5
"""Least time that rows are given before other things are done; those missing are looked for again at the end."""


@dataclass(frozen=True, slots=True)
class NoObservation:
    """Why a request gave no observation."""

    status: int
    """Of the reply without an id; 0 without a reply."""
    words: str


@dataclass(slots=True)
class ProbeSession:
    """What was asked and seen so far. Raises DatabaseUnavailableError when the database goes away."""

    sending: Sending
    rows: ForeignRows
    judge: RowJudge
    replies: Controls[Exchange] = field(default_factory=Controls)
    columns: Controls[Exchange] = field(default_factory=Controls)
    """What other columns of the rows hold, of requests with the header and of their controls."""
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
    kept: dict[int, tuple[Exchange, Row]] = field(default_factory=dict)
    """Answers with the one pair of rows that they had at first, by the number of the request."""
    ids: set[str] = field(default_factory=set)
    repeated: set[str] = field(default_factory=set)
    """Ids that two replies had: they tell nothing."""
    unsure: set[bytes] = field(default_factory=set)
    """Values of requests that had no reply with an id: a row may hold them all the same."""
    failed: Counter[Shape] = field(default_factory=Counter)
    """Requests that had no reply, or a 5xx."""
    halves_before: frozenset[str | None] = frozenset()
    """Usage rows of the signed-in user that had no metadata when the suite began: of somebody else, or another run."""
    sequence: dict[int, Sequence[Probe]] = field(default_factory=dict)
    """Requests over one connection, by the number of each of them."""
    began: datetime = field(default_factory=our_clock)
    _ended: set[int] = field(default_factory=set)
    _origin: dict[int, int] = field(default_factory=dict)
    run: ProbeRun = field(init=False)

    def __post_init__(self) -> None:
        """Replies are compared as they come, while the target serves the next one."""
        self.run = ProbeRun(self.sending, self, ended=self._enter)

    @property
    def ended(self) -> int:
        """Requests that have ended so far."""
        return self.probes + self.controls

    @property
    def reply_claim(self) -> str:
        """What a reply that changes with the header refutes."""
        return IGNORED if self.judge.build == "before" else REPLY

    @property
    def column_claim(self) -> str:
        """What another column that changes with the header refutes."""
        return IGNORED if self.judge.build == "before" else OTHER_COLUMNS

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
        self._origin[repeat_of.number] = self._origin.get(probe.number, probe.number)
        return repeat_of

    def drop(self, probe: Probe) -> None:
        """Takes a request out of the suite: the target refuses its kind for everybody."""
        origin = self._origin.get(probe.number, probe.number)
        self.open.pop(origin, None)
        self.uncompared.pop(origin, None)

    async def send(self, probe_groups: Sequence[ProbeGroup]) -> SentProbes:
        """Sends requests and compares replies; rows are not looked for yet."""
        return await self.run.send(probe_groups)

    async def send_over_http2(self, probes: Sequence[Probe]) -> SentProbes:
        """The same over HTTP/2; without answers where the target does not offer it."""
        since = our_clock()
        exchanges = await self.sending.send_over_http2(probes)
        self.plan([exchange.probe for exchange in exchanges])
        for exchange in exchanges:
            self._enter(exchange)
        return SentProbes(tuple(exchanges), since)

    async def now(self) -> datetime:
        """Our clock."""
        return our_clock()

    async def read(
        self, exchanges: Sequence[Exchange], since: datetime, wait_s: float | None = None
    ) -> Matched:
        """Rows of each answer that can be told apart, waited for a few times as long as rows have taken so far.

        Or at most `wait_s` seconds.
        """
        patience = max(PATIENCE_S_MIN, SLOWEST_TIMES * self.rows.slowest_s) if wait_s is None else wait_s
        wanted = [exchange for exchange in exchanges if self._is_wanted(exchange)]
        found = await self.wait(wanted, since, min(patience, self.rows.wait_s))
        return [
            found.of(self.key_of(exchange)) if self._is_wanted(exchange) else () for exchange in exchanges
        ]

    async def match_rows(
        self, sent_probes: SentProbes, wait_s: float | None = None
    ) -> dict[int, tuple[Row, ...]]:
        """Waits for rows and judges them; by their request's number."""
        found = await self.read(*sent_probes, wait_s)
        return await self.judge_matched(sent_probes.exchanges, found)

    async def judge_matched(
        self, exchanges: Sequence[Exchange], found: Matched
    ) -> dict[int, tuple[Row, ...]]:
        """Judges answers with their rows, which are told by their request's number; without a whole one: missing."""
        matched: dict[int, tuple[Row, ...]] = {}
        for exchange, rows in zip(exchanges, found, strict=True):
            if not self._is_wanted(exchange):
                continue
            if len(matched) % JUDGED_IN_TURN == 0:
                # Requests are under way on the same loop: the target is not to wait for us.
                await asyncio.sleep(0)
            matched[exchange.probe.number] = rows
            if any(row.whole for row in rows):
                self.judge_rows(exchange, rows)
            elif exchange.identity:
                self.missing.append(exchange)
        return matched

    def key_of(self, exchange: Exchange) -> RowKey:
        """What the rows of an answer are found by."""
        probe = exchange.probe
        return RowKey(exchange.identity, probe.user if probe.alone and self.rows.by_user else None)

    async def wait(
        self,
        exchanges: Sequence[Exchange],
        since: datetime,
        wait_s: float,
        *,
        first: bool = False,
        looked_for: Callable[[float], None] = lambda _: None,
    ) -> FoundRows:
        """Looks until each answer with an id, or the `first` of them, has a whole row; at most `wait_s`."""
        wanted = [(self.key_of(exchange), exchange.at) for exchange in exchanges]
        return await self.rows.wait(wanted, since, wait_s, first=first, looked_for=looked_for)

    async def look_at_both_sides(
        self, exchanges: Sequence[Exchange], values: Sequence[str] = ()
    ) -> tuple[FoundRows, list[tuple[Row, ...]]]:
        """Rows of these answers from both tables, whole or not; and whatever holds one of the values."""
        keys = [self.key_of(exchange) for exchange in exchanges]
        found = await self.rows.both_sides(keys, self.began, values)
        return found, [found.of(key) for key in keys]

    async def usage_halves(self, user: str) -> list[Row]:
        """Usage rows of a user without metadata, those of the last minutes before the run among them."""
        found = await self.rows.both_sides([RowKey(None, user)], self.began)
        return [row for row in found.by_user.get(user, ()) if row.metadata_id is None]

    def judge_rows(self, exchange: Exchange, rows: Sequence[Row]) -> None:
        """Judges an answer that has rows."""
        probe = exchange.probe
        if self.judge.judge(exchange, rows):
            self.open.pop(self._origin.get(probe.number, probe.number), None)
        if len(rows) == 1 and rows[0].whole:
            kept = rows[0] if len(self.kept) < KEPT_MAX else replace(rows[0], names=(), texts=())
            self.kept[probe.number] = (exchange, kept)
        features = row_features(rows)
        if not features or probe.refused:
            return
        if probe.control:
            self.columns.enter_control(probe.shape, features)
        elif self.columns.enter_probe(probe.shape, features, probe.weight, exchange):
            self.judge.results.observed(self.column_claim)

    def reasons(self, probes: Iterable[Probe]) -> str:
        """Why these were not seen, the most frequent reason first."""
        text = Counter(
            self.unobserved[probe.number].words
            if probe.number in self.unobserved
            else "it has no single pair of rows"
            for probe in probes
        )
        return ", ".join(f"{reason} ({count:,})" for reason, count in text.most_common(3))

    def _is_first_failure(self, probe: Probe) -> bool:
        """Counts a failure; of what shares a connection that has ended, only the first one is any."""
        beside = self.sequence.get(probe.number)
        first = beside[0].number if beside else probe.number
        is_first = first not in self._ended
        self.failed[probe.shape] += is_first
        self._ended.add(first)
        return is_first

    def _is_wanted(self, exchange: Exchange) -> bool:
        """Whether its rows tell something: they are its own, or there are to be none."""
        told_apart = exchange.identity is not None and exchange.identity not in self.repeated
        return told_apart or exchange.probe.refused

    def _enter(self, exchange: Exchange) -> None:
        probe, reply = exchange.probe, exchange.reply
        origin = self._origin.get(probe.number, probe.number)
        identity = exchange.identity
        self.probes += not probe.control
        self.controls += probe.control
        if len(self.requests) < LISTED_MAX:
            self.requests.append(SentRequest(**listed(probe), status=reply.status, id=identity))
        if identity is not None:
            (self.repeated if identity in self.ids else self.ids).add(identity)
            self.unobserved.pop(origin, None)
        else:
            self.unobserved[origin] = NoObservation(reply.status, reply.reason or describe_reply(reply))
            self.unsure.update(probe.lines)
        if probe.refused:
            if identity is None and reply.outcome is not Outcome.TIMEOUT and not 200 <= reply.status < 300:
                self.judge.count_refusal()
                self.open.pop(origin, None)
            return
        if (reply.status == 0 or reply.status >= 500) and not self._is_first_failure(probe):
            return
        if reply.status == 429:
            return
        features = reply_features(reply)
        if probe.control:
            self.replies.enter_control(probe.shape, features)
        elif self.replies.enter_probe(probe.shape, features, probe.weight, exchange):
            self.uncompared.pop(origin, None)
            self.judge.results.observed(self.reply_claim)
