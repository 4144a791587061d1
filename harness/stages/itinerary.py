"""Walks through the rollout that stand every stage up and take every step, each while requests are in flight. Pure.

A walk is a stand of its own: a database, two replicas, and the steps taken on them one after another. Orders are
many and share their stages and steps; walks are few and long, since standing up costs more than a step does.
Knows no server, and nothing of what is safe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.database.schema_state import SchemaState
from harness.rehearsal.build_phase import LEFT_BEHIND_BY, BuildPhase
from harness.stages.model import MOVES, SCHEMA_MOVES, StandUp, Step, stand_ups
from harness.stages.orders import STEP_PLACES, Transition

LEGS_MAX: Final = 24
"""Longest walk: walks go on side by side, and one that is too long is what all wait for."""

WAITS: Final = tuple(LEFT_BEHIND_BY)
CONNECTORS: Final = frozenset(step for moves in SCHEMA_MOVES.values() for step in moves) - {
    Step.ROLL_BACK_COLUMN
}
"""Steps taken once more to get on: cheap ones, after which the schema is as if it had never been further."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A step as taken from one stand-up to another."""

    start: StandUp
    step: Step
    end: StandUp

    @property
    def transition(self) -> Transition:
        """The step with its stage, however that is half-way."""
        return (self.start.stage, self.step)


@dataclass(frozen=True, slots=True)
class Leg:
    """One step of a walk."""

    crossing: Crossing
    crossed: bool
    """Whether requests are held across it; else it is only a way to get on."""
    probed: bool
    """Whether the stand-up it leads to is probed."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What one stand goes through. `number` counts from 1."""

    number: int
    start: StandUp
    probed: bool
    """Whether the start is probed."""
    legs: tuple[Leg, ...]

    @property
    def probes(self) -> int:
        """How many stand-ups it probes."""
        return self.probed + sum(leg.probed for leg in self.legs)

    @property
    def crossings(self) -> int:
        """How many steps it takes while requests are in flight."""
        return sum(leg.crossed for leg in self.legs)


def crossings_from(start: StandUp) -> tuple[Crossing, ...]:
    """Every step from a stand-up: a build may be held in any of its waits, and leaves what that wait leaves."""
    found = []
    for step, stage in MOVES[start.stage].items():
        half_ways: Sequence[BuildPhase | None] = (None,)
        if stage.schema is start.stage.schema:
            half_ways = (start.half_way,)
        elif stage.schema is SchemaState.BUILDING:
            half_ways = WAITS
        elif stage.schema is SchemaState.INVALID:
            assert start.half_way is not None
            half_ways = (LEFT_BEHIND_BY[start.half_way],)
        found += [Crossing(start, step, StandUp(stage, half_way)) for half_way in half_ways]
    return tuple(found)


def crossings_of(transitions: Iterable[Transition], *, every_half_way: bool) -> tuple[Crossing, ...]:
    """The transitions as they can be taken: schema steps in every half-way state, by rank.

    A swap or a release happens in one half-way state, another one each time; with `every_half_way` in each.
    """
    found: list[Crossing] = []
    for turn, (stage, step) in enumerate(transitions):
        ways = [
            crossing
            for stand_up in stand_ups([stage])
            for crossing in crossings_from(stand_up)
            if crossing.step is step
        ]
        found += ways if every_half_way or step in CONNECTORS else [ways[turn % len(ways)]]
    return tuple(found)


def itinerary(
    crossings: Iterable[Crossing], probed: Iterable[StandUp], legs_max: int = LEGS_MAX
) -> tuple[Walk, ...]:
    """Walks that take each of the crossings once with requests in flight, and probe each stand-up once.

    A walk begins where the next thing to do is, goes on greedily, and ends where nothing is near: what is left
    is reached by steps that were taken already, or by another walk.
    """
    left = _Left(crossings, probed)
    walks: list[Walk] = []
    while (start := left.first()) is not None:
        fresh = left.visit(start)
        legs: list[Leg] = []
        here = start
        while len(legs) < legs_max and (path := _way_on(here, left)):
            for crossing in path:
                legs.append(Leg(crossing, left.cross(crossing), left.visit(crossing.end)))
                here = crossing.end
        walks.append(Walk(len(walks) + 1, start, fresh, tuple(legs)))
    return tuple(walks)


class _Left:
    """What is still to be done."""

    def __init__(self, crossings: Iterable[Crossing], probed: Iterable[StandUp]) -> None:
        self.crossings = dict.fromkeys(crossings)
        self.probed = dict.fromkeys(probed)

    def first(self) -> StandUp | None:
        """Where the next walk begins: as early in the rollout as there is something to do."""
        starts = [*self.probed, *(crossing.start for crossing in self.crossings)]
        return min(starts, key=lambda found: found.stage.rank, default=None)

    def visit(self, stand_up: StandUp) -> bool:
        """Ticks a stand-up off; false when it was not to be probed, or has been."""
        return self.probed.pop(stand_up, self) is None

    def cross(self, crossing: Crossing) -> bool:
        """Ticks a crossing off; false when it was not to be taken, or has been."""
        return self.crossings.pop(crossing, self) is None


def _way_on(here: StandUp, left: _Left) -> tuple[Crossing, ...]:
    """The shortest way to something left to do, by connectors but for its last step; empty when there is none."""
    paths: deque[tuple[Crossing, ...]] = deque([()])
    seen = {here}
    while paths:
        path = paths.popleft()
        end = path[-1].end if path else here
        steps = sorted(crossings_from(end), key=_preference)
        for crossing in steps:
            if crossing in left.crossings or (crossing.step in CONNECTORS and crossing.end in left.probed):
                return (*path, crossing)
        for crossing in steps:
            if crossing.step in CONNECTORS and crossing.end not in seen:
                seen.add(crossing.end)
                paths.append((*path, crossing))
    return ()


def _preference(crossing: Crossing) -> tuple[bool, bool, int]:
    """Schema steps before all others, and those that can be come back from before those that cannot."""
    final = crossing.step in (Step.FINISH_BUILD, Step.ROLL_BACK_COLUMN)
    return (crossing.step not in CONNECTORS, final, STEP_PLACES[crossing.step])


def crossed_transitions(walks: Iterable[Walk]) -> Iterator[Transition]:
    """The transitions that the walks take with requests in flight, as they come."""
    return (leg.crossing.transition for walk in walks for leg in walk.legs if leg.crossed)


def single_walk(start: StandUp, steps: Sequence[Step], waits: Collection[BuildPhase] = WAITS[:1]) -> Walk:
    """One order as a walk that probes every stage; a build is held in the first of the waits."""
    legs: list[Leg] = []
    here = start
    for step in steps:
        ways = [crossing for crossing in crossings_from(here) if crossing.step is step]
        chosen = next((way for way in ways if way.end.half_way in waits), ways[0])
        legs.append(Leg(chosen, crossed=True, probed=True))
        here = chosen.end
    return Walk(1, start, probed=True, legs=tuple(legs))
