"""Judges orders by the violations that were observed at their stages and across their steps."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness.checks.requests import effect_of
from harness.checks.violations import (
    SafetyEvidence,
    Violation,
    cause_of,
    reference_of,
    violation_in,
)
from harness.probing.judge import Aspect, expect, judge
from harness.rule.policy import Policy
from harness.stages.orders import Order, Survey, distinct_stages, distinct_transitions
from harness.stages.path_run import PathRun
from harness.stages.precedence import allowed_orders
from harness.stages.safety import (
    PLAN_IMPLIED,
    PLAN_STATED,
    PROMISED,
    Place,
    Safety,
    is_promised,
    smallest_unsafe_order,
)
from harness.stages.transitions import TransitionRun
from harness.sut.observation import Observation
from harness.verdict import Method, Results

PLAN_ORDERS: Final = "O1"
RULE: Final = "O2"
IN_FLIGHT: Final = "O3"
SWAPS: Final = "O4"
ROLL_BACKS: Final = "O5"


def planned_orders(orders: Sequence[Order]) -> tuple[Order, ...]:
    """The orders that keep to the plan: the column before the backend, the backend before the extension."""
    return allowed_orders(orders, PLAN_STATED + PLAN_IMPLIED)


def judge_plan_orders(
    results: Results, evidence: SafetyEvidence, planned: Sequence[Order], replay: str
) -> None:
    """Judges O1: no violation at any stage or across any step of the orders that are planned."""
    stages, transitions = distinct_stages(planned), distinct_transitions(planned)
    covered = len(evidence.stages & set(stages)) + len(evidence.transitions & set(transitions))
    results.method(PLAN_ORDERS, Method.EXHAUSTIVE)
    results.observed(PLAN_ORDERS, covered)
    orders = "order" if len(planned) == 1 else "orders"
    results.detail(
        PLAN_ORDERS,
        f"{len(planned)} {orders} planned: {len(stages)} stages, {len(transitions)} steps between them",
    )
    _refute_at(results, PLAN_ORDERS, evidence, (*stages, *transitions), replay)
    _report_uncovered(results, PLAN_ORDERS, evidence.uncovered(stages, transitions))


def judge_rule(
    results: Results, evidence: SafetyEvidence, orders: Sequence[Order], safety: Safety, replay: str
) -> None:
    """Judges O2: exactly the orders that keep to what is promised are safe.

    A rule that asks for more refutes it. One that asks for less leaves it unknown: a violation that the rule should
    follow from was not observed, and whether it would be is not known.
    """
    rule = safety.rule
    assert rule is not None, "the orders that are judged are those that were analysed"
    results.method(RULE, Method.EXHAUSTIVE)
    results.observed(RULE, len(orders))
    _report_uncovered(
        results, RULE, evidence.uncovered(distinct_stages(orders), distinct_transitions(orders))
    )
    results.detail(RULE, f"derived: {rule}; {rule.safe} of {rule.total} orders are safe")
    if rule.expressible and set(rule.constraints) == set(PROMISED):
        return
    unsafe_order = smallest_unsafe_order(allowed_orders(orders, PROMISED), safety.unsafe)
    if unsafe_order is None:
        results.inconclusive(RULE, f"the rule asks for less than what is promised: {rule}")
        return
    violation = next(each for each in evidence.violations if each.place == unsafe_order.place)
    found = violation.finding(RULE, replay)
    condition = f"{unsafe_order.order}; {found.condition}"
    results.refute(replace(found, condition=condition, effect=f"the rule is: {rule}; {found.effect}"))


def judge_in_flight(results: Results, path_runs: Sequence[PathRun], policy: Policy, replay: str) -> None:
    """Judges O3: a request that was open across a step is served and accounted for by the build that had it."""
    reference = reference_of(path_runs)
    results.method(IN_FLIGHT, Method.EXHAUSTIVE)
    steps = set()
    for path_run, taken in _promised(path_runs):
        if taken.refusal is not None:
            continue
        steps.add(taken.transition.of_stage)
        for observation in taken.held:
            results.observed(IN_FLIGHT)
            effect = violation_in(observation, reference) or _wrong_value(observation, policy)
            if effect is not None:
                _refute_in_flight(results, IN_FLIGHT, path_run, taken, observation, effect, replay)
    results.detail(IN_FLIGHT, f"held before the headers and mid-stream across {len(steps)} different steps")


def judge_swaps(results: Results, path_runs: Sequence[PathRun], replay: str) -> None:
    """Judges O4: while a replica is replaced, every request of the traffic is served and leaves its rows."""
    reference = reference_of(path_runs)
    for path_run, taken in _promised(path_runs):
        if not taken.traffic:
            continue
        results.observed(SWAPS)  # a swap each: how many requests there were is a matter of time
        for observation in taken.traffic:
            effect = violation_in(observation, reference)
            if effect is not None:
                _refute_in_flight(results, SWAPS, path_run, taken, observation, effect, replay)
    results.detail(SWAPS, "swaps under continuous traffic; a refused connection goes to the other replica")


def judge_roll_backs(results: Results, evidence: SafetyEvidence, survey: Survey, replay: str) -> None:
    """Judges O5: with one step taken back at any time, nothing is unsafe but a replica ahead of the column."""
    results.method(ROLL_BACKS, Method.EXHAUSTIVE)
    results.observed(ROLL_BACKS, survey.orders)
    results.detail(ROLL_BACKS, str(survey))
    places: tuple[Place, ...] = (*survey.stages, *survey.transitions)
    _refute_at(results, ROLL_BACKS, evidence, [place for place in places if is_promised(place)], replay)
    _report_uncovered(results, ROLL_BACKS, evidence.uncovered(survey.stages, survey.transitions))


def _promised(path_runs: Sequence[PathRun]) -> Iterator[tuple[PathRun, TransitionRun]]:
    """The transitions that are promised to be safe."""
    for path_run in path_runs:
        for taken in path_run.transitions:
            if is_promised(taken.transition.of_stage):
                yield path_run, taken


def _refute_in_flight(
    results: Results,
    claim: str,
    path_run: PathRun,
    taken: TransitionRun,
    observation: Observation,
    effect: str,
    replay: str,
) -> None:
    cause = cause_of(observation, path_run)
    violation = Violation(taken.transition.of_stage, "", effect, observation, cause)
    results.refute(violation.finding(claim, replay))


def _refute_at(
    results: Results, claim: str, evidence: SafetyEvidence, places: Collection[Place], replay: str
) -> None:
    judged = set(places)
    for violation in evidence.violations:
        if violation.place in judged:
            results.refute(violation.finding(claim, replay))


def _report_uncovered(results: Results, claim: str, uncovered: Sequence[str]) -> None:
    if uncovered:
        more = f" and {len(uncovered) - 1} more" if len(uncovered) > 1 else ""
        results.inconclusive(claim, f"not covered: {uncovered[0]}{more}")


def _wrong_value(observation: Observation, policy: Policy) -> str | None:
    differences = judge(observation.rows, expect(observation.probe, observation.served_by, policy))
    wrong = next((each for each in differences if each.kind is Aspect.VALUE), None)
    return effect_of(wrong, observation.rows) if wrong is not None else None
