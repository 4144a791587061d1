"""The rule behind the safe orders: the fewest constraints that exactly they keep, counted on the graph of orders. Pure.

Theory. A set of precedences that describes the safe orders consists of precedences that all safe orders keep. All of
those together let through the fewest orders that any such set can. If they let through more orders than are safe, no
such set exists, and an unsafe order that keeps them proves it. Otherwise precedences are left out one by one as long
as the rest lets through as many: what goes was implied by the model's legality or by transitivity. A precedence whose
events no safe order has together says nothing about safe orders, and is never used.

A safe order breaks `a before b` if it passes a node where b was taken and a was not, and takes a later. What it takes
later is known from the ends that a node leads to: as many steps of each kind, on whatever way.

What is said of precedences holds for a second kind of constraint: that a step is not taken while an index is built
concurrently. All safe orders keep it if no safe order takes the step in such a stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from harness.stages.model import StageModel
from harness.stages.orders import Order, OrderGraph, order_of
from harness.stages.precedence import (
    Apart,
    Constraint,
    Occurrence,
    Precedence,
    clauses,
    free_clauses,
    keeping,
)
from harness.stages.safety import Unsafe, safe_orders

Event = tuple[int, int]
"""The place of a step, and the how manyth time it is taken."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What all safe orders have in common, and whether that is enough to be safe."""

    constraints: tuple[Constraint, ...]
    """Minimal: none is implied by the others and the model. Necessary; sufficient only when `expressible`."""
    expressible: bool
    """Whether exactly the safe orders keep the constraints."""
    counterexample: Order | None
    """When not expressible: an unsafe order that keeps every constraint which the safe ones share."""
    safe: int
    total: int
    model: StageModel

    def __str__(self) -> str:
        """The rule in clauses divided by semicolons."""
        if not self.safe:
            return "no order is safe"
        if self.counterexample is not None:
            needed = "; ".join(clauses(self.constraints, self.model.replicas))
            necessary = f" (needed, not enough: {needed})" if needed else ""
            return f"not expressible as precedence{necessary}; counterexample: {self.counterexample}"
        if self.safe == self.total:
            return "any order"
        return "; ".join(
            clauses(self.constraints, self.model.replicas) + free_clauses(self.constraints, self.model)
        )


def derive_rule(graph: OrderGraph, unsafe: Unsafe) -> Rule:
    """The minimal set of constraints that exactly the safe ones among these orders keep, if there is one."""
    safe = safe_orders(graph, unsafe)
    # Those that a precedence implies are tried first, and left out.
    shared: tuple[Constraint, ...] = (*_apart(graph, safe), *_shared(safe))
    kept = graph.within(keeping(shared, graph.model))
    return Rule(
        constraints=_minimal(graph, shared, kept.count),
        expressible=kept.count == safe.count,
        counterexample=_first_of_difference(kept, safe) if kept.count > safe.count else None,
        safe=safe.count,
        total=graph.count,
        model=graph.model,
    )


def _apart(graph: OrderGraph, safe: OrderGraph) -> tuple[Apart, ...]:
    """Each step that some order takes while an index is built, and no safe one."""
    steps, sql = graph.model.steps, graph.model.sql
    never = _taken_in_builds(graph) - _taken_in_builds(safe) if safe.count else set()
    return tuple(
        Apart(steps[place], build, sql[build].name)
        for place, build in sorted(never)
        if steps[place].name != sql[build].name  # its own end
    )


def _taken_in_builds(graph: OrderGraph) -> set[tuple[int, int]]:
    return {
        (place, building)
        for number in graph.passed()
        if (building := graph.nodes[number].stage.building) is not None
        for place, _ in graph.onwards(number)
    }


def _shared(safe: OrderGraph) -> tuple[Precedence, ...]:
    """Every precedence that some safe order meets and none breaks, by the places of its steps."""
    passed = safe.passed()
    later: dict[int, frozenset[Event]] = {}
    together: dict[Event, set[Event]] = {}
    broken: set[tuple[Event, Event]] = set()
    for number in reversed(passed):
        taken = frozenset(_events(safe.nodes[number].taken))
        later[number] = taken if safe.is_end(number) else frozenset()
        if safe.is_end(number):
            for event in taken:
                together.setdefault(event, set()).update(taken)
        for _, to in safe.onwards(number):
            later[number] |= later[to]
        missing = later[number] - taken
        broken.update((first, then) for first in missing for then in taken)
    steps = safe.model.steps
    return tuple(
        Precedence(Occurrence(steps[first[0]], first[1]), Occurrence(steps[then[0]], then[1]))
        for first, then in permutations(sorted(together), 2)
        if then in together[first] and (first, then) not in broken
    )


def _events(taken: Sequence[int]) -> Iterator[Event]:
    return ((place, nth) for place, times in enumerate(taken) for nth in range(1, times + 1))


def _minimal(graph: OrderGraph, shared: tuple[Constraint, ...], kept: int) -> tuple[Constraint, ...]:
    """Those of the constraints that are needed to let through so few orders."""

    def count(constraints: Sequence[Constraint]) -> int:
        return graph.within(keeping(constraints, graph.model)).count

    # Most are implied by what is legal at all: no edge of the graph breaks them.
    remaining = [each for each in shared if not _is_implied(graph, each)]
    for candidate in tuple(remaining):
        others = [each for each in remaining if each != candidate]
        if count(others) == kept:
            remaining = others
    return tuple(remaining)


def _is_implied(graph: OrderGraph, constraint: Constraint) -> bool:
    allows = keeping((constraint,), graph.model)
    nodes = graph.nodes
    return all(
        allows(nodes[number], place, nodes[to])
        for number, edges in enumerate(graph.edges)
        for place, to in edges
    )


def _first_of_difference(kept: OrderGraph, safe: OrderGraph) -> Order:
    """The first of the orders that are kept and are not safe; all safe ones are kept."""
    number, safe_so_far, places = 0, True, list[int]()
    while not kept.is_end(number):
        edges = dict.fromkeys(safe.edges[number]) if safe_so_far else {}
        for edge in kept.onwards(number):
            place, to = edge
            still_safe = edge in edges
            if kept.ways[to] > (safe.ways[to] if still_safe else 0):
                break
        places.append(place)
        number, safe_so_far = to, still_safe
    return order_of((kept.model.steps[place] for place in places), kept.model.start)
