"""All orders of the rollout's steps, and the stages and transitions they pass. Pure: tables in, tuples out.

Must not know what is safe, nor how a stage is stood up. Orders are many (hundreds; tens of thousands with
a roll-back), stages few: whoever pays for real servers pays per stage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.errors import UsageError
from harness.stages.model import MOVES, ROLLS_BACK, START, Stage, Step, after, stand_ups

Transition = tuple[Stage, Step]
"""A step taken in a stage; where it leads follows from the model."""

STEP_PLACES: Final = {step: place for place, step in enumerate(Step)}
"""Sort key for steps: their place in `Step`."""

_STEPS_LEAST: Final = 6  # column, start, finish, two replicas, extension
_STEPS_PER_INTERRUPTION: Final = 3  # interrupt, drop, start again
_STEPS_PER_ROLL_BACK: Final = 4  # at the longest: drop the column, add it, start, finish


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far an order may stray from the straight way."""

    interruptions_max: int = 1
    roll_backs: int = 0
    """Exactly so many; any taken step, at any time, also after the rollout was complete."""

    @property
    def steps_max(self) -> int:
        """No order within these bounds is longer; enumeration stops hard there."""
        return (
            _STEPS_LEAST
            + _STEPS_PER_INTERRUPTION * self.interruptions_max
            + _STEPS_PER_ROLL_BACK * self.roll_backs
        )

    def less(self, step: Step) -> Bounds | None:
        """What remains after the step; None when the step is not within the bounds."""
        if step is Step.INTERRUPT_BUILD:
            remaining = Bounds(self.interruptions_max - 1, self.roll_backs)
            return remaining if remaining.interruptions_max >= 0 else None
        if step in ROLLS_BACK:
            remaining = Bounds(self.interruptions_max, self.roll_backs - 1)
            return remaining if remaining.roll_backs >= 0 else None
        return self


UNINTERRUPTED: Final = Bounds(interruptions_max=0)
FORWARD: Final = Bounds()
ONE_ROLL_BACK: Final = Bounds(roll_backs=1)


@dataclass(frozen=True, slots=True)
class Order:
    """A legal sequence of steps and the stages it passes: one more than steps, the first being the start."""

    steps: tuple[Step, ...]
    stages: tuple[Stage, ...]

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """Each step with the stage it was taken in."""
        return tuple(zip(self.stages, self.steps, strict=False))

    @property
    def complete(self) -> bool:
        """Whether the last stage is the rollout's end."""
        return self.stages[-1].complete

    @property
    def words(self) -> str:
        """The steps in one line."""
        return ", ".join(self.steps) or "no step"


def walk(steps: Iterable[Step], start: Stage = START) -> Order:
    """The order that these steps make. Raises UsageError at the first step that is not legal."""
    taken = tuple(steps)
    stages = [start]
    for number, step in enumerate(taken, start=1):
        try:
            stages.append(after(stages[-1], step))
        except UsageError as refusal:
            raise UsageError(f"step {number} of {len(taken)}: {refusal}") from None
    return Order(taken, tuple(stages))


def enumerate_orders(bounds: Bounds = FORWARD) -> Iterator[Order]:
    """Every complete order within the bounds, once, in the lexicographic order of `Step`.

    An order ends in the first complete stage with no roll-back left to take; nothing forward is legal there.
    """
    trail: list[tuple[Step, Stage]] = []
    yield from _extend(trail, START, bounds, bounds.steps_max)


def _extend(trail: list[tuple[Step, Stage]], stage: Stage, left: Bounds, steps_left: int) -> Iterator[Order]:
    if stage.complete and left.roll_backs == 0:
        yield Order(tuple(step for step, _ in trail), (START, *(to for _, to in trail)))
        return
    for step, to in MOVES[stage].items():
        remaining = left.less(step)
        if remaining is None:
            continue
        assert steps_left > 0, "a cycle in the tables that no bound counts"
        trail.append((step, to))
        yield from _extend(trail, to, remaining, steps_left - 1)
        trail.pop()


def count_orders(bounds: Bounds = FORWARD) -> int:
    """How many orders there must be, by counting paths layer by layer: a check on those who list them."""
    ended = 0
    layer = Counter({(START, bounds): 1})
    for _ in range(bounds.steps_max + 1):
        following: Counter[tuple[Stage, Bounds]] = Counter()
        for (stage, left), ways in layer.items():
            if stage.complete and left.roll_backs == 0:
                ended += ways
                continue
            for step, to in MOVES[stage].items():
                remaining = left.less(step)
                if remaining is not None:
                    following[to, remaining] += ways
        layer = following
    assert not layer, "a cycle in the tables that no bound counts"
    return ended


def distinct_stages(orders: Iterable[Order]) -> tuple[Stage, ...]:
    """The stages that the orders pass, each once, by rank."""
    return tuple(sorted({stage for order in orders for stage in order.stages}, key=lambda stage: stage.rank))


def distinct_transitions(orders: Iterable[Order]) -> tuple[Transition, ...]:
    """The transitions that the orders take, each once, by the stage's rank and then by step."""
    taken = {transition for order in orders for transition in order.transitions}
    return tuple(sorted(taken, key=lambda pair: (pair[0].rank, STEP_PLACES[pair[1]])))


@dataclass(frozen=True, slots=True)
class Survey:
    """Orders enumerated within bounds, what they pass, and how many there must be."""

    bounds: Bounds
    orders: tuple[Order, ...]
    total: int
    """By `count_orders`, which does not look at what was enumerated."""
    stages: tuple[Stage, ...]
    transitions: tuple[Transition, ...]

    @property
    def whole(self) -> bool:
        """Whether every order there must be is here."""
        return len(self.orders) == self.total

    @property
    def words(self) -> str:
        """Orders as enumerated/total, and what they cost: stages, stand-ups, transitions."""
        return (
            f"{len(self.orders)}/{self.total} orders, {len(self.stages)} stages"
            f" ({len(stand_ups(self.stages))} stand-ups), {len(self.transitions)} transitions"
        )


def survey(bounds: Bounds = FORWARD) -> Survey:
    """Enumerates all orders within the bounds; 31,052 of them with one roll-back take about half a second."""
    orders = tuple(enumerate_orders(bounds))
    return Survey(bounds, orders, count_orders(bounds), distinct_stages(orders), distinct_transitions(orders))


def tree_lines(order: Order, marks: Mapping[int, Sequence[str]] | None = None) -> tuple[str, ...]:
    """The order as a numbered tree, a step and the stage it leads to under each number.

    `marks` are lines to hang below a step by its number, for example a request and its reply; 0 is the start.
    """
    hung = marks or {}
    lines = [f"0. start: {order.stages[0].words}"]
    lines += _branches("│  " if order.steps else "   ", hung.get(0, ()))
    for number, (step, to) in enumerate(zip(order.steps, order.stages[1:], strict=True), start=1):
        last = number == len(order.steps)
        stem = "   " if last else "│  "
        lines.append(f"{'└─' if last else '├─'} {number}. {step}: {step.words}")
        below = (f"now {to.words}", *hung.get(number, ()))
        lines += _branches(stem, below)
    return tuple(lines)


def _branches(stem: str, below: Sequence[str]) -> list[str]:
    ends = ["├─"] * (len(below) - 1) + ["└─"]
    return [f"{stem}{end} {line}" for end, line in zip(ends, below, strict=False)]
