"""What the observations mean: which orders are safe, the rule behind it, and the shortest way to harm. Pure.

Must not know how a stage was observed, nor presume what is safe: what is unsafe comes in as data.

Theory. A set of precedences that describes the safe orders consists of precedences that all safe orders
keep. All of those together let through the fewest orders that any such set can. If an unsafe order is
still among them, no such set exists, and that order proves it. Otherwise precedences are left out one by
one as long as the rest lets through the same orders: what goes was implied by the model's legality or by
transitivity. A precedence whose events no safe order has together says nothing about safe orders, and is
never used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.stages.model import Stage, Step
from harness.stages.orders import (
    STEP_PLACES,
    Order,
    Transition,
    distinct_stages,
    distinct_transitions,
    tree_lines,
)
from harness.stages.precedence import Precedence, allowed_orders, clauses, free_clauses, precedence, tally


@dataclass(frozen=True, slots=True)
class Unsafe:
    """What was seen to lose or spoil a request or a row: whole stages, and steps as taken in a stage."""

    stages: frozenset[Stage] = frozenset()
    transitions: frozenset[Transition] = frozenset()

    def spoils(self, order: Order) -> bool:
        """Whether any stage or step of the order is unsafe."""
        return not (self.stages.isdisjoint(order.stages) and self.transitions.isdisjoint(order.transitions))


@dataclass(frozen=True, slots=True)
class Rule:
    """What all safe orders have in common, and whether that is enough to be safe."""

    constraints: tuple[Precedence, ...]
    """Minimal: none is implied by the others and the model. Necessary; sufficient only when `expressible`."""
    expressible: bool
    """Whether exactly the safe orders keep the constraints."""
    counterexample: Order | None
    """When not expressible: an unsafe order that keeps every precedence which the safe ones share."""
    safe: int
    total: int

    def words(self) -> str:
        """The rule in clauses divided by semicolons."""
        if not self.safe:
            return "no order is safe"
        if self.counterexample is not None:
            needed = "; ".join(clauses(self.constraints))
            necessary = f" (needed, not enough: {needed})" if needed else ""
            return f"not expressible as precedence{necessary}; counterexample: {self.counterexample.words}"
        if self.safe == self.total:
            return "any order"
        return "; ".join(clauses(self.constraints) + free_clauses(self.constraints))


def derive_rule(orders: Iterable[Order], unsafe: Unsafe) -> Rule:
    """The minimal set of precedences that exactly the safe ones among these orders keep, if there is one.

    For forward orders; where steps are taken back and again, forbidden stages say it better.
    """
    legal = tuple(orders)
    everyone = frozenset(range(len(legal)))
    safe = frozenset(place for place in everyone if not unsafe.spoils(legal[place]))
    shared = {
        constraint: found.broken
        for constraint, found in tally(legal).items()
        if found.met & safe and not found.broken & safe
    }
    unwanted = everyone - safe - frozenset[int]().union(*shared.values())
    return Rule(
        constraints=_minimal(shared),
        expressible=not unwanted,
        counterexample=legal[min(unwanted)] if unwanted else None,
        safe=len(safe),
        total=len(legal),
    )


def disagreement(orders: Iterable[Order], unsafe: Unsafe, constraints: Iterable[Precedence]) -> Order | None:
    """The first order that keeps the constraints but is unsafe, or the other way round, if there is one."""
    legal = tuple(orders)
    allowed = {order.steps for order in allowed_orders(legal, constraints)}
    return next((order for order in legal if (order.steps in allowed) == unsafe.spoils(order)), None)


def _minimal(broken_by: Mapping[Precedence, frozenset[int]]) -> tuple[Precedence, ...]:
    kept_out = frozenset[int]().union(*broken_by.values())
    remaining = dict(broken_by)
    for candidate in broken_by:
        others = (broken for constraint, broken in remaining.items() if constraint != candidate)
        if frozenset[int]().union(*others) == kept_out:
            del remaining[candidate]
    return tuple(remaining)


def forbidden_stages(orders: Iterable[Order], unsafe: Unsafe) -> tuple[Stage, ...]:
    """The unsafe stages that these orders can reach, by rank."""
    return tuple(stage for stage in distinct_stages(orders) if stage in unsafe.stages)


def forbidden_transitions(orders: Iterable[Order], unsafe: Unsafe) -> tuple[Transition, ...]:
    """The unsafe steps that these orders can take, by the stage they are taken in."""
    return tuple(taken for taken in distinct_transitions(orders) if taken in unsafe.transitions)


@dataclass(frozen=True, slots=True)
class UnsafePath:
    """The beginning of an order, cut off where it first does harm."""

    order: Order
    """Not complete, as a rule; its last step is the unsafe one, or the one that leads to the unsafe stage."""
    by_step: bool
    """Whether the last step is unsafe in itself; else the last stage is."""

    @property
    def steps(self) -> int:
        """How many steps it takes to do harm."""
        return len(self.order.steps)

    def lines(self, evidence: Iterable[str] = ()) -> tuple[str, ...]:
        """The path as a numbered tree; the evidence (request, reply, missing row) hangs below its end."""
        return tree_lines(self.order, {self.steps: tuple(evidence)})


def minimal_unsafe_order(orders: Iterable[Order], unsafe: Unsafe) -> UnsafePath | None:
    """The fewest steps to harm; of several the first in the order of `Step`; None when nothing is unsafe."""
    paths = (_cut(order, unsafe) for order in orders if unsafe.spoils(order))
    return min(paths, key=lambda path: (path.steps, [STEP_PLACES[s] for s in path.order.steps]), default=None)


def _cut(order: Order, unsafe: Unsafe) -> UnsafePath:
    if order.stages[0] in unsafe.stages:
        return UnsafePath(Order((), order.stages[:1]), by_step=False)
    for end, taken in enumerate(order.transitions, start=1):
        by_step = taken in unsafe.transitions
        if by_step or order.stages[end] in unsafe.stages:
            return UnsafePath(Order(order.steps[:end], order.stages[: end + 1]), by_step)
    raise ValueError(f"no stage or step is unsafe in the order: {order.words}")


PLAN_STATED: Final = tuple(precedence(swap, Step.RELEASE_EXTENSION) for swap in (Step.SWAP_1, Step.SWAP_2))
"""Backend first, extensions after. Source: plan, Deployment Order."""

PLAN_IMPLIED: Final = tuple(precedence(Step.ADD_COLUMN, swap) for swap in (Step.SWAP_1, Step.SWAP_2))
"""The migration is file 1 and the code that needs it file 3, but no sentence says so. The index is not meant:
the migration note allows to build it separately. Source: plan, Repository 1."""


PLAN_ORDER: Final = (
    Step.ADD_COLUMN,
    Step.START_BUILD,
    Step.FINISH_BUILD,
    Step.SWAP_1,
    Step.SWAP_2,
    Step.RELEASE_EXTENSION,
)
"""The order of the plan's section "Deployment Order", with the migration first."""


