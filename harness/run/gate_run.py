"""One run of the gate against a target, from the first request without the header to the last look for a row.

Each phase leaves what it could not see to the next; what is left at the end makes claims unknown. Knows neither the
command line nor reports.
"""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from harness import plan
from harness.checks.compatibility import ACCOUNTED, OLD_CLIENT
from harness.checks.evidence import describe_reply
from harness.checks.gate import is_address_id
from harness.checks.gate_replies import STATUS, Outcomes, Suspect, is_rare
from harness.checks.validation import IDENTITY
from harness.clients.extension import Auth
from harness.headers.suite import Level
from harness.report.escape import shown
from harness.run.gate_suite import Asker, preflight, rounds
from harness.run.hearing import Heard, Hearing
from harness.run.progress import Say
from harness.target import Row
from harness.target.asks import Answer, Ask, Round
from harness.verdict import Docket, Finding

BATCH: Final = 500
"""Requests sent before their rows are looked for, about."""
RESERVE: Final = 8
"""Requests kept for the end: for suspects, and for the question whether rows still come."""
MISSING_MAX: Final = 200
"""With so many rows missing there is no need to go on."""
AGAIN_MAX: Final = 2
"""How often a request is sent again that gave no observation."""
AGAIN_SHARE: Final = 10
"""One in so many may need it; with more the target is not fit to be judged."""
BESIDE_AGAIN: Final = 4
TRIAL: Final = 8
TRIAL_LEAST: Final = 3
"""How often a suspect is sent again, among as many controls."""
SUSPECTS_MAX: Final = 4
AT_END: Final = 2
"""Requests that ask whether rows still come."""
LOOK_IDS: Final = 5_000
"""Ids in one look for doubles."""
RETRIABLE: Final = frozenset({0, 408, 425, 429, *range(500, 600)})
"""Statuses that another try may not have; 0: no reply."""


class CannotGoOnError(Exception):
    """There is no point in sending more; the message is the reason."""


