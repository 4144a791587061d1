"""Judges orders by the violations that were observed at their stages and across their steps."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from harness.checks.first_breaks import FirstBreak, describe_breaks, first_breaks, unbroken
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check
from harness.checks.row_checks import effect_of
from harness.checks.violations import SafetyEvidence, Violation, cause_of, reference_of, violation_in
from harness.probing.judge import Aspect, expect, judge
from harness.rule.policy import Policy
from harness.stages.analysis import Safety
from harness.stages.comparison import StatedOrder
from harness.stages.derivation import derive_rule
from harness.stages.orders import OrderGraph, Survey
from harness.stages.precedence import keeping
from harness.stages.runs import PathRun, TransitionRun
from harness.stages.safety import Place, expected_unsafe, is_promised, smallest_unsafe_order
from harness.stages.symmetry import Sharing
from harness.sut.observation import Observation
from harness.verdict import Finding, Method

PLAN_ORDERS: Final = "O1"
RULE: Final = "O2"
IN_FLIGHT: Final = "O3"
SWAPS: Final = "O4"
ROLL_BACKS: Final = "O5"


def planned_orders(graph: OrderGraph, plan: StatedOrder) -> Survey:
    """The orders that keep to what the plan says of the order, and what they pass."""
    return graph.within(keeping(plan.constraints, graph.model)).survey()


class PlannedOrders(NamedTuple):
    """Violations that were observed, and the orders that are planned."""

    evidence: SafetyEvidence
    planned: Survey
    replay: str


class DerivedRule(NamedTuple):
    """Violations that were observed, the orders that were analysed, and what they make safe."""

    evidence: SafetyEvidence
    orders: OrderGraph
    safety: Safety
    replay: str
    sharing: Sharing | None = None


class HeldRequests(NamedTuple):
    """Paths with the requests that were open across their steps."""

    path_runs: Sequence[PathRun]
    policy: Policy
    replay: str


class SwapTraffic(NamedTuple):
    """Paths with the traffic of their swaps."""

    path_runs: Sequence[PathRun]
    replay: str


class RolledBack(NamedTuple):
    """Violations that were observed, and what of the orders with one step taken back was surveyed."""

    evidence: SafetyEvidence
    survey: Survey
    replay: str


@check(PLAN_ORDERS, over=PlannedOrders, evidence=Method.EXHAUSTIVE)
def planned_orders_are_safe(of: PlannedOrders) -> Outcomes:
    """O1: no violation at any stage or across any step of the orders that are planned."""
    evidence, planned, replay = of
    stages, transitions = planned.stages, planned.transitions
    covered = len(evidence.stages & set(stages)) + len(evidence.transitions & set(transitions))
    yield Observed(PLAN_ORDERS, covered)
    orders = "order" if planned.orders == 1 else "orders"
    yield Detail(
        PLAN_ORDERS,
        f"{planned.orders:,} {orders} planned: {len(stages)} stages, {len(transitions)} steps between them",
    )
    yield from _refute_at(PLAN_ORDERS, evidence, (*stages, *transitions), replay)
    yield from _report_uncovered(PLAN_ORDERS, evidence.uncovered(stages, transitions))


@check(RULE, over=DerivedRule, evidence=Method.EXHAUSTIVE)
def rule_is_what_is_promised(derived: DerivedRule) -> Outcomes:
    """O2: exactly the orders that keep to what is promised are safe.

    A rule that asks for more refutes it. One that asks for less leaves it unknown: a violation that the rule should
    follow from was not observed, and whether it would be is not known. So does a step with which an order that breaks
    the rule should first break something, and nothing broke when it was run.
    """
    evidence, orders, safety, replay, sharing = derived
    rule = safety.rule
    assert rule is not None, "the orders that are judged are those that were analysed"
    yield Observed(RULE, orders.count)
    passed = orders.survey()
    yield from _report_uncovered(RULE, evidence.uncovered(passed.stages, passed.transitions))
    yield Detail(RULE, f"derived: {rule}; {rule.safe:,} of {rule.total:,} orders are safe")
    expected = expected_unsafe(orders.model)
    promised = derive_rule(orders, expected).constraints
    if rule.expressible and set(rule.constraints) == set(promised):
        breaks = first_breaks(orders, expected, evidence)
        yield Detail(RULE, describe_breaks(breaks, sharing))
        yield from _report_unbroken(unbroken(breaks))
        return
    unsafe_order = smallest_unsafe_order(orders.within(keeping(promised, orders.model)), safety.unsafe)
    if unsafe_order is None:
        yield Inconclusive(RULE, f"the rule asks for less than what is promised: {rule}")
        return
    violation = next(each for each in evidence.violations if each.place == unsafe_order.place)
    found = violation.finding(RULE, replay)
    condition = f"{unsafe_order.order}; {found.condition}"
    yield replace(found, condition=condition, effect=f"the rule is: {rule}; {found.effect}")


@check(IN_FLIGHT, over=HeldRequests, evidence=Method.EXHAUSTIVE)
def held_requests_are_served(held: HeldRequests) -> Outcomes:
    """O3: a request that was open across a step is served and accounted for by the build that had it."""
    path_runs, policy, replay = held
    reference = reference_of(path_runs)
    steps = set()
    for path_run, taken in _promised(path_runs):
        if taken.refusal is not None:
            continue
        steps.add(taken.transition.of_stage)
        for observation in taken.held:
            yield Observed(IN_FLIGHT)
            effect = violation_in(observation, reference) or _wrong_value(observation, policy)
            if effect is not None:
                yield _in_flight(IN_FLIGHT, path_run, taken, observation, effect, replay)
    yield Detail(IN_FLIGHT, f"held before the headers and mid-stream across {len(steps)} different steps")


@check(SWAPS, over=SwapTraffic)
def swaps_lose_nothing(swaps: SwapTraffic) -> Outcomes:
    """O4: while a replica is replaced, every request of the traffic is served and leaves its rows."""
    path_runs, replay = swaps
    reference = reference_of(path_runs)
    for path_run, taken in _promised(path_runs):
        if not taken.traffic:
            continue
        yield Observed(SWAPS)  # a swap each: how many requests there were is a matter of time
        for observation in taken.traffic:
            effect = violation_in(observation, reference)
            if effect is not None:
                yield _in_flight(SWAPS, path_run, taken, observation, effect, replay)
    yield Detail(SWAPS, "swaps under continuous traffic; a refused connection goes to the other replica")


@check(ROLL_BACKS, over=RolledBack, evidence=Method.EXHAUSTIVE)
def steps_are_taken_back_safely(rolled_back: RolledBack) -> Outcomes:
    """O5: with one step taken back at any time, nothing is unsafe but a replica ahead of the column."""
    evidence, survey, replay = rolled_back
    yield Observed(ROLL_BACKS, survey.orders)
    yield Detail(ROLL_BACKS, str(survey))
    places: tuple[Place, ...] = (*survey.stages, *survey.transitions)
    yield from _refute_at(ROLL_BACKS, evidence, [place for place in places if is_promised(place)], replay)
    yield from _report_uncovered(ROLL_BACKS, evidence.uncovered(survey.stages, survey.transitions))


def _promised(path_runs: Sequence[PathRun]) -> Iterator[tuple[PathRun, TransitionRun]]:
    """The transitions that are promised to be safe."""
    for path_run in path_runs:
        for taken in path_run.transitions:
            if is_promised(taken.transition.of_stage):
                yield path_run, taken


def _in_flight(
    claim: str,
    path_run: PathRun,
    taken: TransitionRun,
    observation: Observation,
    effect: str,
    replay: str,
) -> Finding:
    cause = cause_of(observation, path_run)
    violation = Violation(taken.transition.of_stage, "", effect, observation, cause)
    return violation.finding(claim, replay)


def _refute_at(claim: str, evidence: SafetyEvidence, places: Collection[Place], replay: str) -> Outcomes:
    judged = set(places)
    for violation in evidence.violations:
        if violation.place in judged:
            yield violation.finding(claim, replay)


def _report_uncovered(claim: str, uncovered: Sequence[str]) -> Outcomes:
    if uncovered:
        more = f" and {len(uncovered) - 1} more" if len(uncovered) > 1 else ""
        yield Inconclusive(claim, f"not covered: {uncovered[0]}{more}")


def _report_unbroken(left: Sequence[FirstBreak]) -> Outcomes:
    if left:
        more = f", as with {len(left) - 1} more" if len(left) > 1 else ""
        yield Inconclusive(
            RULE, f"{left[0].first.orders:,} orders should break by: {left[0]}; nothing did{more}"
        )


def _wrong_value(observation: Observation, policy: Policy) -> str | None:
    differences = judge(observation.rows, expect(observation.probe, observation.served_by, policy))
    wrong = next((each for each in differences if each.kind is Aspect.VALUE), None)
    return effect_of(wrong, observation.rows, observation.probe.spec) if wrong is not None else None
