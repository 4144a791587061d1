"""Some sequences of requests sent to somebody's backend and judged as the gate judges them.

Requests are noted in a journal before they are sent, so that their rows can be taken back. What differs from a request
without the header is tried again before it is believed, and a row is missing only where a later one has come.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from harness.checks.evidence import describe_reply, hint_of
from harness.checks.gate import TargetJudge
from harness.clients.extension import Auth
from harness.clients.request_bytes import HEAD_BYTES_SURE
from harness.clients.shape import PLAIN, Shape
from harness.database.dsn import check_dsn
from harness.errors import UnavailableError, UsageError
from harness.probing.probe_factory import ProbeFactory
from harness.rule.cases import CaseSequence, HeaderCase
from harness.run.example import PRIMER, primer_of
from harness.run.gate_claims import claims_of
from harness.run.gate_confirm import confirm_sequences, confirm_suspected
from harness.run.gate_end import look_for_missing, second_look
from harness.run.gate_target import UnjudgeableError, understand
from harness.run.gate_values import fits
from harness.run.options.fuzz import FuzzedOptions
from harness.run.probe_session import ProbeSession
from harness.run.progress import LineCallback, ignored
from harness.run.rule_explained import OnSeen
from harness.sut.external import Limits, Sending, site_of
from harness.sut.foreign_rows import DatabaseUnavailableError, ForeignRows
from harness.sut.journal import new_journal, run_mark
from harness.sut.observation import Exchange, Probe, ProbeGroup
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

    options: FuzzedOptions
    sending: Sending
    rows: ForeignRows
    factory: ProbeFactory
    primer: HeaderCase = PRIMER
    """A valid header that goes before each example, so that nothing of another is left."""
    on_seen: OnSeen | None = None
    """Is told of each request whose value was seen."""
    unjudged: Counter[str] = field(default_factory=Counter)
    """Why requests gave no observation."""

    @property
    def words(self) -> str:
        """The backend, as it was named."""
        return self.options.target

    async def understand(self, on_progress: LineCallback, on_line: LineCallback) -> None:
        """Sends plain requests. Raises UnavailableError unless they are served and their rows found."""
        self._allow_time()
        session = self._session()
        try:
            for remark in await understand(session, self.factory, on_progress, on_line):
                on_line(remark)
        except (DatabaseUnavailableError, UnjudgeableError) as error:
            raise UnavailableError(f"{self.words}: {error}") from None

    async def judge(
        self,
        example: tuple[CaseSequence, ...],
        *,
        auth: Auth = Auth.ANONYMOUS,
        stream: bool = False,
        rows_within_s: float = 0.0,
    ) -> tuple[Finding, ...]:
        """What refutes of an example, lightest first; each sequence has a connection of its own, a primer first.

        With `rows_within_s` the rows are read once more after so many seconds, and what gave no observation is an
        error. Raises UnavailableError where the target or its database goes away, or serves no request without the
        header.
        """
        if auth is Auth.SIGNED_IN:
            raise UsageError("cannot sign in: no token is known for this target; leave --auth out")
        shape = PLAIN._replace(auth=None if auth is Auth.ANONYMOUS else auth, stream=stream)
        if long := [case for each in example for case in each if not self._fits(case)]:
            text = f"its header lines are longer than the {HEAD_BYTES_SURE:,} bytes of a head that every server takes"
            if rows_within_s:
                raise UnavailableError(f"{self.words}: nothing was sent: {text}")
            self.unjudged[text] += len(long)
        unserved: Exchange | None = None
        for _ in range(TRIES):
            self._allow_time()
            session = self._session()
            try:
                unserved = await self._judge(session, example, shape, rows_within_s)
            except DatabaseUnavailableError as error:
                raise UnavailableError(f"{self.words}: {error}") from None
            if self.sending.stopped:
                raise UnavailableError(f"{self.words}: {self.sending.stopped}")
            if unserved is None:
                judgements = session.judge.results.judgements()
                return tuple(finding for judgement in judgements for finding in judgement.findings)
        assert unserved is not None
        text = f"{describe_reply(unserved.reply)} {unserved.reply.reason}".rstrip()
        raise UnavailableError(
            f"{self.words} does not serve requests without the header any more: {text}; "
            f"{hint_of(unserved.reply) or 'check that it is up'}"
        )

    async def _judge(
        self, session: ProbeSession, example: tuple[CaseSequence, ...], shape: Shape, rows_within_s: float
    ) -> Exchange | None:
        """Judges an example; where no control was served, one of them, and nothing is judged."""
        probe_groups = self._groups(example, shape)
        for each in probe_groups:
            session.record.plan(each.probes, together=each.together)
        sent_probes = await session.send(probe_groups)
        controls = [exchange for exchange in sent_probes.exchanges if exchange.probe.control]
        if controls and not any(exchange.identity for exchange in controls):
            return controls[0]
        await session.match_rows(sent_probes)
        if self.on_seen is not None:
            for exchange, row in session.record.kept:
                self.on_seen(exchange.probe, (row,))
        await confirm_suspected(session, self.factory, seed=0)
        await confirm_sequences(session, self.factory, probe_groups)
        await look_for_missing(session, self.factory)
        if rows_within_s:
            await asyncio.sleep(rows_within_s)  # nothing tells when a backend has ended its accounting
        await second_look(session, self.factory)
        if session.record.open:
            reasons = session.record.reasons(session.record.open.values())
            if rows_within_s and not any(map(session.judge.results.refuted, _ids(session))):
                raise UnavailableError(f"{self.words}: not judged, send it again: {reasons}")
            self.unjudged[reasons] += len(session.record.open)
        return None

    def _groups(self, example: tuple[CaseSequence, ...], shape: Shape) -> list[ProbeGroup]:
        """Sequences beside two controls. A case that not every server takes is left out, as at the gate."""
        probe_groups = [
            ProbeGroup((self.factory.control(shape),)),
            ProbeGroup((self.factory.control(shape),)),
        ]
        for sequence in example:
            cases = list(filter(self._fits, sequence))
            # Alone at its address, a request is found by it, too; what may be remembered there needs a shared one.
            shares = len(cases) > 1 or any(not case.lines for case in cases)
            address = self.factory.address() if shares else None
            probes: list[Probe] = [
                self.factory.probe(case, shape, address=address) for case in (self.primer, *cases)
            ]
            probe_groups.append(ProbeGroup(tuple(probes), together=True))
        return probe_groups

    def _fits(self, case: HeaderCase) -> bool:
        return fits(case, self.options.given.size)

    def _session(self) -> ProbeSession:
        """What is asked and seen of one example: none is compared with what another left."""
        options, policy = self.options, self.factory.caller.policy
        judge = TargetJudge(
            Results(claims_of("after", policy.name, options.under_test.rollout)),
            policy,
            options.target,
            "after",
            options.under_test.options,
            overwritten=not self.rows.by_user,
            given=options.given,
        )
        return ProbeSession(self.sending, self.rows, judge)

    def _allow_time(self) -> None:
        self.sending.limits.deadline = asyncio.get_running_loop().time() + EXAMPLE_S_MAX


def _ids(session: ProbeSession) -> list[str]:
    return [claim.id for claim in session.judge.results.claims]


@asynccontextmanager
async def target_examples(
    options: FuzzedOptions, on_line: LineCallback = ignored, on_progress: LineCallback = ignored
) -> AsyncIterator[TargetExamples]:
    """The backend that was named, understood; its journal ends with the context.

    Raises UsageError for options that do not fit, UnavailableError when nothing can be judged there.
    """
    site = site_of(options.target)
    if options.database_url is None:
        raise UsageError(f"target {options.target} needs --database-url: a reply proves nothing, its rows do")
    check_dsn(options.database_url)
    under = options.under_test
    caller = under.caller("after")
    try:
        rows = await ForeignRows.connect(options.database_url, options.wait_s, under.store)
    except DatabaseUnavailableError as error:
        raise UnavailableError(f"{error}; check --database-url") from None
    try:
        bits = secrets.randbits(32)
        with new_journal(options.journal, site.url, datetime.now(UTC), bits, on_line) as journal:
            factory = ProbeFactory(caller, bits, run_mark(journal.run))
            sending = Sending(site, Limits(REQUESTS_MAX, None, TIMEOUT_S, 0.0), options.given, journal)
            examples = TargetExamples(options, sending, rows, factory, primer_of(caller))
            await examples.understand(on_progress, on_line)
            yield examples
            for reason, count in examples.unjudged.most_common(3):
                on_line(f"not judged: {count:,} requests: {reason}")
    finally:
        await rows.close()
