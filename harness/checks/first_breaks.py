"""What was seen where unsafe orders first break: each of these steps with its violation, or with none."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from harness.checks.violations import SafetyEvidence, Violation
from harness.report.contents import Table
from harness.stages.first_unsafe import FirstUnsafe, first_unsafe
from harness.stages.orders import OrderGraph
from harness.stages.safety import Unsafe
from harness.stages.symmetry import Sharing


class FirstBreak(NamedTuple):
    """A step with which orders first break, and what was seen of it."""

    first: FirstUnsafe
    violation: Violation | None
    """None where nothing broke."""

    def __str__(self) -> str:
        """The step and the stage that it is taken in."""
        first = self.first
        return f"{first.step}, in stage ({first.stage})" if first.step else f"the start ({first.stage})"


def first_breaks(graph: OrderGraph, unsafe: Unsafe, evidence: SafetyEvidence) -> tuple[FirstBreak, ...]:
    """Each step with which an order first breaks if this is unsafe, and what was observed there."""
    observed = {violation.place: violation for violation in evidence.violations}
    return tuple(
        FirstBreak(first, next((observed[place] for place in first.places if place in observed), None))
        for first in first_unsafe(graph, unsafe)
    )


def describe_breaks(breaks: Sequence[FirstBreak], sharing: Sharing | None = None) -> str:
    """How many unsafe orders there are, with how many steps they first break, and how many of these ran."""
    orders = sum(each.first.orders for each in breaks)
    if not orders:
        return "no order is unsafe"
    broke = sum(each.violation is not None for each in breaks)
    all_broke = "each was run and broke" if broke == len(breaks) else f"{broke:,} of them were seen to break"
    if sharing is not None and sharing.applies:
        kinds = {
            sharing.transition_key((each.first.stage, each.first.step)) for each in breaks if each.first.step
        }
        all_broke += f", as {len(kinds):,} that were run stand for all"
    steps = "one step" if len(breaks) == 1 else f"{len(breaks):,} steps"
    return f"{orders:,} unsafe orders first break at {steps}: {all_broke}"


def breaks_table(breaks: Sequence[FirstBreak], sharing: Sharing | None = None) -> Table | None:
    """A row for each of the steps; None where no order is unsafe."""
    if not breaks:
        return None
    return Table(
        describe_breaks(breaks, sharing),
        ("orders", "step", "taken in stage", "seen"),
        tuple(_row(each) for each in breaks),
    )


def _row(each: FirstBreak) -> tuple[str, ...]:
    first, violation = each.first, each.violation
    return (
        f"{first.orders:,}",
        str(first.step or "none"),
        str(first.stage),
        "nothing broke"
        if violation is None
        else "; ".join(filter(None, (violation.effect, violation.cause))),
    )


def unbroken(breaks: Iterable[FirstBreak]) -> tuple[FirstBreak, ...]:
    """Those at which nothing broke."""
    return tuple(each for each in breaks if each.violation is None)
