"""Some sequences of requests sent to somebody's backend and judged as the gate judges them.

Requests are noted in a journal before they are sent, so that their rows can be taken back. What differs from a request
without the header is tried again before it is believed, and a row is missing only where a later one has come.
"""

import asyncio
import secrets
import shlex
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from harness.checks.evidence import describe_reply, hint_of
from harness.checks.gate import RowJudge
from harness.clients.extension import Auth
from harness.clients.shape import PLAIN, Shape
from harness.clients.wire import HEAD_BYTES_SURE
from harness.errors import UnavailableError, UsageError
from harness.rule.cases import HeaderCase
from harness.rule.policy import POLICIES
from harness.rule.samples import CaseSequence
from harness.run.example import PRIMER
from harness.run.gate import claims_of
from harness.run.gate_doubts import try_sequences, try_suspects
from harness.run.gate_end import look_again, look_for_missing
from harness.run.gate_requests import Asker, Caller
from harness.run.gate_target import UnjudgeableError, understand
from harness.run.gate_values import fits
from harness.run.hearing import Hearing
from harness.run.journal import Journal, journal_file, run_mark, run_name
from harness.run.options.fuzz import SubjectOptions
from harness.run.progress import Say, ignored
from harness.sut.asks import Answer, Ask, Round
from harness.sut.contract import ContractRows, DatabaseUnavailableError, check_dsn
from harness.sut.external import Limits, Sending, site_of
from harness.verdict import Finding, Results

EXAMPLE_S_MAX: Final = 600.0
"""For one example, with what a target asks to wait."""
TIMEOUT_S: Final = 30.0
"""Longest wait for one reply."""
REQUESTS_MAX: Final = 10_000_000
TRIES: Final = 2
"""How often an example is sent whose controls were not served."""


