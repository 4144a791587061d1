"""Precedences between steps: which orders keep them, and how a sentence says them. Pure.

Events are occurrences of steps, since an interrupted build is started twice in one order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.stages.model import StageModel
from harness.stages.orders import Allows, Node
from harness.stages.steps import Step, StepAction


@dataclass(frozen=True, slots=True)
class Occurrence:
    """The nth time (from 1) that a step is taken in an order."""

    step: Step
    nth: int = 1

    def __str__(self) -> str:
        """The occurrence in the imperative."""
        return str(self.step) + " again" * (self.nth - 1)

    @property
    def done(self) -> str:
        """The occurrence as something that has been done."""
        return self.step.done + " again" * (self.nth - 1)


@dataclass(frozen=True, slots=True)
class Precedence:
    """In every order in which both occur, `first` comes before `then`."""

    first: Occurrence
    then: Occurrence

    def __str__(self) -> str:
        """The precedence as a clause."""
        return f"{self.first} before {self.then.done}"


def precedence(first: Step, then: Step) -> Precedence:
    """The precedence between the first occurrences of two steps."""
    return Precedence(Occurrence(first), Occurrence(then))


def keeping(constraints: Iterable[Precedence], model: StageModel) -> Allows:
    """Lets through the orders that keep every constraint: none takes a `first` whose `then` it has taken."""
    late: dict[int, list[tuple[int, int, int]]] = {}
    for constraint in constraints:
        first, then = constraint.first, constraint.then
        late.setdefault(model.places[first.step], []).append((first.nth, model.places[then.step], then.nth))

    def allows(node: Node, place: int, to: Node) -> bool:
        return not any(
            to.taken[place] == nth and node.taken[then] >= then_nth
            for nth, then, then_nth in late.get(place, ())
        )

    return allows


def clauses(constraints: Iterable[Precedence], replicas: int) -> tuple[str, ...]:
    """The constraints in words, a clause each; what holds for all replicas alike is said once."""
    every = tuple(constraints)
    return tuple(dict.fromkeys(_clause(constraint, every, replicas) for constraint in every))


def _clause(constraint: Precedence, every: Sequence[Precedence], replicas: int) -> str:
    first, then = constraint.first, constraint.then
    swapped = [each.then for each in every if each.first == first and _swaps(each.then)]
    if _swaps(then) and len(swapped) == replicas:
        return f"{first} before any `after` replica"
    swapped = [each.first for each in every if each.then == then and _swaps(each.first)]
    if _swaps(first) and len(swapped) == replicas:
        return f"swap every replica before {then.done}"
    return str(constraint)


def free_clauses(constraints: Iterable[Precedence], model: StageModel) -> tuple[str, ...]:
    """What the constraints leave free, in words: the replicas, the release."""
    bound = {event.step for constraint in constraints for event in (constraint.first, constraint.then)}
    free = []
    if not any(step.action is StepAction.SWAP for step in bound):
        free.append("swap the replicas at any time")
    if model.release is not None and not any(step.action is StepAction.RELEASE for step in bound):
        free.append(f"{model.release} at any time")
    return tuple(free)


def _swaps(event: Occurrence) -> bool:
    return event.step.action is StepAction.SWAP and event.nth == 1
