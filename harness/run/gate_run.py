"""One run of the gate against a target, from the first plain request to the last look at all rows.

Each phase leaves what it could not see to the next; what is left at the end makes claims unknown. Knows neither the
command line nor reports.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from harness.clients.shape import Shape
from harness.probing import covering
from harness.probing.covering import Constraint
from harness.probing.probe_factory import ProbeFactory
from harness.report.contents import RuleBehaviour
from harness.rule.shard import Shard, Share
from harness.rule.suite import Level
from harness.run.fault_coverage import FaultCoverage
from harness.run.gate_confirm import AT_END, confirm_suspected, retry_unobserved
from harness.run.gate_end import explain_rule, look_for_missing, repeat_refuted, revisit, second_look
from harness.run.gate_suite import REQUESTS_USUAL, array, first, further, last, over_http2, suite_alone
from harness.run.gate_target import understand
from harness.run.gate_values import Values
from harness.run.probe_session import AT_END_S, ProbeSession
from harness.run.progress import LineCallback
from harness.sut.observation import ProbeGroup

BATCH: Final = 500
"""Requests sent before their rows are looked for, about."""
SLOW_S: Final = 5.0
SLOW_TIMES: Final = 4
"""Where rows take longer than that, so many times as many requests are sent before theirs are looked for."""
MISSING_SHARE: Final = 2
MISSING_MAX: Final = 500
"""With so many rows missing, and so large a share of all requests, there is no need to go on."""
STRENGTHS: Final = {Level.SMOKE: (2,), Level.STANDARD: (2, 3), Level.EXHAUSTIVE: (2, 3)}
"""How many factor values of a request are combined, in the order in which they are sent."""
EXTENSIONS_MAX: Final = 3
"""How often an array is completed after shapes were found that the target refuses for everybody."""

Batches = AsyncGenerator[list[ProbeGroup], None]
"""Rounds to send at once; when the next are asked for, these have left; `ProbeRun.all_ended` waits for their ends."""


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
    _shapes: list[Shape] = field(default_factory=list)
    _constraints: list[Constraint] = field(default_factory=list)
    _sent: list[ProbeGroup] = field(default_factory=list)
    """Rounds that `fault_coverage` has not taken in yet."""

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
        values = Values(factory.caller)
        if self.shard.is_first:
            await self._send(self._shapes_in_turn(values, began))
        else:
            await self._send(iter([self._batches(suite_alone(factory, self.share, self.level))]))
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

    def _shapes_in_turn(self, values: Values, began: float) -> Iterator[Batches]:
        """Every shape of requests, then what the level has beyond that; each part is asked for when all was sent."""
        pairs, *triples = STRENGTHS[self.level]
        yield self._beside(first(self.factory, values), pairs)
        yield self._array(values, pairs)
        self._foresee(asyncio.get_running_loop().time() - began)
        users = self.session.judge.accounts.values()
        yield self._beside(last(self.factory, values, users), *triples)
        yield self._over_http2(values)
        for strength in triples:
            yield self._array(values, strength)
        yield self._batches(further(self.factory, values, self.level, self.seed, self.share))

    async def _beside(self, source: Iterator[ProbeGroup], *strengths: int) -> Batches:
        """Rounds to send while the arrays that are due next are made on a thread; they are kept until then."""
        self._learn_constraints()
        making = [asyncio.create_task(asyncio.to_thread(self._wanted(strength))) for strength in strengths]
        try:
            async with aclosing(self._batches(source, apart=True)) as batches:
                async for batch in batches:
                    yield batch
        finally:
            await asyncio.gather(*making, return_exceptions=True)

    def _wanted(self, strength: int) -> Callable[[], list[Shape]]:
        """Makes the shapes of an array, by what is known now."""
        factors, constraints = self.factory.caller.factors, tuple(self._constraints)
        allowed = [shape for shape in self._shapes if covering.is_allowed(shape, constraints, factors)]
        return partial(covering.shapes, strength, factors=factors, fixed=allowed, constraints=constraints)

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

    async def _array(self, values: Values, strength: int) -> Batches:
        """A covering array, completed where shapes turn out to be refused for everybody."""
        factory, replies = self.factory, self.session.judge.replies
        factors = factory.caller.factors
        for attempt in range(EXTENSIONS_MAX):
            known = self._constraints
            self._learn_constraints()
            if attempt and self._constraints == known:
                break  # the array is complete
            wanted = self._wanted(strength)()
            new = [shape for shape in wanted if shape not in self._shapes]
            if not new or self.unsent:
                break  # nothing more may be sent, or nothing more is there
            probe_groups = array(factory, values, new, strength)
            ordered = self.fault_coverage.ordered(probe_groups) if strength == covering.PAIR else probe_groups
            async with aclosing(self._batches(ordered, apart=True)) as batches:
                async for batch in batches:
                    yield batch
            self._shapes += new
        served = [shape for shape in self._shapes if shape in set(replies.served)]
        names = {2: "pair", 3: "triple"}
        held = covering.combinations_covered(served, strength, factors)
        text = f"every {names[strength]} of {len(factors)} factors' {sum(map(len, factors.values()))} values"
        self.covered.append(f"{text}: {held:,} in {len(served)} shapes of requests")

    def _learn_constraints(self) -> None:
        """Which factor values do not go together here: those that nobody was served with so far."""
        replies, caller = self.session.judge.replies, self.factory.caller
        refused = [shape for shape, status in replies.refused.items() if status.startswith("4")]
        served = [shape for shape in self._shapes if shape not in refused]
        found = covering.constraints_of(refused, [*served, *replies.served], caller.factors)
        concerned = [each for each in found if covering.concerns(each, caller.factors)]
        self._constraints = [*caller.constraints, *caller.with_alike(concerned)]

    async def _over_http2(self, values: Values) -> Batches:
        """Sends requests over HTTP/2 itself: there is no batch of them."""
        nothing: tuple[list[ProbeGroup], ...] = ()
        for batch in nothing:
            yield batch
        if self.unsent:
            return
        sent_probes = await self.session.send_over_http2(over_http2(self.factory, values))
        if sent_probes.exchanges:
            await self.session.match_rows(sent_probes)
            self.covered.append(f"{len(sent_probes.exchanges)} requests over HTTP/2")

    async def _send(self, parts: Iterator[Batches]) -> None:
        """Sends the batches of each part; while one is sent, the rows of the one before are waited for."""
        await self.session.run.judge(in_turn(parts))

    async def _batches(self, source: Iterator[ProbeGroup], *, apart: bool = False) -> Batches:
        """Rounds to send at once, as long as there is a point in going on; the next are made while these are sent.

        `apart`: each batch has ended before it is thought of the next, as where shapes follow from what was refused.
        """
        session = self.session
        following = asyncio.create_task(self._prepared(source))
        try:
            while not self.unsent and (batch := await following):
                for each in batch:
                    session.record.plan(each.probes, together=each.together)
                following = asyncio.create_task(self._prepared(source))
                requests = session.sending.requests
                yield batch
                if apart:
                    await session.run.all_ended()
                self._sent += batch
                left = session.sending.requests - requests
                self._look_at(left, sum(len(each.probes) for each in batch) - left)
        finally:
            following.cancel()
        self.fault_coverage.sent(self._sent)
        self._sent = []
        if session.rows.slowest_s > SLOW_S:
            self.on_progress(f"waiting up to {session.rows.wait_s:.0f} s for rows of the last requests")

    async def _prepared(self, source: Iterator[ProbeGroup]) -> list[ProbeGroup]:
        """The next rounds to send, made on a thread while others are on the wire."""
        sent, self._sent = self._sent, []

        def prepare() -> list[ProbeGroup]:
            self.fault_coverage.sent(sent)
            return next_batch(source, self._batch)

        batch = await asyncio.to_thread(prepare)
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


async def in_turn(parts: Iterator[Batches]) -> Batches:
    """The batches of one part after the other; a part is asked for when the one before has ended."""
    for part in parts:
        async with aclosing(part) as batches:
            async for batch in batches:
                yield batch


def next_batch(source: Iterator[ProbeGroup], least: int = BATCH) -> list[ProbeGroup]:
    """Rounds to send at once: as many as have so many requests, or what is left."""
    batch: list[ProbeGroup] = []
    count = 0
    while count < least and (each := next(source, None)) is not None:
        batch.append(each)
        count += len(each.probes)
    return batch