@dataclass(slots=True)
class GateRun:
    """The phases, in their order; `run` fills the docket."""

    docket: Docket
    asker: Asker
    hearing: Hearing
    level: Level
    seed: int
    deadline: float
    """Event loop's clock: until then suspects are tried and rows waited for."""
    tell: Say
    claims: tuple[str, ...]
    """Those that requests are evidence for."""
    remarks: list[str] = field(default_factory=list)
    unsent: str = ""
    """Why a part of the suite was not sent; empty when all was."""

    async def run(self) -> None:
        """Judges what can be judged.

        Raises AwayError when the database goes away, CannotGoOnError where there is no point in going on.
        """
        await self._understand()
        try:
            await self._send_suite()
            await self._send_again()
        finally:
            self.hearing.sending.limits.deadline = self.deadline
            self.hearing.sending.reserve = 0
        await self._try_suspects()
        await self._end()

    def conclude(self, stopped: str | None) -> None:
        """Makes unknown whatever was not seen; `stopped` is why the run ended early."""
        hearing, docket = self.hearing, self.docket
        reason = stopped or hearing.sending.stopped or self.unsent
        for claim in self.claims if reason else ():
            docket.lack(claim, reason)
        unseen: dict[str, list[Ask]] = {}
        for ask in hearing.open.values():
            for claim in hearing.judge.claims_of(ask):
                unseen.setdefault(claim, []).append(ask)
        for claim, asks in unseen.items():
            docket.lack(claim, f"not seen for {len(asks):,} requests: {hearing.reasons(asks)}")
        if hearing.missing:
            docket.lack(
                ACCOUNTED,
                f"{len(hearing.missing):,} requests have no row, and no later one was there to tell",
            )
        if hearing.repeated:
            docket.lack(ACCOUNTED, f"{len(hearing.repeated):,} ids were given to two replies each")
        self._conclude_replies()

    def _conclude_replies(self) -> None:
        hearing, claim = self.hearing, self.hearing.reply_claim
        if hearing.uncompared:
            self.docket.lack(
                claim, f"{len(hearing.uncompared):,} replies could not be compared with one without it"
            )
        unsteady = hearing.ledger.unsteady()
        if unsteady is None and not is_rare(hearing.failed, hearing.sending.requests):
            unsteady = f"{hearing.failed:,} of {hearing.sending.requests:,} requests had no reply or a 5xx"
        if unsteady is not None:
            self.docket.lack(claim, f"the target is not steady: {unsteady}")
            self.docket.lack(OLD_CLIENT, f"the target is not steady: {unsteady}")

    # what sort of target it is

    async def _understand(self) -> None:
        hearing = self.hearing
        first = preflight(self.asker)
        hearing.plan(first.asks)
        heard = await hearing.hear([first])
        for _ in range(AGAIN_MAX):
            failed = [answer for answer in heard.answers if answer.reply.upstream_id is None]
            if not any(answer.reply.status in RETRIABLE for answer in failed):
                break
            again = [hearing.repeat(answer.ask, self.asker.again(answer.ask)) for answer in failed]
            more = await hearing.hear([Round(tuple(again))])
            kept = [answer for answer in heard.answers if answer not in failed]
            heard = Heard((*kept, *more.answers), heard.since)
        served = [answer for answer in heard.answers if answer.reply.upstream_id]
        if not served:
            raise CannotGoOnError(_unserved_words(heard.answers, hearing.sending.stopped))
        if hearing.repeated:
            raise CannotGoOnError(
                "replies to different requests have one id: rows cannot be told apart by it"
            )
        await self._understand_rows(Heard(tuple(served), heard.since))
        if hearing.ledger.whole_body:
            self.remarks.append(
                "the upstream is the harness's own: whole bodies are compared, not only their shape"
            )

    async def _understand_rows(self, heard: Heard) -> None:
        hearing, answers = self.hearing, heard.answers
        found, matched = await hearing.wait(answers, heard.since, hearing.wait_rows_s)
        rows = {
            answer.ask.number: row
            for answer, mine in zip(answers, matched, strict=True)
            for row in mine
            if row.whole
        }
        if not rows:
            raise CannotGoOnError(
                f"no row of {len(answers)} requests without the header came within {hearing.wait_rows_s:g} s; raise "
                "--wait-rows, or check that --database-url is the database that this backend writes to"
            )
        by_id = [answer for answer in answers if hearing.is_id_of(answer, rows.get(answer.ask.number))]
        if not by_id:
            raise CannotGoOnError(
                "the rows carry another message_id than the replies' id: they cannot be matched"
            )
        hearing.rows.learn_clock(found.created, heard.since)
        self._understand_users(answers, rows)
        signed_in = () if self.asker.caller.token else (Auth.SIGNED_IN,)
        known = tuple(answer for answer in answers if answer.ask.probe.auth not in signed_in)
        await hearing.settle(Heard(known, heard.since), 0)

    def _understand_users(self, answers: Sequence[Answer], rows: Mapping[int, Row]) -> None:
        """Whether x-forwarded-for comes through, and whom the token names."""
        users = [
            (answer.ask, row.user)
            for answer in answers
            if (row := rows.get(answer.ask.number)) is not None and row.user is not None
        ]
        anonymous = [(ask, user) for ask, user in users if ask.probe.auth is not Auth.SIGNED_IN]
        others = {user for ask, user in anonymous if not is_address_id(user, ask.address)}
        if anonymous and len(others) > 0 and all(is_address_id(user, None) for user in others):
            own = [user for ask, user in anonymous if is_address_id(user, ask.address)]
            self.hearing.judge.overwritten = not own
        if self.hearing.judge.overwritten:
            seen = ", ".join(sorted(others)[:3])
            self.remarks.append(
                f"the platform overwrites x-forwarded-for: requests are accounted to {seen}; rows are matched by "
                "message_id alone"
            )
        named = [user for ask, user in users if ask.probe.auth is Auth.SIGNED_IN]
        if named and named[0].startswith(plan.ANONYMOUS_PREFIX):
            self._sign_in_no_more(f"the token does not sign in: requests with it are accounted to {named[0]}")
        elif named:
            self.hearing.judge.signed_in_user = named[0]
        elif self.asker.caller.token:
            self._sign_in_no_more("requests with the token left no row")

    def _sign_in_no_more(self, reason: str) -> None:
        self.asker.caller = replace(self.asker.caller, token=None, email=None)
        for number in [n for n, ask in self.hearing.open.items() if ask.probe.auth is Auth.SIGNED_IN]:
            del self.hearing.open[number]
        if IDENTITY in self.claims:
            self.docket.lack(IDENTITY, reason)

    # the suite

    async def _send_suite(self) -> None:
        hearing = self.hearing
        hearing.sending.reserve = RESERVE
        before: Heard | None = None
        for batch in _batches(rounds(self.asker, self.level, self.seed)):
            for each in batch:
                hearing.plan(each.asks)
            settling = asyncio.create_task(hearing.settle(before)) if before else None
            try:
                before = await hearing.hear(batch)
                if settling is not None:
                    await settling
            finally:
                if settling is not None:
                    settling.cancel()
            self.tell(f"{hearing.sending.requests:,} requests sent")
            if len(before.answers) < sum(len(each.asks) for each in batch):
                self.unsent = (
                    f"only {hearing.sending.requests:,} requests may be sent: the suite is not complete"
                )
            elif len(hearing.missing) > MISSING_MAX:
                self.unsent = f"{len(hearing.missing):,} requests have no row: the rest was not sent"
            elif 2 * len(hearing.unheard) > hearing.sending.requests:
                self.unsent = "most requests gave no observation: the rest was not sent"
            if self.unsent:
                break
        if before is not None:
            await hearing.settle(before)

    async def _send_again(self) -> None:
        """Repeats what had no reply, a 429 or a 5xx, as far as that is the exception."""
        hearing = self.hearing
        for _ in range(AGAIN_MAX):
            asks = [
                ask
                for number, ask in hearing.open.items()
                if number in hearing.unheard and hearing.unheard[number].status in RETRIABLE
            ]
            if not asks or hearing.sending.stopped or AGAIN_SHARE * len(asks) > hearing.sending.requests:
                return
            cells = dict.fromkeys(ask.cell for ask in asks)
            groups = [[ask for ask in asks if ask.cell == cell] for cell in cells]
            heard = await hearing.hear([each for group in groups for each in self._rounds_again(group)])
            await hearing.settle(heard)

    def _rounds_again(self, asks: Sequence[Ask]) -> Iterator[Round]:
        left = iter(asks)
        while some := list(islice(left, BESIDE_AGAIN)):
            again = [self.hearing.repeat(ask, self.asker.again(ask)) for ask in some]
            yield Round((*again, self.asker.control(some[0].probe.auth, some[0].probe.stream)))

    # doubts

    async def _try_suspects(self) -> None:
        hearing, claim = self.hearing, self.hearing.reply_claim
        suspects = hearing.ledger.suspects()
        for suspect in suspects[:SUSPECTS_MAX]:
            if self.docket.refuted(claim) and hearing.sending.left < 2 * TRIAL:
                break
            await self._try(suspect)
        if len(suspects) > SUSPECTS_MAX and not self.docket.refuted(claim):
            untried = ", ".join(one.feature for one in suspects[SUSPECTS_MAX:])
            self.docket.lack(claim, f"seen to differ and not tried again: {untried}")

    async def _try(self, suspect: Suspect) -> None:
        """Sends a suspect again among controls, in an order that no rhythm of the target can follow."""
        hearing, claim = self.hearing, self.hearing.reply_claim
        times = min(TRIAL, (hearing.sending.left - AT_END) // 2)
        if times < TRIAL_LEAST:
            self.docket.lack(claim, f"{_differs(suspect)}; no requests are left to try that again")
            return
        ask = suspect.example.ask
        asks = [hearing.repeat(ask, self.asker.again(ask)) for _ in range(times)]
        asks += [self.asker.control(ask.probe.auth, ask.probe.stream) for _ in range(times)]
        random.Random(self.seed + ask.number).shuffle(asks)  # noqa: S311 - an order, no secret
        heard = await hearing.hear([Round((one,)) for one in asks])
        await hearing.settle(heard)
        outcome = hearing.ledger.outcome(suspect, heard.answers, times)
        if outcome is Outcomes.EACH_TIME:
            effect = (
                f"{_differs(suspect)}; so in each of {times} repetitions, and in none of {times} without it"
            )
            self.docket.refute(hearing.judge.finding(claim, suspect.example, (), effect))
        elif outcome is Outcomes.SOMETIMES or outcome is Outcomes.UNCLEAR:
            self.docket.lack(claim, f"{_differs(suspect)}; in {times} repetitions that was not always so")
        elif outcome is Outcomes.VARIES and suspect.feature == STATUS:
            self.docket.lack(
                claim, f"{_differs(suspect)}; requests without the header fare alike now and then"
            )
        elif outcome is Outcomes.NEVER:
            self.docket.note(claim, f"{_differs(suspect)}, and in none of {times} repetitions")

    # the end

    async def _end(self) -> None:
        if self.hearing.missing:
            await self._look_for_missing()
        await self._look_for_doubles()

    async def _look_for_missing(self) -> None:
        """A row is missing only if the row of a later request comes, and it had the time that rows have."""
        hearing = self.hearing
        control = self.asker.control(Auth.ANONYMOUS, False)
        heard = await hearing.hear([Round((control, self.asker.again(control)))])
        _, matched = await hearing.wait(
            [answer for answer in heard.answers if answer.reply.upstream_id], heard.since, hearing.wait_rows_s
        )
        later = next((row for rows in matched for row in rows if row.whole), None)
        loop = asyncio.get_running_loop()
        missing, hearing.missing = hearing.missing, []
        youngest = max(answer.at for answer in missing)
        await asyncio.sleep(
            max(0.0, youngest + hearing.wait_rows_s - loop.time())
        )  # so much was promised to rows
        found = await hearing.look(missing, hearing.began)
        orphans = await hearing.rows.orphans([answer.reply.upstream_id or "" for answer in missing])
        for answer, rows in zip(missing, found, strict=True):
            mine = (*rows, *orphans.get(answer.reply.upstream_id or "", ()))
            if any(row.whole for row in mine):
                hearing.weigh(answer, mine)
            elif later is not None:
                hearing.judge.miss(answer, mine, f"message_id {later.message_id}")
            else:
                hearing.missing.append(answer)

    async def _look_for_doubles(self) -> None:
        """A second pair of rows that came after the first was looked at."""
        hearing = self.hearing
        left = iter(hearing.ids - hearing.repeated)
        while ids := list(islice(left, LOOK_IDS)):
            for identity, count in (await hearing.rows.doubles(ids, hearing.began)).items():
                if not self.docket.refuted(ACCOUNTED):
                    effect = f"message_id {identity} has {count} pairs of rows at the end, expected one"
                    self.docket.refute(Finding(ACCOUNTED, "all requests of the run, at its end", effect))


def _batches(source: Iterator[Round]) -> Iterator[list[Round]]:
    batch: list[Round] = []
    for each in source:
        batch.append(each)
        if sum(len(one.asks) for one in batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _unserved_words(answers: Sequence[Answer], stopped: str | None) -> str:
    if not answers:
        return stopped or "no request was sent"
    reply = answers[0].reply
    told = reply.reason or describe_reply(reply)
    hint = "" if reply.status == 0 else "; check --backend-url and --free-model"
    return f"no request without the header was served with an id: {told}{hint}"


def _differs(suspect: Suspect) -> str:
    usual, strange = (
        "absent" if value is None else shown(value.encode("utf-8", "replace"))
        for value in (suspect.usual, suspect.strange)
    )
    return f"{suspect.feature} is {strange}, without the header {usual}"
