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
from harness.checks.requests import IGNORED
from harness.clients.exchange import Outcome
from harness.clients.shape import Shape
from harness.probing.controls import Controls
from harness.probing.features import reply_features, row_features
from harness.report.contents import SentRequest
from harness.run.heard import Heard, Settled, Unheard
from harness.run.journal import Journal, listed
from harness.sut.asks import Answer, Ask, Round
from harness.sut.contract import ContractRows, FoundRows, our_clock
from harness.sut.external import Sending
from harness.sut.observation import Row

LISTED_MAX: Final = 5_000
"""Requests listed in the report; the journal has all."""
KEPT_MAX: Final = 10_000
"""Requests whose rows are kept as they were first seen, to be compared at the end."""
RETRIABLE: Final = frozenset({0, 408, 425, 429, *range(500, 600)})
"""Statuses that another try may not have; 0: no reply."""
POLL_S_MIN: Final = 0.02
POLL_S_MAX: Final = 0.3
WAIT_S_MIN: Final = 5.0
SLOWEST_TIMES: Final = 3
"""Unless told otherwise, rows are waited for so many times as long as the slowest has taken, at least so long."""
AT_END_S: Final = 10.0
"""Beside the time for rows, what is left for the end of a run."""
FAR_AFTER_S: Final = 2.5
"""After so long a clock that is hours off is thought of."""
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
    given_wait_s: float | None
    """Longest time that rows need after a reply; None: a few times as long as they took so far."""
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
    began: datetime = field(default_factory=our_clock)
    halves_before: frozenset[str | None] = frozenset()
    """Usage rows of the signed-in user that had no metadata when the suite began: of somebody else, or another run."""
    slowest_s: float = 0.0
    """Longest time that a row was seen to take after its reply."""
    sequence: dict[int, Sequence[Ask]] = field(default_factory=dict)
    """Requests over one connection, by the number of each of them."""
    _ended: set[int] = field(default_factory=set)
    _origin: dict[int, int] = field(default_factory=dict)

    @property
    def wait_rows_s(self) -> float:
        """How long rows are waited for before they count as missing."""
        if self.given_wait_s is not None:
            return self.given_wait_s
        return max(WAIT_S_MIN, SLOWEST_TIMES * self.slowest_s)

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
        patience = max(PATIENCE_S_MIN, SLOWEST_TIMES * self.slowest_s) if wait_s is None else wait_s
        found, matched = await self.wait(wanted, heard.since, min(patience, self.wait_rows_s))
        settled = Settled(found, {})
        for count, (answer, rows) in enumerate(zip(wanted, matched, strict=True)):
            if count % JUDGED_IN_TURN == 0:
                await asyncio.sleep(
                    0
                )  # requests are under way on the same loop: the target is not to wait for us
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

    async def look(
        self, answers: Sequence[Answer], since: datetime, *, far: bool = False
    ) -> list[tuple[Row, ...]]:
        """Rows of these requests so far."""
        return (await self._look(answers, since, far=far))[1]

    async def look_at_both_sides(
        self, answers: Sequence[Answer], values: Sequence[str] = ()
    ) -> tuple[FoundRows, list[tuple[Row, ...]]]:
        """Rows of these requests from both tables, whole or not; and whatever holds one of the values."""
        ids = [identity for answer in answers if (identity := answer.identity)]
        users = [user for answer in answers if (user := self._user(answer.ask))]
        found = await self.rows.both_sides(ids, users, values, self.began)
        return found, [self._matched(answer, found) for answer in answers]

    async def halves(self, user: str) -> list[Row]:
        """Usage rows of a user without metadata, those of the last minutes before the run among them."""
        found = await self.rows.both_sides((), (user,), (), self.began)
        return [row for row in found.by_user.get(user, ()) if row.metadata_id is None]

    def reasons(self, asks: Iterable[Ask]) -> str:
        """Why these were not seen, the most frequent reason first."""
        told = Counter(
            self.unheard[ask.number].words if ask.number in self.unheard else "it has no single pair of rows"
            for ask in asks
        )
        return ", ".join(f"{reason} ({count:,})" for reason, count in told.most_common(3))

    async def wait(
        self,
        wanted: Sequence[Answer],
        since: datetime,
        wait_s: float,
        *,
        first: bool = False,
        looked_for: Callable[[float], None] = lambda _: None,
    ) -> tuple[FoundRows, list[tuple[Row, ...]]]:
        """Looks until every reply with an id has a whole row, at most `wait_s`; what was found, and whose it is.

        `first`: until one of them has. `looked_for` is told at each look for how long, in seconds.
        """
        if not wanted:
            return FoundRows(), []
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        pause = POLL_S_MIN
        far_from = loop.time() + min(wait_s / 2, FAR_AFTER_S)
        late: set[int] = set()
        while True:
            looked = loop.time()
            found, matched = await self._look(wanted, since, far=looked > far_from)
            missing = {
                answer.ask.number
                for answer, rows in zip(wanted, matched, strict=True)
                if answer.identity and not any(row.whole for row in rows)
            }
            came = [looked - answer.at for answer in wanted if answer.ask.number in late - missing]
            self.slowest_s = max([self.slowest_s, *came])
            late = missing
            is_enough = any(row.whole for rows in matched for row in rows) if first else not missing
            if is_enough or loop.time() >= deadline:
                return found, matched
            looked_for(loop.time() - deadline + wait_s)
            await asyncio.sleep(
                max(pause, 2 * (loop.time() - looked))
            )  # rows come later; bounded by the deadline
            pause = min(2 * pause, POLL_S_MAX)

    async def _look(
        self, answers: Sequence[Answer], since: datetime, *, far: bool
    ) -> tuple[FoundRows, list[tuple[Row, ...]]]:
        ids = [identity for answer in answers if (identity := answer.identity)]
        users = [user for answer in answers if (user := self._user(answer.ask))]
        found = await self.rows.find(ids, users, since, far=far)
        return found, [self._matched(answer, found) for answer in answers]

    def _matched(self, answer: Answer, found: FoundRows) -> tuple[Row, ...]:
        """By the id of the reply, and by the user where nobody else has his address."""
        identity, user = answer.identity, self._user(answer.ask)
        rows = list(found.by_id.get(identity, ())) if identity else []
        rows += [row for row in found.by_user.get(user, ()) if row not in rows] if user else []
        return tuple(rows)

    def _is_first_failure(self, ask: Ask) -> bool:
        """Counts a failure; of what shares a connection that has ended, only the first one is any."""
        beside = self.sequence.get(ask.number)
        first = beside[0].number if beside else ask.number
        is_first = first not in self._ended
        self.failed[ask.shape] += is_first
        self._ended.add(first)
        return is_first

    def _user(self, ask: Ask) -> str | None:
        return ask.probe.user if ask.probe.alone and not self.judge.overwritten else None

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
