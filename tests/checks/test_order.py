"""What is harm, and what follows from it for stages, steps and the rule; on journeys that are written down."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from harness import plan
from harness.checks.harm import PROMISED, Ground, harm_of, is_promised, reference_of, survey_ground
from harness.checks.order import (
    judge_in_flight,
    judge_plan_orders,
    judge_roll_backs,
    judge_rule,
    judge_swaps,
    planned_orders,
)
from harness.checks.order_evidence import derive, gather
from harness.clients.exchange import HeaderLine, Outcome, Reply
from harness.clients.extension import Auth, ExtensionBuild, derived_id, plan_header
from harness.database.schema_state import SchemaState
from harness.rule.policy import STRICT
from harness.stages.itinerary import Walk, crossings_of, itinerary
from harness.stages.journey import Growth, Journey, Visit
from harness.stages.matrix import MACHINE, SignedIn, probe
from harness.stages.model import START, Stage, Step, Version, stand_ups
from harness.stages.orders import (
    FORWARD,
    ONE_ROLL_BACK,
    distinct_stages,
    distinct_transitions,
    survey,
)
from harness.stages.passage import Passage
from harness.stages.precedence import allowed_orders
from harness.stages.schema import StepRefused
from harness.sut import Observation, Row
from harness.verdict import Claim, Results, Status

USER = SignedIn("user-1", "user-1@example.com", "token")
ID = derived_id(MACHINE)
FORWARD_SURVEY = survey(FORWARD)
CLAIMS = (*plan.ORDER_CLAIMS, plan.RULE_CLAIM, plan.ROLL_BACK_CLAIM)

Loses = Callable[[Stage, str], bool]


def seen(
    number: int,
    version: Version,
    *,
    build: ExtensionBuild = ExtensionBuild.BEFORE,
    header: tuple[HeaderLine, ...] = (),
    lost: bool = False,
    value: str | None = None,
    status: int = 200,
) -> Observation:
    """One anonymous request that was answered, and its rows unless they are lost."""
    address = f"2001:db8::{number:x}"
    one = probe(
        USER, address, build, Auth.ANONYMOUS, kind="valid" if header else "none", lines=header, stream=False
    )
    body = json.dumps({"id": f"gen-{number}", "ok": status == 200}).encode()
    row = Row(f"usage-{number}", one.user, f"metadata-{number}", f"gen-{number}", value)
    reply = Reply(Outcome.REPLY, status, ((b"content-type", b"application/json"),), body)
    when = datetime(2025, 11, 1, tzinfo=UTC)
    return Observation(one, reply, () if lost else (row,), str(version), "a stage", when)


def field_of(stage: Stage, number: int, loses: Loses, place: str) -> tuple[Observation, ...]:
    """What the field sends to the second replica of a stage; the rows of all are lost where `loses` says so."""
    version = stage.replicas[1]
    lost = loses(stage, place)
    quiet = seen(number, version, lost=lost)
    if not stage.extension_released:
        return (quiet,)
    value = ID if version is Version.AFTER else None
    after = ExtensionBuild.AFTER
    return (
        quiet,
        seen(number + 1, version, build=after, header=plan_header(ID), lost=lost, value=value),
    )


def journeys_where(loses: Loses, walks: tuple[Walk, ...] | None = None) -> tuple[Journey, ...]:
    """Every walk of the forward orders, gone without a server."""
    if walks is None:
        crossings = crossings_of(FORWARD_SURVEY.transitions, every_half_way=False)
        walks = itinerary(crossings, stand_ups(FORWARD_SURVEY.stages))
    journeys = []
    for walk in walks:
        visits, passages, number = [], [], walk.number * 0x1000
        if walk.probed:
            visits.append(Visit(walk.start, field_of(walk.start.stage, number, loses, "stage")))
        for leg in walk.legs:
            number += 4
            if leg.crossed:
                held = field_of(leg.crossing.start.stage, number, loses, str(leg.crossing.step))
                swap = leg.crossing.step in (Step.SWAP_1, Step.SWAP_2)
                passages.append(Passage(leg.crossing, held, held if swap else (), None))
            if leg.probed:
                end = leg.crossing.end
                visits.append(Visit(end, field_of(end.stage, number + 2, loses, "stage")))
        journeys.append(Journey(walk, tuple(visits), tuple(passages), Growth(0, 0), {}, None))
    return tuple(journeys)


def never(_stage: Stage, _place: str) -> bool:
    return False


def ahead(stage: Stage, _place: str) -> bool:
    return not is_promised(stage)


def judged(journeys: tuple[Journey, ...], claims: tuple[Claim, ...] = CLAIMS) -> dict[str, Status]:
    results = Results(tuple(replace(claim, least=1) for claim in claims))
    ground = survey_ground(journeys)
    judge_plan_orders(results, ground, planned_orders(FORWARD_SURVEY.orders), "again")
    judge_rule(results, ground, FORWARD_SURVEY.orders, "again")
    judge_in_flight(results, journeys, STRICT, "again")
    judge_swaps(results, journeys, "again")
    return {one.claim.id: one.status for one in results.judgements()}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, None),
        ({"lost": True}, "found 0"),
        ({"status": 400}, "not the one that the old backend gave"),
        ({"value": ID}, "expected NULL"),
    ],
)
def test_harm_is_a_lost_row_another_reply_or_a_value_where_none_belongs(
    changed: dict[str, bool], told: str | None
) -> None:
    reference = reference_of(journeys_where(never))
    harm = harm_of(seen(1, Version.BEFORE, **changed), reference)  # type: ignore[arg-type]
    assert harm is None if told is None else harm is not None and told in harm


def test_harm_is_two_rows_and_rows_of_somebody_else_and_no_reply() -> None:
    reference = reference_of(journeys_where(never))
    good = seen(1, Version.BEFORE)
    twice = replace(good, rows=good.rows * 2)
    other = replace(good, rows=(replace(good.rows[0], user="anon:::1"),))
    silent = replace(good, reply=Reply(Outcome.TIMEOUT, 0))
    half = replace(good, rows=(replace(good.rows[0], metadata_id=None),))
    assert [harm_of(one, reference) is not None for one in (good, twice, other, silent, half)] == [
        False,
        True,
        True,
        True,
        True,
    ]


def test_harm_is_not_what_an_old_extension_never_sends() -> None:
    reference = reference_of(journeys_where(never))
    curious = seen(1, Version.BEFORE, header=plan_header(ID), status=400)
    assert harm_of(curious, reference) is None
    assert harm_of(replace(curious, probe=replace(curious.probe, extension=ExtensionBuild.AFTER)), reference)


def test_promised_places_are_those_of_the_orders_that_keep_the_column_first() -> None:
    kept = allowed_orders(FORWARD_SURVEY.orders, PROMISED)
    assert {one for one in FORWARD_SURVEY.stages if is_promised(one)} == set(distinct_stages(kept))
    assert {one for one in FORWARD_SURVEY.transitions if is_promised(one)} == set(distinct_transitions(kept))


def test_orders_are_proven_with_the_rule_when_only_a_replica_ahead_of_the_column_loses() -> None:
    journeys = journeys_where(ahead)
    assert judged(journeys) == dict.fromkeys(("O1", "O2", "O3", "O4"), Status.PROVEN) | {"O5": Status.UNKNOWN}
    derived = derive(FORWARD_SURVEY.orders, survey_ground(journeys))
    assert derived.rule == "add the column before any `after` replica; release the extension at any time"
    assert derived.safe_orders == 450
    assert any("swap replica 1" in line for line in derived.minimal_unsafe_order)
    assert any("reply    200" in line for line in derived.minimal_unsafe_order)
    assert any("no usage row" in line for line in derived.minimal_unsafe_order)


def test_rule_is_unknown_when_the_harm_it_is_made_of_was_not_seen() -> None:
    assert judged(journeys_where(never)) | {"O2": Status.UNKNOWN} == judged(journeys_where(ahead)) | {
        "O2": Status.UNKNOWN
    }
    assert judged(journeys_where(never))["O2"] is Status.UNKNOWN


def test_rule_is_refuted_when_the_extension_must_wait_for_the_backend() -> None:
    def refusing(stage: Stage, place: str) -> bool:
        return ahead(stage, place) or (stage.extension_released and Version.BEFORE in stage.replicas)

    found = judged(journeys_where(refusing))
    assert found["O2"] is Status.REFUTED
    assert found["O1"] is Status.PROVEN, "the plan's own order keeps the backend first"


def test_plan_orders_are_refuted_by_harm_at_one_of_their_stages_and_by_harm_across_one_of_their_steps() -> (
    None
):
    def at_stage(stage: Stage, place: str) -> bool:
        return place == "stage" and stage == Stage(
            SchemaState.READY, (Version.AFTER, Version.AFTER), extension_released=True
        )

    def across(stage: Stage, place: str) -> bool:
        return place == Step.ADD_COLUMN and stage == START

    assert judged(journeys_where(at_stage))["O1"] is Status.REFUTED
    found = judged(journeys_where(across))
    assert (found["O1"], found["O3"]) == (Status.REFUTED, Status.REFUTED)


def test_plan_orders_are_unknown_when_one_of_their_stages_was_not_looked_at() -> None:
    journeys = journeys_where(ahead)
    gone = Stage(SchemaState.READY, (Version.AFTER, Version.AFTER), extension_released=True)
    left = tuple(
        replace(one, visits=tuple(visit for visit in one.visits if visit.stand_up.stage != gone))
        for one in journeys
    )
    found = judged(left)
    assert (found["O1"], found["O2"]) == (Status.UNKNOWN, Status.UNKNOWN)


def test_stage_counts_as_looked_at_only_with_all_its_half_way_states_unless_one_is_enough() -> None:
    journeys = journeys_where(never)
    building = next(one for one in FORWARD_SURVEY.stages if one.schema is SchemaState.BUILDING)
    first = stand_ups([building])[0]
    left = tuple(
        replace(
            one,
            visits=tuple(
                visit
                for visit in one.visits
                if visit.stand_up.stage != building or visit.stand_up.half_way == first.half_way
            ),
        )
        for one in journeys
    )
    assert building in survey_ground(journeys).stages
    assert building not in survey_ground(left).stages
    assert building in survey_ground(left, every_half_way=False).stages


def test_step_that_the_server_refuses_is_harm_with_its_sqlstate() -> None:
    journeys = journeys_where(never)
    first = journeys[0].passages[0]
    refused = StepRefused(first.crossing.step, "23502", "column contains null values")
    broken = (
        replace(journeys[0], passages=(replace(first, refusal=refused),), refusal=refused),
        *journeys[1:],
    )
    ground = survey_ground(broken)
    harm = next(one for one in ground.harms if one.place == first.crossing.transition)
    assert "23502" in harm.effect
    assert judged(broken)["O1"] is Status.REFUTED


def test_swaps_are_refuted_by_a_request_of_the_traffic_that_is_not_served() -> None:
    journeys = journeys_where(ahead)
    at, passage = next(
        (place, one)
        for place, journey in enumerate(journeys)
        for one in journey.passages
        if one.traffic and is_promised(one.crossing.transition)
    )
    lost = replace(passage.traffic[0], reply=Reply(Outcome.REFUSED, 0, reason="closed without a reply"))
    passages = tuple(
        replace(one, traffic=(lost,)) if one is passage else one for one in journeys[at].passages
    )
    broken = (*journeys[:at], replace(journeys[at], passages=passages), *journeys[at + 1 :])
    assert judged(broken)["O4"] is Status.REFUTED


def test_roll_backs_forgive_only_a_replica_ahead_of_the_column() -> None:
    around = survey(ONE_ROLL_BACK)
    walks = itinerary(crossings_of(around.transitions, every_half_way=True), stand_ups(around.stages))

    def status(loses: Loses) -> Status:
        results = Results((plan.ROLL_BACK_CLAIM,))
        judge_roll_backs(results, survey_ground(journeys_where(loses, walks)), around, "again")
        return results.judgements()[0].status

    assert status(ahead) is Status.PROVEN
    assert status(lambda stage, place: ahead(stage, place) or place == Step.ROLL_BACK_INDEX) is Status.REFUTED


def test_evidence_counts_what_was_enumerated_stood_up_and_taken() -> None:
    journeys = journeys_where(ahead)
    ground = survey_ground(journeys)
    found = gather(FORWARD_SURVEY, ground, journeys, derive(FORWARD_SURVEY.orders, ground))
    assert (found.orders, found.orders_total, found.stages, found.stand_ups, found.steps) == (
        624,
        624,
        40,
        64,
        100,
    )
    assert len(found.forbidden_stages) == 6
    assert json.loads(json.dumps(found.section()))["rule"]["safe_orders"] == 450
    assert any("624/624 orders" in line for line in found.lines())
    assert isinstance(ground, Ground)
