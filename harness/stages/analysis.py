"""What follows from the places that are unsafe: the rule, its comparison with the plan, the smallest unsafe order."""

from dataclasses import dataclass

from harness.stages.comparison import Comparison, StatedOrder, compare
from harness.stages.derivation import Rule, derive_rule
from harness.stages.orders import OrderGraph
from harness.stages.safety import Unsafe, UnsafeOrder, smallest_unsafe_order


@dataclass(frozen=True, slots=True)
class Safety:
    """What follows from the unsafe places for some orders; claims and reports read it and compute nothing anew."""

    unsafe: Unsafe
    rule: Rule | None
    """None, as the other two are, where no orders were analysed: too little ran to derive anything."""
    comparison: Comparison | None
    smallest_unsafe: UnsafeOrder | None
    """None also where no order is unsafe."""


def analyse(graph: OrderGraph | None, unsafe: Unsafe, plan: StatedOrder) -> Safety:
    """The safety of these orders. For forward orders; with roll-backs, unsafe places say more than a rule does."""
    if graph is None:
        return Safety(unsafe, None, None, None)
    rule = derive_rule(graph, unsafe)
    return Safety(unsafe, rule, compare(graph, unsafe, rule, plan), smallest_unsafe_order(graph, unsafe))
