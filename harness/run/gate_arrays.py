"""The covering arrays of one run: made by what the target has refused so far, ahead of time where that is nothing."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from harness.clients.shape import Shape
from harness.probing import covering
from harness.probing.controls import Controls
from harness.probing.covering import Constraint
from harness.probing.probe_factory import ProbeFactory
from harness.run.fault_coverage import FaultCoverage
from harness.run.gate_suite import array
from harness.run.gate_values import Values
from harness.sut.observation import ProbeGroup

NAMES: Final = {2: "pair", 3: "triple"}
"""What is combined at each strength."""


@dataclass(slots=True)
class Arrays:
    """Which shapes have been asked for, and which factor values do not go together at this target."""

    factory: ProbeFactory
    replies: Controls[Any]
    fault_coverage: FaultCoverage
    """Puts the first array in an order."""
    strengths: Sequence[int]
    _shapes: list[Shape] = field(default_factory=list)
    _constraints: list[Constraint] = field(default_factory=list)
    _asked: list[int] = field(default_factory=list)
    """Strengths of which an array was asked for."""
    _making: dict[int, Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Each strength is made by one thread at a time: a second one finds it made."""
        self._making = {strength: Lock() for strength in self.strengths}

    def groups(self, values: Values, strength: int, completed: int) -> Iterable[ProbeGroup]:
        """An array; or, once that was sent, what completes it where shapes turn out to be refused for everybody.

        What is returned may be read on a thread.
        """
        known = self._constraints
        self._asked += [] if completed else [strength]
        self.learn_constraints()
        if completed and self._constraints == known:
            return ()
        return self._new(values, strength, self._constraints)

    def _new(self, values: Values, strength: int, constraints: Sequence[Constraint]) -> Iterator[ProbeGroup]:
        factors = self.factory.caller.factors
        allowed = [shape for shape in self._shapes if covering.is_allowed(shape, constraints, factors)]
        wanted = self._made(strength, allowed, constraints)
        new = [shape for shape in wanted if shape not in self._shapes]
        self._shapes += new
        groups = array(self.factory, values, new, strength)
        yield from self.fault_coverage.ordered(groups) if strength == covering.PAIR else groups

    def make_ahead(self) -> None:
        """Makes the arrays as they are if nothing more is refused: they are kept."""
        constraints, fixed = self._constraints, list[Shape]()
        for strength in self.strengths:
            fixed = self._made(strength, fixed, constraints)

    def _made(self, strength: int, fixed: Sequence[Shape], constraints: Sequence[Constraint]) -> list[Shape]:
        factors = self.factory.caller.factors
        with self._making[strength]:
            return covering.shapes(strength, factors=factors, fixed=fixed, constraints=constraints)

    def learn_constraints(self) -> None:
        """Takes in which factor values do not go together: those that nobody was served with so far."""
        replies, caller = self.replies, self.factory.caller
        refused = [shape for shape, status in replies.refused.items() if status.startswith("4")]
        served = [shape for shape in self._shapes if shape not in refused]
        found = covering.constraints_of(refused, [*served, *replies.served], caller.factors)
        concerned = [each for each in found if covering.concerns(each, caller.factors)]
        self._constraints = [*caller.constraints, *caller.with_alike(concerned)]

    def covered(self) -> list[str]:
        """What the arrays held, a line for each strength."""
        factors, were_served = self.factory.caller.factors, set(self.replies.served)
        served = [shape for shape in self._shapes if shape in were_served]
        lines = []
        for strength in self._asked:
            held = covering.combinations_covered(served, strength, factors)
            text = (
                f"every {NAMES[strength]} of {len(factors)} factors' {sum(map(len, factors.values()))} values"
            )
            lines.append(f"{text}: {held:,} in {len(served)} shapes of requests")
        return lines
