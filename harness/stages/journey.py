"""Goes a walk for real: stands up its start, probes what is to be probed, takes each step with requests in flight.

Tells what was seen, with the stand-up or the step it was seen at; whether that is safe is for others to judge.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from harness.backend.usage import Loss
from harness.stages.itinerary import Walk
from harness.stages.matrix import SignedIn, addresses, matrix
from harness.stages.model import StandUp, Step
from harness.stages.passage import Passage, pass_through
from harness.stages.schema import StepRefused
from harness.stages.stage import Stack, Stand, stand
from harness.sut import Observation

TRAFFIC_BLOCK: Final = 0x800
"""Addresses of the traffic begin here, those of the walks' own requests below."""
AT_ONCE: Final = 3
"""Walks that go on side by side: standing up is mostly waiting."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A stand-up, and every request that it was probed with."""

    stand_up: StandUp
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """New rows of both tables, whoever caused them."""

    usage: int
    metadata: int


@dataclass(frozen=True, slots=True)
class Journey:
    """What was seen on one walk, every row read again after the replicas had ended."""

    walk: Walk
    visits: tuple[Visit, ...]
    passages: tuple[Passage, ...]
    growth: Growth
    losses: Mapping[str, Loss]
    """What the replicas told of rows that they gave up, by upstream id; not every loss is told."""
    refusal: StepRefused | None
    """Why it came to an early end: the step that the server did not take, or with which the start is made."""

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Every request of the walk."""
        probed = [seen for visit in self.visits for seen in visit.observations]
        held = [seen for passage in self.passages for seen in (*passage.held, *passage.traffic)]
        return (*probed, *held)


async def travel(
    stack: Stack,
    walks: Sequence[Walk],
    *,
    thin: bool = False,
    done: Callable[[Journey], None] = lambda _: None,
) -> tuple[Journey, ...]:
    """Goes all walks, the longest first, `AT_ONCE` at a time, and returns them in their order; `done` hears of each."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def go(walk: Walk) -> Journey:
        async with slots:
            journey = await go_walk(stack, walk, thin=thin)
            done(journey)
            return journey

    longest_first = sorted(walks, key=lambda walk: -len(walk.legs))
    going = [asyncio.create_task(go(walk)) for walk in longest_first]
    try:
        journeys = await asyncio.gather(*going)
    finally:
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
    return tuple(sorted(journeys, key=lambda journey: journey.walk.number))


async def go_walk(stack: Stack, walk: Walk, *, thin: bool = False) -> Journey:
    """Goes one walk to its end, or to the first step that the server refuses."""
    trail = _Trail(addresses(walk.number), addresses(TRAFFIC_BLOCK + walk.number), thin)
    refusal: StepRefused | None = None
    try:
        async with stand(stack, walk.start.stage, walk.start.half_way) as standing:
            before = await standing.totals()
            signed_in = await stack.signed_in(standing.dsn)
            refusal = await trail.follow(standing, walk, signed_in)
            settled = await standing.settle(trail.observations)
            after = await standing.totals()
    except StepRefused as error:  # the start could not be stood up
        return Journey(walk, (), (), Growth(0, 0), {}, error)
    growth = Growth(after[0] - before[0], after[1] - before[1])
    visits, passages = trail.told(settled)
    return Journey(walk, visits, passages, growth, standing.losses, refusal)


class _Trail:
    """What was seen so far, in the order it was seen."""

    def __init__(self, origin: Iterator[str], traffic_origin: Iterator[str], thin: bool) -> None:
        self._origin = origin
        self._traffic_origin = traffic_origin
        self._thin = thin
        self._visits: list[Visit] = []
        self._passages: list[Passage] = []
        self._values: dict[str, str | None] = {}

    @property
    def observations(self) -> list[Observation]:
        probed = [seen for visit in self._visits for seen in visit.observations]
        return probed + [seen for one in self._passages for seen in (*one.held, *one.traffic)]

    async def follow(self, standing: Stand, walk: Walk, signed_in: SignedIn) -> StepRefused | None:
        if walk.probed:
            await self._probe(standing, signed_in)
        for leg in walk.legs:
            if leg.crossing.step is Step.ROLL_BACK_COLUMN:
                await self._keep_values(standing)
            if leg.crossed:
                passage = await pass_through(
                    standing, leg.crossing, signed_in, self._origin, self._traffic_origin
                )
                self._passages.append(passage)
                if passage.refusal is not None:
                    return passage.refusal
            else:
                try:
                    await standing.cross(leg.crossing)
                except StepRefused as refusal:
                    return refusal
            if leg.probed:
                await self._probe(standing, signed_in)
        return None

    async def _keep_values(self, standing: Stand) -> None:
        """The column takes its values with it: they are read while it is there."""
        for seen in await standing.look_again(self.observations):
            for row in seen.rows:
                if row.usage_id is not None:
                    self._values.setdefault(row.usage_id, row.value)  # an earlier column may have had it

    async def _probe(self, standing: Stand, signed_in: SignedIn) -> None:
        probes = [
            matrix(signed_in, self._origin, released=standing.stage.extension_released, thin=self._thin)
            for _ in standing.replicas
        ]
        self._visits.append(Visit(standing.stand_up, tuple(await standing.observe(probes))))

    def told(self, settled: Sequence[Observation]) -> tuple[tuple[Visit, ...], tuple[Passage, ...]]:
        """The same, with the observations as they were once everything had settled."""
        anew = map(self._with_values, settled)
        visits = tuple(
            replace(visit, observations=tuple(islice(anew, len(visit.observations))))
            for visit in self._visits
        )
        passages = tuple(
            replace(
                passage,
                held=tuple(islice(anew, len(passage.held))),
                traffic=tuple(islice(anew, len(passage.traffic))),
            )
            for passage in self._passages
        )
        return visits, passages

    def _with_values(self, seen: Observation) -> Observation:
        """The observation with the values that its rows had while their column was there."""
        if not self._values:
            return seen
        rows = [replace(row, value=self._values.get(row.usage_id or "", row.value)) for row in seen.rows]
        return replace(seen, rows=tuple(rows))
