"""The legal orders of the rollout's steps: listed where each is needed, else counted on the graph of stages. Pure.

What is safe is not known here: that is observed on real stages. Orders are many (hundreds; tens of thousands with a
roll-back), stages few: what costs a real server is done per stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from harness.errors import UsageError
from harness.stages.model import MOVES, ROLLS_BACK, START, Stage, Step, Transition, after, stage_configs

STEP_PLACES: Final = {step: place for place, step in enumerate(Step)}
"""Sort key for steps: their place in `Step`."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many detours an order may take. They make the orders finite: no other cycle is in the model's tables."""

    interruptions_max: int = 1
    roll_backs: int = 0
    """Exactly so many; any taken step, at any time, also after the rollout was complete."""

    def less(self, step: Step) -> Bounds | None:
        """What remains after the step; None when the step is not within the bounds."""
        interruptions, roll_backs = self.interruptions_max, self.roll_backs
        if step is Step.INTERRUPT_BUILD:
            interruptions -= 1
        elif step in ROLLS_BACK:
            roll_backs -= 1
        return None if min(interruptions, roll_backs) < 0 else Bounds(interruptions, roll_backs)


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

    def __str__(self) -> str:
        """The steps in one line."""
        return ", ".join(self.steps) or "no step"


def order_of(steps: Iterable[Step], start: Stage = START) -> Order:
    """The order that these steps make. Raises UsageError at the first step that is not legal."""
    taken = tuple(steps)
    stages = [start]
    for number, step in enumerate(taken, start=1):
        try:
            stages.append(after(stages[-1], step))
        except UsageError as refusal:
            raise UsageError(f"step {number} of {len(taken)}: {refusal}") from None
    return Order(taken, tuple(stages))


def _is_end(stage: Stage, left: Bounds) -> bool:
    """An order ends in the first complete stage with no roll-back left to take: nothing forward is legal there."""
    return stage.complete and left.roll_backs == 0


def _continuations(stage: Stage, left: Bounds) -> Iterator[tuple[Step, Stage, Bounds]]:
    """The steps that an order may take next, where each leads, and what remains of its bounds."""
    if _is_end(stage, left):
        return
    for step, to in MOVES[stage].items():
        remaining = left.less(step)
        if remaining is not None:
            yield step, to, remaining


def enumerate_orders(bounds: Bounds = FORWARD) -> Iterator[Order]:
    """Every complete order within the bounds, once, in the lexicographic order of `Step`."""
    yield from _extended(Order((), (START,)), bounds)


def _extended(order: Order, left: Bounds) -> Iterator[Order]:
    stage = order.stages[-1]
    if _is_end(stage, left):
        yield order
    for step, to, remaining in _continuations(stage, left):
        yield from _extended(Order((*order.steps, step), (*order.stages, to)), remaining)


@cache
def _completions(stage: Stage, left: Bounds) -> int:
    """How many orders within the bounds begin here. Zero where no roll-back is left to take, but one is required."""
    if _is_end(stage, left):
        return 1
    return sum(_completions(to, remaining) for _, to, remaining in _continuations(stage, left))


@dataclass(frozen=True, slots=True)
class Survey:
    """What the orders within bounds pass: their number, and each stage and transition once, by rank."""

    orders: int
    stages: tuple[Stage, ...]
    transitions: tuple[Transition, ...]

    def __str__(self) -> str:
        """What there is, and what it costs: stages, environments, transitions."""
        return (
            f"{self.orders} orders, {len(self.stages)} stages"
            f" ({len(stage_configs(self.stages))} environments), {len(self.transitions)} transitions"
        )


def survey(bounds: Bounds = FORWARD) -> Survey:
    """Counts the orders within the bounds and collects what they pass, without listing them."""
    reached = [(START, bounds)]
    stages = {START}
    transitions: set[Transition] = set()
    for stage, left in reached:  # grows meanwhile, and ends: each pair is added once
        stages.add(stage)
        for step, to, remaining in _continuations(stage, left):
            if not _completions(to, remaining):
                continue
            transitions.add((stage, step))
            if (to, remaining) not in reached:
                reached.append((to, remaining))
    return Survey(_completions(START, bounds), _by_rank(stages), _by_place(transitions))


def distinct_stages(orders: Iterable[Order]) -> tuple[Stage, ...]:
    """The stages that the orders pass, each once, by rank."""
    return _by_rank({stage for order in orders for stage in order.stages})


def distinct_transitions(orders: Iterable[Order]) -> tuple[Transition, ...]:
    """The transitions that the orders take, each once, by the stage's rank and then by step."""
    return _by_place({transition for order in orders for transition in order.transitions})


def _by_rank(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    return tuple(sorted(stages, key=lambda stage: stage.rank))


def _by_place(transitions: Iterable[Transition]) -> tuple[Transition, ...]:
    return tuple(sorted(transitions, key=lambda taken: (taken[0].rank, STEP_PLACES[taken[1]])))


def tree_lines(order: Order, marks: Mapping[int, Sequence[str]] | None = None) -> tuple[str, ...]:
    """The order as a numbered tree, a step and the stage it leads to under each number.

    `marks` are lines to hang below a step by its number, for example a request and its reply; 0 is the start.
    """
    hung = marks or {}
    lines = [f"0. start: {order.stages[0]}"]
    lines += _branches("│  " if order.steps else "   ", hung.get(0, ()))
    for number, (step, to) in enumerate(zip(order.steps, order.stages[1:], strict=True), start=1):
        last = number == len(order.steps)
        stem = "   " if last else "│  "
        lines.append(f"{'└─' if last else '├─'} {number}. {step}: {step.describe()}")
        below = (f"now {to}", *hung.get(number, ()))
        lines += _branches(stem, below)
    return tuple(lines)


def _branches(stem: str, below: Sequence[str]) -> list[str]:
    ends = ["├─"] * (len(below) - 1) + ["└─"]
    return [f"{stem}{end} {line}" for end, line in zip(ends, below, strict=False)]
