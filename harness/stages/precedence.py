"""Precedences between steps: which orders keep them, and how a sentence says them. Pure.

Events are occurrences of steps, since an interrupted build is started twice in one order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from harness.stages.model import Step
from harness.stages.orders import STEP_PLACES, Order


@dataclass(frozen=True, slots=True)
class Occurrence:
    """The nth time (from 1) that a step is taken in an order."""

    step: Step
    nth: int = 1

    def __str__(self) -> str:
        """The occurrence in the imperative."""
        return self.step + ("" if self.nth == 1 else " again" * (self.nth - 1))


@dataclass(frozen=True, slots=True)
class Precedence:
    """In every order in which both occur, `first` comes before `then`."""

    first: Occurrence
    then: Occurrence

    def __str__(self) -> str:
        """The precedence as a clause."""
        return f"{self.first} before {_done(self.then)}"


def precedence(first: Step, then: Step) -> Precedence:
    """The precedence between the first occurrences of two steps."""
    return Precedence(Occurrence(first), Occurrence(then))


@dataclass(frozen=True, slots=True)
class PrecedenceCount:
    """Which of some orders keep one precedence; orders are given by their place among all."""

    met: frozenset[int]
    """Orders in which both events occur: only these say anything."""
    broken: frozenset[int]
    """Orders in which they occur the wrong way round."""


def tally(orders: Sequence[Order]) -> dict[Precedence, PrecedenceCount]:
    """Every precedence between two occurrences in these orders, in the order of `Step`, with its counts."""
    at: dict[Occurrence, dict[int, int]] = {}  # where in each order an event occurs
    for number, order in enumerate(orders):
        for event, place in _events(order).items():
            at.setdefault(event, {})[number] = place
    events = sorted(at, key=lambda event: (STEP_PLACES[event.step], event.nth))
    tallies: dict[Precedence, PrecedenceCount] = {}
    for first, then in permutations(events, 2):
        firsts, thens = at[first], at[then]
        met = frozenset(firsts.keys() & thens.keys())
        broken = frozenset(number for number in met if firsts[number] > thens[number])
        tallies[Precedence(first, then)] = PrecedenceCount(met, broken)
    return tallies


def _events(order: Order) -> dict[Occurrence, int]:
    times: Counter[Step] = Counter()
    events: dict[Occurrence, int] = {}
    for place, step in enumerate(order.steps):
        times[step] += 1
        events[Occurrence(step, times[step])] = place
    return events


def allowed_orders(orders: Iterable[Order], constraints: Iterable[Precedence]) -> tuple[Order, ...]:
    """The orders that keep every constraint: its linear extensions among the legal orders."""
    every = tuple(constraints)
    return tuple(order for order in orders if _keeps(order, every))


def _keeps(order: Order, constraints: Iterable[Precedence]) -> bool:
    events = _events(order)
    return all(
        events[constraint.first] < events[constraint.then]
        for constraint in constraints
        if constraint.first in events and constraint.then in events
    )


_DONE: Final = {
    Step.ADD_COLUMN: "the column is added",
    Step.START_BUILD: "the index build is started",
    Step.FINISH_BUILD: "the index build is finished",
    Step.INTERRUPT_BUILD: "the index build is interrupted",
    Step.DROP_INVALID: "the invalid index is dropped",
    Step.SWAP_1: "replica 1 is `after`",
    Step.SWAP_2: "replica 2 is `after`",
    Step.REVERT_1: "replica 1 is `before` again",
    Step.REVERT_2: "replica 2 is `before` again",
    Step.RELEASE_EXTENSION: "the extension is released",
    Step.ROLL_BACK_INDEX: "the index is rolled back",
    Step.ROLL_BACK_COLUMN: "the column is rolled back",
}

_SWAPS: Final = (Occurrence(Step.SWAP_1), Occurrence(Step.SWAP_2))
_RELEASE: Final = Occurrence(Step.RELEASE_EXTENSION)


def _done(event: Occurrence) -> str:
    return _DONE[event.step] + " again" * (event.nth - 1)


def clauses(constraints: Iterable[Precedence]) -> tuple[str, ...]:
    """The constraints in words, a clause each; what holds for both replicas alike is said once."""
    every = tuple(constraints)
    return tuple(dict.fromkeys(_clause(constraint, every) for constraint in every))


def _clause(constraint: Precedence, every: tuple[Precedence, ...]) -> str:
    first, then = constraint.first, constraint.then
    if then in _SWAPS and all(Precedence(first, swap) in every for swap in _SWAPS):
        return f"{first} before any `after` replica"
    if first in _SWAPS and all(Precedence(swap, then) in every for swap in _SWAPS):
        return f"swap every replica before {_done(then)}"
    return str(constraint)


def free_clauses(constraints: Iterable[Precedence]) -> tuple[str, ...]:
    """What the constraints leave free, in words: the replicas, the extension."""
    bound = {event for constraint in constraints for event in (constraint.first, constraint.then)}
    free = []
    if bound.isdisjoint(_SWAPS):
        free.append("swap the replicas at any time")
    if _RELEASE not in bound:
        free.append("release the extension at any time")
    return tuple(free)