class Relation(StrEnum):
    """How the derived rule stands to the plan's: weaker asks for less and allows more orders."""

    EQUAL = "equal to"
    WEAKER = "weaker than"
    STRONGER = "stronger than"
    NEITHER = "neither weaker nor stronger than"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The derived rule beside what the plan claims."""

    relation: Relation
    needed_implied: tuple[Precedence, ...]
    """Needed; the plan has it by implication only."""
    needed_missing: tuple[Precedence, ...]
    """Needed; not in the plan at all."""
    unneeded: tuple[Precedence, ...]
    """In the plan; some safe order breaks it."""
    safe_forbidden: int
    """Safe orders that the plan forbids."""
    unsafe_allowed: int
    """Unsafe orders that the plan allows."""

    def words(self) -> str:
        """The comparison in clauses divided by semicolons."""
        told = [f"the derived rule is {self.relation} the plan's order"]
        told += [
            f"{clause}: needed, the plan implies it only in its file list"
            for clause in clauses(self.needed_implied)
        ]
        told += [f"{clause}: needed, not in the plan" for clause in clauses(self.needed_missing)]
        told += [f"{clause}: in the plan, not needed" for clause in clauses(self.unneeded)]
        told.append(
            f"the plan forbids {self.safe_forbidden} safe orders, allows {self.unsafe_allowed} unsafe ones"
        )
        return "; ".join(told)


def compare(
    orders: Iterable[Order],
    unsafe: Unsafe,
    stated: tuple[Precedence, ...] = PLAN_STATED,
    implied: tuple[Precedence, ...] = PLAN_IMPLIED,
) -> Comparison:
    """What the plan claims, against what was observed on the same orders."""
    legal = tuple(orders)
    safe = {order.steps for order in legal if not unsafe.spoils(order)}
    allowed = {order.steps for order in allowed_orders(legal, stated + implied)}
    needed = derive_rule(legal, unsafe).constraints
    missing = [p for p in needed if len(allowed_orders(legal, (*stated, *implied, p))) < len(allowed)]
    by_stated = len(allowed_orders(legal, stated))
    only_implied = [
        p for p in needed if p not in missing and len(allowed_orders(legal, (*stated, p))) < by_stated
    ]
    safe_orders = [order for order in legal if order.steps in safe]
    unneeded = [p for p in stated + implied if len(allowed_orders(safe_orders, (p,))) < len(safe_orders)]
    return Comparison(
        relation=_relation(len(safe - allowed), len(allowed - safe)),
        needed_implied=tuple(only_implied),
        needed_missing=tuple(missing),
        unneeded=tuple(unneeded),
        safe_forbidden=len(safe - allowed),
        unsafe_allowed=len(allowed - safe),
    )


def _relation(safe_forbidden: int, unsafe_allowed: int) -> Relation:
    if safe_forbidden and unsafe_allowed:
        return Relation.NEITHER
    if safe_forbidden:
        return Relation.WEAKER
    return Relation.STRONGER if unsafe_allowed else Relation.EQUAL
