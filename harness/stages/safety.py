"""What is safe: unsafe stages and transitions, the rule behind the safe orders, the smallest unsafe order. Pure.

What is unsafe comes in as data, from stages that ran; `analyse` computes everything that follows from it, once.

Theory. A set of precedences that describes the safe orders consists of precedences that all safe orders keep. All of
those together let through the fewest orders that any such set can. If an unsafe order is still among them, no such set
exists, and that order proves it. Otherwise precedences are left out one by one as long as the rest lets through the
same orders: what goes was implied by the model's legality or by transitivity. A precedence whose events no safe order
has together says nothing about safe orders, and is never used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.database.schema_state import SchemaState
from harness.stages.model import Stage, Step, Transition, Version, after
from harness.stages.orders import STEP_PLACES, Order, tree_lines
from harness.stages.precedence import Precedence, allowed_orders, clauses, free_clauses, precedence, tally

PLAN_ORDER: Final = (
    Step.ADD_COLUMN,
    Step.START_BUILD,
    Step.FINISH_BUILD,
    Step.SWAP_1,
    Step.SWAP_2,
    Step.RELEASE_EXTENSION,
)
"""The order of the plan's section "Deployment Order", with the migration first."""

PLAN_STATED: Final = tuple(precedence(swap, Step.RELEASE_EXTENSION) for swap in (Step.SWAP_1, Step.SWAP_2))
"""Backend first, extensions after. Source: plan, Deployment Order."""

PLAN_IMPLIED: Final = tuple(precedence(Step.ADD_COLUMN, swap) for swap in (Step.SWAP_1, Step.SWAP_2))
"""The migration is file 1 and the code that needs it file 3, but no sentence says so. The index is not meant:
the migration note allows to build it separately. Source: plan, Repository 1."""

PROMISED: Final = PLAN_IMPLIED
"""What the plan asks for when it calls the extension independent: that no replica is ahead of the column."""

Place = Stage | Transition


def is_promised(place: Place) -> bool:
    """Whether the rollout, forward or back, is promised to be safe there: no replica is ahead of the column.

    For forward orders these are the places of all that keep to `PROMISED`. A step counts with where it leads.
    """
    if isinstance(place, Stage):
        return place.schema is not SchemaState.BASE or Version.AFTER not in place.replicas
    stage, step = place
    return is_promised(stage) and is_promised(after(stage, step))


@dataclass(frozen=True, slots=True)
class Unsafe:
    """Where a violation was observed: whole stages, and steps as taken in a stage."""

    stages: frozenset[Stage] = frozenset()
    transitions: frozenset[Transition] = frozenset()

    def affects(self, order: Order) -> bool:
        """Whether any stage or step of the order is unsafe."""
        return not (self.stages.isdisjoint(order.stages) and self.transitions.isdisjoint(order.transitions))


@dataclass(frozen=True, slots=True)
class Safety:
    """What follows from the unsafe places for some orders; claims and reports read it and compute nothing anew."""

    unsafe: Unsafe
    rule: Rule | None
    """None, as the other two are, where no orders were analysed: too little ran to derive anything."""
    comparison: Comparison | None
    smallest_unsafe: UnsafeOrder | None
    """None also where no order is unsafe."""


def analyse(orders: Sequence[Order], unsafe: Unsafe) -> Safety:
    """The safety of these orders. For forward orders; with roll-backs, unsafe places say more than a rule does."""
    if not orders:
        return Safety(unsafe, None, None, None)
    rule = derive_rule(orders, unsafe)
    return Safety(unsafe, rule, compare(orders, unsafe, rule), smallest_unsafe_order(orders, unsafe))


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

    def __str__(self) -> str:
        """The rule in clauses divided by semicolons."""
        if not self.safe:
            return "no order is safe"
        if self.counterexample is not None:
            needed = "; ".join(clauses(self.constraints))
            necessary = f" (needed, not enough: {needed})" if needed else ""
            return f"not expressible as precedence{necessary}; counterexample: {self.counterexample}"
        if self.safe == self.total:
            return "any order"
        return "; ".join(clauses(self.constraints) + free_clauses(self.constraints))


def derive_rule(orders: Sequence[Order], unsafe: Unsafe) -> Rule:
    """The minimal set of precedences that exactly the safe ones among these orders keep, if there is one."""
    everyone = frozenset(range(len(orders)))
    safe = frozenset(number for number in everyone if not unsafe.affects(orders[number]))
    shared = {
        constraint: counted.broken
        for constraint, counted in tally(orders).items()
        if counted.met & safe and not counted.broken & safe
    }
    unwanted = everyone - safe - frozenset[int]().union(*shared.values())
    return Rule(
        constraints=_minimal(shared),
        expressible=not unwanted,
        counterexample=orders[min(unwanted)] if unwanted else None,
        safe=len(safe),
        total=len(orders),
    )