@dataclass(slots=True)
class TargetExamples:
    """A backend that was understood by plain requests, and what is known of it from then on."""

    options: SubjectOptions
    sending: Sending
    rows: ContractRows
    journal: Journal
    asker: Asker
    overwritten: bool = False
    """Whether a platform puts its own address into x-forwarded-for."""
    slowest_s: float = 0.0
    """Longest time that a row was seen to take after its reply."""
    unjudged: Counter[str] = field(default_factory=Counter)
    """Why requests gave no observation."""

    @property
    def words(self) -> str:
        """The backend, as it was named."""
        return self.options.target

    async def understand(self, tell: Say, say: Say) -> None:
        """Sends plain requests. Raises UnavailableError unless they are served and their rows found."""
        self._allow_time()
        hearing = self._hearing()
        try:
            for remark in await understand(hearing, self.asker, tell, say):
                say(remark)
        except (DatabaseUnavailableError, UnjudgeableError) as error:
            raise UnavailableError(f"{self.words}: {error}") from None
        self._learn(hearing)

    async def judge(
        self,
        example: tuple[CaseSequence, ...],
        *,
        auth: Auth = Auth.ANONYMOUS,
        stream: bool = False,
        settle_s: float = 0.0,
    ) -> tuple[Finding, ...]:
        """What refutes of an example, lightest first; each sequence has a connection of its own, a primer first.

        With `settle_s` the rows are read once more after so many seconds, and what gave no observation is an error.
        Raises UnavailableError where the target or its database goes away, or serves no request without the header.
        """
        if auth is Auth.SIGNED_IN:
            raise UsageError("cannot sign in: no token is known for this target; leave --auth out")
        shape = PLAIN._replace(auth=auth, stream=stream)
        if long := [case for each in example for case in each if not self._fits(case)]:
            told = f"its header lines are longer than the {HEAD_BYTES_SURE:,} bytes of a head that every server takes"
            if settle_s:
                raise UnavailableError(f"{self.words}: nothing was sent: {told}")
            self.unjudged[told] += len(long)
        unserved: Answer | None = None
        for _ in range(TRIES):
            self._allow_time()
            hearing = self._hearing()
            try:
                unserved = await self._judge(hearing, example, shape, settle_s)
            except DatabaseUnavailableError as error:
                raise UnavailableError(f"{self.words}: {error}") from None
            if self.sending.stopped:
                raise UnavailableError(f"{self.words}: {self.sending.stopped}")
            if unserved is None:
                self._learn(hearing)
                judgements = hearing.judge.results.judgements()
                return tuple(finding for judgement in judgements for finding in judgement.findings)
        assert unserved is not None
        told = f"{describe_reply(unserved.reply)} {unserved.reply.reason}".rstrip()
        raise UnavailableError(
            f"{self.words} does not serve requests without the header any more: {told}; "
            f"{hint_of(unserved.reply) or 'check that it is up'}"
        )

    async def _judge(
        self, hearing: Hearing, example: tuple[CaseSequence, ...], shape: Shape, settle_s: float
    ) -> Answer | None:
        """Judges an example; where no control was served, one of them, and nothing is judged."""
        rounds = self._rounds(example, shape)
        for each in rounds:
            hearing.plan(each.asks, together=each.together)
        heard = await hearing.hear(rounds)
        controls = [answer for answer in heard.answers if answer.ask.control]
        if controls and not any(answer.identity for answer in controls):
            return controls[0]
        await hearing.settle(heard)
        await try_suspects(hearing, self.asker, seed=0)
        await try_sequences(hearing, self.asker, rounds)
        await look_for_missing(hearing, self.asker)
        if settle_s:
            await asyncio.sleep(settle_s)  # nothing tells when a backend has ended its accounting
        await look_again(hearing, self.asker)
        if hearing.open:
            reasons = hearing.reasons(hearing.open.values())
            if settle_s and not any(map(hearing.judge.results.refuted, _ids(hearing))):
                raise UnavailableError(f"{self.words}: not judged, send it again: {reasons}")
            self.unjudged[reasons] += len(hearing.open)
        return None

    def _rounds(self, example: tuple[CaseSequence, ...], shape: Shape) -> list[Round]:
        """Sequences beside two controls. A case that not every server takes is left out, as at the gate."""
        rounds = [Round((self.asker.control(shape),)), Round((self.asker.control(shape),))]
        for sequence in example:
            cases = list(filter(self._fits, sequence))
            # Alone at its address, a request is found by it, too; what may be remembered there needs a shared one.
            shares = len(cases) > 1 or any(not case.lines for case in cases)
            address = self.asker.address() if shares else None
            asks: list[Ask] = [self.asker.probe(case, shape, address=address) for case in (PRIMER, *cases)]
            rounds.append(Round(tuple(asks), together=True))
        return rounds

    def _fits(self, case: HeaderCase) -> bool:
        return fits(case, self.options.given.size)

    def _hearing(self) -> Hearing:
        """What is asked and seen of one example: none is compared with what another left."""
        options, policy = self.options, self.asker.caller.policy
        judge = RowJudge(
            Results(claims_of("after", policy.name)),
            policy,
            options.target,
            "after",
            options.model,
            overwritten=self.overwritten,
            given=options.given,
        )
        hearing = Hearing(self.sending, self.rows, self.journal, judge, options.wait_s)
        hearing.slowest_s = self.slowest_s
        return hearing

    def _learn(self, hearing: Hearing) -> None:
        self.overwritten, self.slowest_s = hearing.judge.overwritten, hearing.slowest_s

    def _allow_time(self) -> None:
        self.sending.limits.deadline = asyncio.get_running_loop().time() + EXAMPLE_S_MAX


def _ids(hearing: Hearing) -> list[str]:
    return [claim.id for claim in hearing.judge.results.claims]


@asynccontextmanager
async def target_examples(
    options: SubjectOptions, say: Say = ignored, tell: Say = ignored
) -> AsyncIterator[TargetExamples]:
    """The backend that was named, understood; its journal ends with the context.

    Raises UsageError for options that do not fit, UnavailableError when nothing can be judged there.
    """
    site = site_of(options.target)
    if options.database_url is None:
        raise UsageError(f"target {options.target} needs --database-url: a reply proves nothing, its rows do")
    check_dsn(options.database_url)
    policy = POLICIES[options.policy]
    try:
        rows = await ContractRows.connect(options.database_url)
    except DatabaseUnavailableError as error:
        raise UnavailableError(f"{error}; check --database-url") from None
    try:
        started, bits = datetime.now(UTC), secrets.randbits(32)
        run = run_name(started, bits)
        file = options.journal or journal_file(run)
        with Journal.open(file, run, site.url, started) as journal:
            named = run if options.journal is None else shlex.quote(str(file))
            say(
                f"run {run}: requests are noted in {file} before they are sent; harness clean {named} takes them back"
            )
            asker = Asker(
                Caller(options.model, policy, "after", given_bytes=options.given.size),
                bits,
                run_mark(run),
            )
            sending = Sending(site, Limits(REQUESTS_MAX, None, TIMEOUT_S, 0.0), options.given)
            examples = TargetExamples(options, sending, rows, journal, asker)
            await examples.understand(tell, say)
            yield examples
            for reason, count in examples.unjudged.most_common(3):
                say(f"not judged: {count:,} requests: {reason}")
    finally:
        await rows.close()
