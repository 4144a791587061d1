"""One change that a slip makes to how a rule behaves. Pure."""

from collections.abc import Callable
from typing import NamedTuple

from harness.rule.behaviour import HeaderBehaviour, PlacedOperation
from harness.rule.behaviour_operations import BehaviourOperation

Change = Callable[[HeaderBehaviour], HeaderBehaviour | None]


class Edit(NamedTuple):
    """One change that a slip makes."""

    operator: str
    """What kind of slip: `bound`, `class`, `anchor`, `reading`..."""
    sentence: str
    """What the backend does then: a dot is accepted."""
    change: Change
    unit: int | None = None
    """Of a class that holds one code unit more or less: which."""


def on_place(place: int, change: Callable[[BehaviourOperation], BehaviourOperation | None]) -> Change:
    """A change of the operation of that place in the rule."""

    def changed(behaviour: HeaderBehaviour) -> HeaderBehaviour | None:
        operations = []
        for placed in behaviour.operations:
            operation = change(placed.operation) if placed.place == place else placed.operation
            if operation is None:
                return None
            operations.append(PlacedOperation(placed.place, operation))
        if not any(placed.place == place for placed in behaviour.operations):
            return None
        return behaviour._replace(operations=tuple(operations))

    return changed