def _minimal(broken_by: Mapping[Precedence, frozenset[int]]) -> tuple[Precedence, ...]:
    kept_out = frozenset[int]().union(*broken_by.values())
    remaining = dict(broken_by)
    for candidate in broken_by:
        others = (broken for constraint, broken in remaining.items() if constraint != candidate)
        if frozenset[int]().union(*others) == kept_out:
            del remaining[candidate]
    return tuple(remaining)


@dataclass(frozen=True, slots=True)
class UnsafeOrder:
    """The beginning of an order, cut off where it is first unsafe."""

    order: Order
    """Not complete, as a rule; its last step is the unsafe one, or the one that leads to the unsafe stage."""
    by_step: bool
    """Whether the last step is unsafe in itself; else the last stage is."""

    @property
    def place(self) -> Place:
        """The unsafe transition or stage that it ends in."""
        return self.order.transitions[-1] if self.by_step else self.order.stages[-1]

    def lines(self, evidence: Iterable[str] = ()) -> tuple[str, ...]:
        """The order as a numbered tree; the evidence (request, reply, missing row) hangs below its end."""
        return tree_lines(self.order, {len(self.order.steps): tuple(evidence)})


def smallest_unsafe_order(orders: Iterable[Order], unsafe: Unsafe) -> UnsafeOrder | None:
    """The fewest steps to a violation; of several the first in the order of `Step`; None when nothing is unsafe."""
    cut = [_cut(order, unsafe) for order in orders if unsafe.affects(order)]
    return min(cut, key=lambda each: (len(each.order.steps), _places(each.order)), default=None)


def _places(order: Order) -> list[int]:
    return [STEP_PLACES[step] for step in order.steps]


def _cut(order: Order, unsafe: Unsafe) -> UnsafeOrder:
    if order.stages[0] in unsafe.stages:
        return UnsafeOrder(Order((), order.stages[:1]), by_step=False)
    for end, taken in enumerate(order.transitions, start=1):
        by_step = taken in unsafe.transitions
        if by_step or order.stages[end] in unsafe.stages:
            return UnsafeOrder(Order(order.steps[:end], order.stages[: end + 1]), by_step)
    raise ValueError(f"no stage or step is unsafe in the order: {order}")


class Relation(StrEnum):
    """How the derived rule compares with the plan's: weaker asks for less and allows more orders."""

    EQUAL = "equal to"
    WEAKER = "weaker than"
    STRONGER = "stronger than"
    NEITHER = "neither weaker nor stronger than"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The derived rule compared with what the plan claims."""

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

    def __str__(self) -> str:
        """The comparison in clauses divided by semicolons."""
        parts = [f"the derived rule is {self.relation} the plan's order"]
        parts += [
            f"{clause}: needed, the plan implies it only in its file list"
            for clause in clauses(self.needed_implied)
        ]
        parts += [f"{clause}: needed, not in the plan" for clause in clauses(self.needed_missing)]
        parts += [f"{clause}: in the plan, not needed" for clause in clauses(self.unneeded)]
        parts.append(
            f"the plan forbids {self.safe_forbidden} safe orders, allows {self.unsafe_allowed} unsafe ones"
        )
        return "; ".join(parts)


def compare(
    orders: Sequence[Order],
    unsafe: Unsafe,
    rule: Rule,
    stated: tuple[Precedence, ...] = PLAN_STATED,
    implied: tuple[Precedence, ...] = PLAN_IMPLIED,
) -> Comparison:
    """The rule of these orders compared with the plan's."""
    needed = rule.constraints
    safe_orders = [order for order in orders if not unsafe.affects(order)]
    safe = {order.steps for order in safe_orders}
    allowed = {order.steps for order in allowed_orders(orders, stated + implied)}
    missing = [
        each for each in needed if len(allowed_orders(orders, (*stated, *implied, each))) < len(allowed)
    ]
    by_stated = len(allowed_orders(orders, stated))
    only_implied = [
        each
        for each in needed
        if each not in missing and len(allowed_orders(orders, (*stated, each))) < by_stated
    ]
    unneeded = [
        each for each in stated + implied if len(allowed_orders(safe_orders, (each,))) < len(safe_orders)
    ]
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
