"""Requests go to a target beside their controls, and each is matched with its rows and judged.

Whatever keeps a request from being judged is remembered with its reason. Nothing here turns an absence into evidence:
what is missing waits for whoever decides at the end.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.checks.compatibility import REPLY
from harness.checks.evidence import describe_reply
from harness.checks.gate import OTHER_COLUMNS, RowJudge
from harness.checks.requests import IGNORED
from harness.clients.exchange import Outcome
from harness.clients.shape import Shape
from harness.probing.controls import Controls
from harness.probing.features import reply_features, row_features
from harness.report.contents import SentRequest
from harness.run.gate_rows import SLOWEST_TIMES, RowReader
from harness.run.heard import Heard, Settled, Unheard
from harness.run.journal import Journal, listed
from harness.sut.asks import Answer, Ask, Round
from harness.sut.contract import ContractRows, our_clock
from harness.sut.external import Sending
from harness.sut.observation import Row

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


@dataclass(slots=True)
class Hearing:
    """What was asked and seen so far. Raises DatabaseUnavailableError when the database goes away."""

    sending: Sending
    rows: ContractRows
    journal: Journal
    judge: RowJudge
    reader: RowReader
    replies: Controls[Answer] = field(default_factory=Controls)
    columns: Controls[Answer] = field(default_factory=Controls)
    """What other columns of the rows hold, of requests with the header and of their controls."""
    requests: list[SentRequest] = field(default_factory=list)
    """The first few thousand requests and how they ended, for the report."""
    probes: int = 0
    controls: int = 0
    """Requests that have ended, with the header or what resembles it, and without."""
    open: dict[int, Ask] = field(default_factory=dict)
    """Requests of the suite whose value was not seen yet, by their number."""
    unheard: dict[int, Unheard] = field(default_factory=dict)
    """Those of them whose last reply had no id."""
    uncompared: dict[int, Ask] = field(default_factory=dict)
    """Requests of the suite whose reply could not be compared with one without the header."""
    missing: list[Answer] = field(default_factory=list)
    """Answers whose rows had not come when they were looked for."""
    kept: dict[int, tuple[Answer, Row]] = field(default_factory=dict)
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
    sequence: dict[int, Sequence[Ask]] = field(default_factory=dict)
    """Requests over one connection, by the number of each of them."""
    _ended: set[int] = field(default_factory=set)
    _origin: dict[int, int] = field(default_factory=dict)

    @property
    def reply_claim(self) -> str:
        """What a reply that changes with the header refutes."""
        return IGNORED if self.judge.build == "before" else REPLY

    @property
    def column_claim(self) -> str:
        """What another column that changes with the header refutes."""
        return IGNORED if self.judge.build == "before" else OTHER_COLUMNS

    def plan(self, asks: Sequence[Ask], *, together: bool = False) -> None:
        """Takes requests into the suite: each must be seen. `together`: they share a connection, and its end."""
        for ask in asks:
            if together:
                self.sequence[ask.number] = asks
            self.open[ask.number] = ask
            if not ask.control and not ask.probe.refused:
                self.uncompared[ask.number] = ask

    def repeat(self, ask: Ask, again: Ask) -> Ask:
        """Lets a request stand for one of the suite."""
        self._origin[again.number] = self._origin.get(ask.number, ask.number)
        return again

    def drop(self, ask: Ask) -> None:
        """Takes a request out of the suite: the target refuses its kind for everybody."""
        origin = self._origin.get(ask.number, ask.number)
        self.open.pop(origin, None)
        self.uncompared.pop(origin, None)

    async def hear(self, rounds: Sequence[Round]) -> Heard:
        """Sends requests and compares replies; rows are not looked for yet."""
        asks = [ask for each in rounds for ask in each.asks]
        await asyncio.to_thread(self.journal.sending, asks)
        since = our_clock()
        answers = await self.sending.send(rounds, self._enter)  # compared while the target serves the next
        await asyncio.to_thread(self.journal.answered, answers)
        return Heard(tuple(answers), since)

    async def hear_over_http2(self, asks: Sequence[Ask]) -> Heard:
        """The same over HTTP/2; without answers where the target does not offer it."""
        since = our_clock()
        if not self.sending.over_tls:
            return Heard((), since)
        await asyncio.to_thread(self.journal.sending, asks)
        answers = await self.sending.send_over_http2(asks)
        await asyncio.to_thread(self.journal.answered, answers)
        self.plan([answer.ask for answer in answers])
        for answer in answers:
            self._enter(answer)
        return Heard(tuple(answers), since)

    async def settle(self, heard: Heard, wait_s: float | None = None) -> Settled:
        """Waits for rows and judges them; answers without a whole row are missing for now.

        Waits at most `wait_s`, by default a few times as long as rows have taken so far.
        """
        wanted = [
            answer for answer in heard.answers if self._is_told_apart(answer) or answer.ask.probe.refused
        ]
        patience = max(PATIENCE_S_MIN, SLOWEST_TIMES * self.reader.slowest_s) if wait_s is None else wait_s
        found, matched = await self.reader.wait(wanted, heard.since, min(patience, self.reader.wait_s))
        settled = Settled(found, {})
        for count, (answer, rows) in enumerate(zip(wanted, matched, strict=True)):
            if count % JUDGED_IN_TURN == 0:
                # Requests are under way on the same loop: the target is not to wait for us.
                await asyncio.sleep(0)
            settled.rows[answer.ask.number] = rows
            if any(row.whole for row in rows):
                self.weigh(answer, rows)
            elif answer.identity:
                self.missing.append(answer)
        return settled

    def weigh(self, answer: Answer, rows: Sequence[Row]) -> None:
        """Judges an answer that has rows."""
        ask = answer.ask
        if self.judge.judge(answer, rows):
            self.open.pop(self._origin.get(ask.number, ask.number), None)
        if len(rows) == 1 and rows[0].whole:
            kept = rows[0] if len(self.kept) < KEPT_MAX else replace(rows[0], names=(), texts=())
            self.kept[ask.number] = (answer, kept)
        features = row_features(rows)
        if not features or ask.probe.refused:
            return
        if ask.control:
            self.columns.enter_control(ask.shape, features)
        elif self.columns.enter_probe(ask.shape, features, ask.weight, answer):
            self.judge.results.observed(self.column_claim)

    def reasons(self, asks: Iterable[Ask]) -> str:
        """Why these were not seen, the most frequent reason first."""
        told = Counter(
            self.unheard[ask.number].words if ask.number in self.unheard else "it has no single pair of rows"
            for ask in asks
        )
        return ", ".join(f"{reason} ({count:,})" for reason, count in told.most_common(3))

    def _is_first_failure(self, ask: Ask) -> bool:
        """Counts a failure; of what shares a connection that has ended, only the first one is any."""
        beside = self.sequence.get(ask.number)
        first = beside[0].number if beside else ask.number
        is_first = first not in self._ended
        self.failed[ask.shape] += is_first
        self._ended.add(first)
        return is_first

    def _is_told_apart(self, answer: Answer) -> bool:
        return answer.identity is not None and answer.identity not in self.repeated

    def _enter(self, answer: Answer) -> None:
        ask, reply = answer.ask, answer.reply
        origin = self._origin.get(ask.number, ask.number)
        identity = answer.identity
        self.probes += not ask.control
        self.controls += ask.control
        if len(self.requests) < LISTED_MAX:
            self.requests.append(SentRequest(**listed(ask), status=reply.status, id=identity))
        if identity is not None:
            (self.repeated if identity in self.ids else self.ids).add(identity)
            self.unheard.pop(origin, None)
        else:
            self.unheard[origin] = Unheard(reply.status, reply.reason or describe_reply(reply))
            self.unsure.update(ask.probe.lines)
        if ask.probe.refused:
            if identity is None and reply.outcome is not Outcome.TIMEOUT and not 200 <= reply.status < 300:
                self.judge.saw_refusal(ask)
                self.open.pop(origin, None)
            return
        if (reply.status == 0 or reply.status >= 500) and not self._is_first_failure(ask):
            return
        if reply.status == 429:
            return
        features = reply_features(reply)
        if ask.control:
            self.replies.enter_control(ask.shape, features)
        elif self.replies.enter_probe(ask.shape, features, ask.weight, answer):
            self.uncompared.pop(origin, None)
            self.judge.results.observed(self.reply_claim)
