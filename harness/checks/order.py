"""Judges orders by the harm that was seen on their stages and across their steps. Takes journeys; knows no server."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from harness.checks.evidence import describe_value
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
from harness.checks.validation import expected_value
from harness.rule.policy import Policy
from harness.stages.journey import Journey
from harness.stages.orders import Order, Survey, distinct_stages, distinct_transitions
from harness.stages.precedence import allowed_orders
from harness.stages.rule import PLAN_IMPLIED, PLAN_STATED, derive_rule, minimal_unsafe_order
from harness.sut import Observation
from harness.verdict import Docket, Method

PLAN_ORDERS: Final = "O1"
RULE: Final = "O2"
IN_FLIGHT: Final = "O3"
SWAPS: Final = "O4"
ROLL_BACKS: Final = "O5"


def planned_orders(orders: Sequence[Order]) -> tuple[Order, ...]:
    """The orders that keep to the plan: the column before the backend, the backend before the extension."""
    return allowed_orders(orders, PLAN_STATED + PLAN_IMPLIED)


def judge_plan_orders(docket: Docket, ground: Ground, planned: Sequence[Order], replay: str) -> None:
    """Judges O1: no harm at any stage or across any step of the orders that are planned."""
    stages, steps = distinct_stages(planned), distinct_transitions(planned)
    docket.by(PLAN_ORDERS, Method.EXHAUSTIVE)
    docket.saw(PLAN_ORDERS, len(ground.stages & set(stages)) + len(ground.transitions & set(steps)))
    told = "order" if len(planned) == 1 else "orders"
    docket.note(
        PLAN_ORDERS, f"{len(planned)} {told} planned: {len(stages)} stages, {len(steps)} steps between them"
    )
    _refute_harm(docket, PLAN_ORDERS, ground, (*stages, *steps), replay)
    _lack_unseen(docket, PLAN_ORDERS, ground.unseen(planned))


def judge_rule(docket: Docket, ground: Ground, orders: Sequence[Order], replay: str) -> None:
    """Judges O2: exactly the orders that keep to what is promised are safe.

    A rule that asks for more refutes it. One that asks for less leaves it unknown: the harm that the rule is made of
    was not seen, so nobody knows whether it would be.
    """
    docket.by(RULE, Method.EXHAUSTIVE)
    docket.saw(RULE, len(orders))
    _lack_unseen(docket, RULE, ground.unseen(orders))
    rule = derive_rule(orders, ground.unsafe)
    docket.note(RULE, f"derived: {rule.words()}; {rule.safe} of {rule.total} orders are safe")
    if rule.expressible and set(rule.constraints) == set(PROMISED):
        return
    promised = allowed_orders(orders, PROMISED)
    path = minimal_unsafe_order(promised, ground.unsafe)
    if path is None:
        docket.lack(RULE, f"the rule asks for less than what is promised: {rule.words()}")
        return
    harm = harm_at_end(ground, path.order, by_step=path.by_step)
    told = harm.finding(RULE, replay)
    condition = f"{path.order.words}; {told.condition}"
    docket.refute(replace(told, condition=condition, effect=f"the rule is: {rule.words()}; {told.effect}"))


def judge_in_flight(docket: Docket, journeys: Sequence[Journey], policy: Policy, replay: str) -> None:
    """Judges O3: a request that was open across a step is served and accounted for by the build that had it."""
    reference = reference_of(journeys)
    docket.by(IN_FLIGHT, Method.EXHAUSTIVE)
    passages = [
        (journey, passage)
        for journey in journeys
        for passage in journey.passages
        if is_promised(passage.crossing.transition) and passage.refusal is None
    ]
    for journey, passage in passages:
        for seen in passage.held:
            docket.saw(IN_FLIGHT)
            effect = harm_of(seen, reference) or _wrong_value(seen, policy)
            if effect is not None:
                harm = Harm(passage.crossing.transition, "", effect, seen, cause_of(seen, journey))
                docket.refute(harm.finding(IN_FLIGHT, replay))
    taken = len({passage.crossing.transition for _, passage in passages})
    docket.note(IN_FLIGHT, f"held before the headers and mid-stream across {taken} different steps")


def judge_swaps(docket: Docket, journeys: Sequence[Journey], replay: str) -> None:
    """Judges O4: while a replica is replaced, every request of the traffic is served and leaves its rows."""
    reference = reference_of(journeys)
    for journey in journeys:
        for passage in journey.passages:
            if not passage.traffic or not is_promised(passage.crossing.transition):
                continue
            docket.saw(SWAPS)  # a swap each: how many requests there were is a matter of time
            for seen in passage.traffic:
                effect = harm_of(seen, reference)
                if effect is not None:
                    harm = Harm(passage.crossing.transition, "", effect, seen, cause_of(seen, journey))
                    docket.refute(harm.finding(SWAPS, replay))
    docket.note(SWAPS, "swaps under continuous traffic; a refused connection goes to the other replica")


def judge_roll_backs(docket: Docket, ground: Ground, survey: Survey, replay: str) -> None:
    """Judges O5: with one step taken back at any time, nothing does harm but a replica ahead of the column."""
    docket.by(ROLL_BACKS, Method.EXHAUSTIVE)
    docket.saw(ROLL_BACKS, len(survey.orders))
    docket.note(ROLL_BACKS, survey.words)
    places: tuple[Place, ...] = (*survey.stages, *survey.transitions)
    _refute_harm(docket, ROLL_BACKS, ground, [place for place in places if is_promised(place)], replay)
    _lack_unseen(docket, ROLL_BACKS, ground.unseen(survey.orders))


def _refute_harm(docket: Docket, claim: str, ground: Ground, places: Sequence[Place], replay: str) -> None:
    where = set(places)
    for harm in ground.harms:
        if harm.place in where:
            docket.refute(harm.finding(claim, replay))


def _lack_unseen(docket: Docket, claim: str, unseen: Sequence[str]) -> None:
    if unseen:
        more = f" and {len(unseen) - 1} more" if len(unseen) > 1 else ""
        docket.lack(claim, f"not looked at: {unseen[0]}{more}")


def _wrong_value(seen: Observation, policy: Policy) -> str | None:
    expected, stored = expected_value(seen, policy), seen.rows[0].value
    if stored == expected:
        return None
    return f"stored {describe_value(stored)}, expected {describe_value(expected)}"
