"""One run of the gate against a target, from the first plain request to the last look at all rows.

Each phase leaves what it could not see to the next; what is left at the end makes claims unknown. Knows neither the
command line nor reports.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from typing import Final

from harness.probing.covering import PAIR
from harness.probing.probe_factory import ProbeFactory
from harness.report.contents import RuleBehaviour
from harness.rule.shard import Shard, Share
from harness.rule.suite import Level
from harness.run.fault_coverage import FaultCoverage
from harness.run.gate_arrays import Arrays
from harness.run.gate_confirm import AT_END, confirm_suspected, retry_unobserved
from harness.run.gate_end import explain_rule, look_for_missing, repeat_refuted, revisit, second_look
from harness.run.gate_parts import BATCH, STRENGTHS, Batches, SuitePart, parts_of
from harness.run.gate_suite import REQUESTS_USUAL, over_http2, suite_alone
from harness.run.gate_target import understand
from harness.run.gate_values import Values
from harness.run.probe_session import AT_END_S, ProbeSession
from harness.run.progress import LineCallback
from harness.sut.observation import ProbeGroup

SLOW_S: Final = 5.0
SLOW_TIMES: Final = 4
"""Where rows take longer than that, so many times as many requests are sent before theirs are looked for."""
MISSING_SHARE: Final = 2
MISSING_MAX: Final = 500
"""With so many rows missing, and so large a share of all requests, there is no need to go on."""


@dataclass(slots=True)
class GateRun:
    """The phases, in their order; `run` fills the results."""

    factory: ProbeFactory
    session: ProbeSession
    level: Level
    seed: int
    deadline: float
    """Event loop's clock: until then suspects are tried and rows waited for."""
    on_progress: LineCallback
    claims: tuple[str, ...]
    """Those that requests are evidence for."""
    watch_rows_s: float
    """How long the first rows are watched at the least."""
    on_line: LineCallback
    share: Share
    """What of the header rule's suite is sent."""
    shard: Shard
    extra_states: int
    fault_coverage: FaultCoverage
    """Which faults of the catalogue the requests would have shown."""
    remarks: list[str] = field(default_factory=list)
    unsent: str = ""
    """Why a part of the suite was not sent; empty when all was."""
    behaviour: RuleBehaviour | None = None
    """What explains the stored values where they are not those of the rule."""
    covered: list[str] = field(default_factory=list)
    """What the covering arrays held, for the evidence."""
    _sent: list[ProbeGroup] = field(default_factory=list)
    """Groups that `fault_coverage` has not taken in yet."""

    async def run(self) -> None:
        """Judges what can be judged.

        Raises DatabaseUnavailableError, UnjudgeableError where there is no point in going on.
        """
        session, factory = self.session, self.factory
        session.sending.reserve = AT_END
        session.judge.own_values = factory.own_values
        self.remarks += await understand(session, factory, self.on_progress, self.on_line)
        loop = asyncio.get_running_loop()
        began = loop.time()
        limits = session.sending.limits  # now it is known how long rows take
        rest = min((self.deadline - began) / 4, session.rows.wait_s + AT_END_S)
        limits.deadline = min(limits.deadline, self.deadline - rest)
        if self.shard.is_first:
            await self._send_shapes(Values(factory.caller), began)
        else:
            await self._send([SuitePart(lambda: suite_alone(factory, self.share, self.level))])
        limits.deadline = self.deadline
        await revisit(session, factory)
        await retry_unobserved(session, factory)
        await confirm_suspected(session, factory, self.seed)
        await repeat_refuted(session, factory, self.claims)
        self.behaviour = await explain_rule(session, factory)
        session.sending.reserve = 0
        await look_for_missing(session, factory)
        rest = began + self.watch_rows_s - loop.time()
        if rest > 0 and not session.sending.stopped:
            self.on_progress("watching rows for later changes")
            await asyncio.sleep(rest)  # what changes a row later needs the time that was promised
        await second_look(session, factory)
        self.remarks += session.rows.remarks()

    async def _send_shapes(self, values: Values, began: float) -> None:
        """Every shape of requests and what the level has beyond that; the arrays are made meanwhile."""
        replies, strengths = self.session.judge.replies, STRENGTHS[self.level]
        arrays = Arrays(self.factory, replies, self.fault_coverage, strengths)
        arrays.learn_constraints()

        def array(strength: int, completed: int) -> Iterable[ProbeGroup]:
            if strength == PAIR and completed == 1:
                self._foresee(asyncio.get_running_loop().time() - began)
            return arrays.groups(values, strength, completed)

        ahead = asyncio.create_task(asyncio.to_thread(arrays.make_ahead))
        try:
            users = self.session.judge.accounts.values()
            parts = parts_of(self.factory, values, self.level, self.seed, self.share, array, users)
            await self._send(parts)
        finally:
            await asyncio.gather(ahead, return_exceptions=True)
        await self._send_over_http2(values)
        self.covered += arrays.covered()

    def _foresee(self, seconds: float) -> None:
        """Says at the start that the time limit leaves less than the level takes."""
        sending = self.session.sending
        takes = min(REQUESTS_USUAL[self.level], sending.limits.requests_max)
        rate = sending.requests / max(seconds, 1e-3)
        left = sending.limits.deadline - asyncio.get_running_loop().time()
        by_then = sending.requests + int(max(0.0, left) * rate)
        if self.shard.is_whole and self.level is not Level.SMOKE and by_then < takes:
            text = f"at {rate:,.0f} requests/s about {by_then:,} of {takes:,} requests can be sent by the time limit"
            self.on_line(text)
            self.remarks.append(text)

    async def _send_over_http2(self, values: Values) -> None:
        """What is sent over HTTP/2, where the target offers it."""
        if self.unsent:
            return
        sent_probes = await self.session.send_over_http2(over_http2(self.factory, values))
        if sent_probes.exchanges:
            await self.session.match_rows(sent_probes)
            self.covered.append(f"{len(sent_probes.exchanges)} requests over HTTP/2")

    async def _send(self, parts: Iterable[SuitePart]) -> None:
        """Sends the batches of each part; while one is sent, the rows of the one before are waited for."""
        await self.session.run.judge(self._batches(parts))

    async def _batches(self, parts: Iterable[SuitePart]) -> AsyncGenerator[list[ProbeGroup], None]:
        """Groups to send at once, as long as there is a point in going on; the next are made while these are sent."""
        session = self.session
        batches = Batches(parts, session.run.ended)
        following = asyncio.create_task(self._prepared(batches))
        try:
            while not self.unsent and (batch := await following):
                for each in batch:
                    session.record.plan(each.probes, together=each.together)
                following = asyncio.create_task(self._prepared(batches))
                requests = session.sending.requests
                yield batch
                self._sent += batch
                left = session.sending.requests - requests
                # What follows from replies has waited for them: they are looked at before it is sent.
                await asyncio.wait({following})
                self._look_at(left, sum(len(each.probes) for each in batch) - left)
        finally:
            following.cancel()
        self.fault_coverage.sent(self._sent)
        self.fault_coverage.take_in()
        self._sent = []
        if session.rows.slowest_s > SLOW_S:
            self.on_progress(f"waiting up to {session.rows.wait_s:.0f} s for rows of the last requests")

    async def _prepared(self, batches: Batches) -> list[ProbeGroup]:
        """The next groups to send, made on a thread while others are on the wire."""
        sent, self._sent = self._sent, []
        await asyncio.to_thread(self.fault_coverage.sent, sent)
        batch = await batches.next(self._batch)
        await self.session.run.note(batch)
        return batch

    def _look_at(self, left: int, not_sent: int) -> None:
        """Whether there is a point in going on, after a batch of which so many have left and so many might not."""
        session, sent = self.session, self.session.sending.requests
        looked_for = sent - left  # the rows of the last batch are looked for while the next leaves
        self.on_progress(f"{sent:,} requests sent")
        if not_sent:
            self.unsent = f"only {sent:,} requests may be sent: the suite is not complete"
        elif MISSING_MAX < len(session.record.missing) > looked_for / MISSING_SHARE:
            self.unsent = f"{len(session.record.missing):,} requests have no row: the rest was not sent"
        elif 2 * len(session.record.unobserved) > sent:
            text = session.record.reasons(session.record.open.values())
            self.unsent = f"most requests give no observation, the rest was not sent: {text}"

    @property
    def _batch(self) -> int:
        """Where rows come late, they are waited for less often."""
        return BATCH if self.session.rows.slowest_s <= SLOW_S else SLOW_TIMES * BATCH
