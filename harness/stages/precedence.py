"""Constraints on orders, precedences between steps above all: which orders keep them, how a sentence says them. Pure.

Events are occurrences of steps, since an interrupted build is started twice in one order. That a step keeps out of a
concurrent build is no precedence: it may come before the build or after it.
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


@dataclass(frozen=True, slots=True)
class Apart:
    """No order takes the step while that index is built concurrently."""

    step: Step
    build: int
    """Number of the SQL step that builds, from 0."""
    name: str
    """Its name."""

    def __str__(self) -> str:
        """The constraint as a clause."""
        return f'{self.step}, but not while "{self.name}" is under way'


Constraint = Precedence | Apart


def precedence(first: Step, then: Step) -> Precedence:
    """The precedence between the first occurrences of two steps."""
    return Precedence(Occurrence(first), Occurrence(then))


def keeping(constraints: Iterable[Constraint], model: StageModel) -> Allows:
    """Lets through the orders that keep every constraint: none takes a `first` whose `then` it has taken."""
    late: dict[int, list[tuple[int, int, int]]] = {}
    apart: set[tuple[int, int]] = set()
    for constraint in constraints:
        if isinstance(constraint, Apart):
            apart.add((model.places[constraint.step], constraint.build))
            continue
        first, then = constraint.first, constraint.then
        late.setdefault(model.places[first.step], []).append((first.nth, model.places[then.step], then.nth))

    def allows(node: Node, place: int, to: Node) -> bool:
        if apart and (place, node.stage.building) in apart:
            return False
        return not any(
            to.taken[place] == nth and node.taken[then] >= then_nth
            for nth, then, then_nth in late.get(place, ())
        )

    return allows


def clauses(constraints: Iterable[Constraint], replicas: int) -> tuple[str, ...]:
    """The constraints in words, a clause each; what holds for all replicas alike is said once."""
    every = tuple(constraints)
    return tuple(dict.fromkeys(_clause(constraint, every, replicas) for constraint in every))


def _clause(constraint: Constraint, every: Sequence[Constraint], replicas: int) -> str:
    if isinstance(constraint, Apart):
        return str(constraint)
    precedences = [each for each in every if isinstance(each, Precedence)]
    first, then = constraint.first, constraint.then
    swapped = [each.then for each in precedences if each.first == first and _swaps(each.then)]
    if _swaps(then) and len(swapped) == replicas:
        return f"{first} before any `after` replica"
    swapped = [each.first for each in precedences if each.then == then and _swaps(each.first)]
    if _swaps(first) and len(swapped) == replicas:
        return f"swap every replica before {then.done}"
    return str(constraint)


def free_clauses(constraints: Iterable[Constraint], model: StageModel) -> tuple[str, ...]:
    """What the constraints leave free, in words: the replicas, the release."""
    bound = {step for constraint in constraints for step in _bound(constraint)}
    free = []
    if not any(step.action is StepAction.SWAP for step in bound):
        free.append("swap the replicas at any time")
    if model.release is not None and not any(step.action is StepAction.RELEASE for step in bound):
        free.append(f"{model.release} at any time")
    return tuple(free)


def _bound(constraint: Constraint) -> tuple[Step, ...]:
    if isinstance(constraint, Apart):
        return (constraint.step,)
    return (constraint.first.step, constraint.then.step)


def _swaps(event: Occurrence) -> bool:
    return event.step.action is StepAction.SWAP and event.nth == 1
