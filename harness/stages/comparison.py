"""The rule that was derived, compared with what the plan says of the order. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from harness.stages.derivation import Rule
from harness.stages.orders import OrderGraph
from harness.stages.precedence import Constraint, Precedence, clauses, keeping
from harness.stages.safety import Unsafe, safe_orders
from harness.stages.steps import Step


class StatedOrder(NamedTuple):
    """The order of the plan, and what it says of others."""

    steps: tuple[Step, ...]
    stated: tuple[Precedence, ...] = ()
    """What a sentence says."""
    implied: tuple[Precedence, ...] = ()
    """What is taken for granted, as by the order of the plan's files."""

    @property
    def constraints(self) -> tuple[Precedence, ...]:
        """Both."""
        return self.stated + self.implied


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
    needed_implied: tuple[Constraint, ...]
    """Needed; the plan has it by implication only."""
    needed_missing: tuple[Constraint, ...]
    """Needed; not in the plan at all."""
    unneeded: tuple[Precedence, ...]
    """In the plan; some safe order breaks it."""
    safe_forbidden: int
    """Safe orders that the plan forbids."""
    unsafe_allowed: int
    """Unsafe orders that the plan allows."""
    replicas: int

    def __str__(self) -> str:
        """The comparison in clauses divided by semicolons."""
        parts = [f"the derived rule is {self.relation} the plan's order"]
        parts += [
            f"{clause}: needed, the plan implies it only in its file list"
            for clause in clauses(self.needed_implied, self.replicas)
        ]
        parts += [
            f"{clause}: needed, not in the plan" for clause in clauses(self.needed_missing, self.replicas)
        ]
        parts += [f"{clause}: in the plan, not needed" for clause in clauses(self.unneeded, self.replicas)]
        parts.append(
            f"the plan forbids {self.safe_forbidden} safe orders, allows {self.unsafe_allowed} unsafe ones"
        )
        return "; ".join(parts)


def compare(graph: OrderGraph, unsafe: Unsafe, rule: Rule, plan: StatedOrder) -> Comparison:
    """The rule of these orders compared with the plan's."""
    needed, safe = rule.constraints, safe_orders(graph, unsafe)
    allowed, both = _count(graph, plan.constraints), _count(safe, plan.constraints)
    missing = [each for each in needed if _count(graph, (*plan.constraints, each)) < allowed]
    by_stated = _count(graph, plan.stated)
    only_implied = [
        each for each in needed if each not in missing and _count(graph, (*plan.stated, each)) < by_stated
    ]
    unneeded = [each for each in plan.constraints if _count(safe, (each,)) < safe.count]
    return Comparison(
        relation=_relation(safe.count - both, allowed - both),
        needed_implied=tuple(only_implied),
        needed_missing=tuple(missing),
        unneeded=tuple(unneeded),
        safe_forbidden=safe.count - both,
        unsafe_allowed=allowed - both,
        replicas=graph.model.replicas,
    )


def _count(graph: OrderGraph, constraints: Iterable[Constraint]) -> int:
    return graph.within(keeping(constraints, graph.model)).count


def _relation(safe_forbidden: int, unsafe_allowed: int) -> Relation:
    if safe_forbidden and unsafe_allowed:
        return Relation.NEITHER
    if safe_forbidden:
        return Relation.WEAKER
    return Relation.STRONGER if unsafe_allowed else Relation.EQUAL
