"""Judges orders by the harm that was seen on their stages and across their steps. Takes journeys; knows no server."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from harness.checks.harm import (
    PROMISED,
    Ground,
    Harm,
    Place,
    cause_of,
    harm_at_end,
    harm_of,
    is_promised,
    reference_of,
)
from harness.checks.requests import effect_of
from harness.probing.judge import Kind, expect, judge
from harness.rule.policy import Policy
from harness.stages.journey import Journey
from harness.stages.orders import Order, Survey, distinct_stages, distinct_transitions
from harness.stages.precedence import allowed_orders
from harness.stages.rule import PLAN_IMPLIED, PLAN_STATED, derive_rule, minimal_unsafe_order
from harness.sut import Observation
from harness.verdict import Method, Results

PLAN_ORDERS: Final = "O1"
RULE: Final = "O2"
IN_FLIGHT: Final = "O3"
SWAPS: Final = "O4"
ROLL_BACKS: Final = "O5"


def planned_orders(orders: Sequence[Order]) -> tuple[Order, ...]:
    """The orders that keep to the plan: the column before the backend, the backend before the extension."""
    return allowed_orders(orders, PLAN_STATED + PLAN_IMPLIED)


def judge_plan_orders(results: Results, ground: Ground, planned: Sequence[Order], replay: str) -> None:
    """Judges O1: no harm at any stage or across any step of the orders that are planned."""
    stages, steps = distinct_stages(planned), distinct_transitions(planned)
    results.method(PLAN_ORDERS, Method.EXHAUSTIVE)
    results.observed(PLAN_ORDERS, len(ground.stages & set(stages)) + len(ground.transitions & set(steps)))
    told = "order" if len(planned) == 1 else "orders"
    results.detail(
        PLAN_ORDERS, f"{len(planned)} {told} planned: {len(stages)} stages, {len(steps)} steps between them"
    )
    _refute_harm(results, PLAN_ORDERS, ground, (*stages, *steps), replay)
    _lack_unseen(results, PLAN_ORDERS, ground.unseen(planned))


def judge_rule(results: Results, ground: Ground, orders: Sequence[Order], replay: str) -> None:
    """Judges O2: exactly the orders that keep to what is promised are safe.

    A rule that asks for more refutes it. One that asks for less leaves it unknown: the harm that the rule is made of
    was not seen, so nobody knows whether it would be.
    """
    results.method(RULE, Method.EXHAUSTIVE)
    results.observed(RULE, len(orders))
    _lack_unseen(results, RULE, ground.unseen(orders))
    rule = derive_rule(orders, ground.unsafe)
    results.detail(RULE, f"derived: {rule.words()}; {rule.safe} of {rule.total} orders are safe")
    if rule.expressible and set(rule.constraints) == set(PROMISED):
        return
    promised = allowed_orders(orders, PROMISED)
    path = minimal_unsafe_order(promised, ground.unsafe)
    if path is None:
        results.inconclusive(RULE, f"the rule asks for less than what is promised: {rule.words()}")
        return
    harm = harm_at_end(ground, path.order, by_step=path.by_step)
    told = harm.finding(RULE, replay)
    condition = f"{path.order.words}; {told.condition}"
    results.refute(replace(told, condition=condition, effect=f"the rule is: {rule.words()}; {told.effect}"))


def judge_in_flight(results: Results, journeys: Sequence[Journey], policy: Policy, replay: str) -> None:
    """Judges O3: a request that was open across a step is served and accounted for by the build that had it."""
    reference = reference_of(journeys)
    results.method(IN_FLIGHT, Method.EXHAUSTIVE)
    passages = [
        (journey, passage)
        for journey in journeys
        for passage in journey.passages
        if is_promised(passage.crossing.transition) and passage.refusal is None
    ]
    for journey, passage in passages:
        for seen in passage.held:
            results.observed(IN_FLIGHT)
            effect = harm_of(seen, reference) or _wrong_value(seen, policy)
            if effect is not None:
                harm = Harm(passage.crossing.transition, "", effect, seen, cause_of(seen, journey))
                results.refute(harm.finding(IN_FLIGHT, replay))
    taken = len({passage.crossing.transition for _, passage in passages})
    results.detail(IN_FLIGHT, f"held before the headers and mid-stream across {taken} different steps")


def judge_swaps(results: Results, journeys: Sequence[Journey], replay: str) -> None:
    """Judges O4: while a replica is replaced, every request of the traffic is served and leaves its rows."""
    reference = reference_of(journeys)
    for journey in journeys:
        for passage in journey.passages:
            if not passage.traffic or not is_promised(passage.crossing.transition):
                continue
            results.observed(SWAPS)  # a swap each: how many requests there were is a matter of time
            for seen in passage.traffic:
                effect = harm_of(seen, reference)
                if effect is not None:
                    harm = Harm(passage.crossing.transition, "", effect, seen, cause_of(seen, journey))
                    results.refute(harm.finding(SWAPS, replay))
    results.detail(SWAPS, "swaps under continuous traffic; a refused connection goes to the other replica")


def judge_roll_backs(results: Results, ground: Ground, survey: Survey, replay: str) -> None:
    """Judges O5: with one step taken back at any time, nothing does harm but a replica ahead of the column."""
    results.method(ROLL_BACKS, Method.EXHAUSTIVE)
    results.observed(ROLL_BACKS, len(survey.orders))
    results.detail(ROLL_BACKS, survey.words)
    places: tuple[Place, ...] = (*survey.stages, *survey.transitions)
    _refute_harm(results, ROLL_BACKS, ground, [place for place in places if is_promised(place)], replay)
    _lack_unseen(results, ROLL_BACKS, ground.unseen(survey.orders))


def _refute_harm(results: Results, claim: str, ground: Ground, places: Sequence[Place], replay: str) -> None:
    where = set(places)
    for harm in ground.harms:
        if harm.place in where:
            results.refute(harm.finding(claim, replay))


def _lack_unseen(results: Results, claim: str, unseen: Sequence[str]) -> None:
    if unseen:
        more = f" and {len(unseen) - 1} more" if len(unseen) > 1 else ""
        results.inconclusive(claim, f"not looked at: {unseen[0]}{more}")


def _wrong_value(seen: Observation, policy: Policy) -> str | None:
    differences = judge(seen.rows, expect(seen.probe, seen.served_by, policy))
    wrong = next((one for one in differences if one.kind is Kind.VALUE), None)
    return effect_of(wrong, seen.rows) if wrong is not None else None
