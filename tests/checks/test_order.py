"""What is harm, and what follows from it for stages, steps and the rule; on runs that are written down."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import to_builtins

from harness import plan
from harness.checks.order import (
    DerivedRule,
    HeldRequests,
    PlannedOrders,
    RolledBack,
    SwapTraffic,
    planned_orders,
)
from harness.checks.order_evidence import OrdersEvidence
from harness.checks.registry import run_checks
from harness.checks.violations import find_violations, reference_of, violation_in
from harness.clients.exchange import HeaderLine, Outcome, Reply
from harness.clients.extension import ExtensionBuild, plan_header
from harness.clients.id_client import plans_client
from harness.probing.probe_factory import plan_caller
from harness.rule.policy import STRICT
from harness.stages.analysis import analyse
from harness.stages.matrix import MACHINE
from harness.stages.model import Stage, stage_configs
from harness.stages.orders import FORWARD, ONE_ROLL_BACK, OrderGraph, survey
from harness.stages.paths import StagePath, config_transitions, plan_paths
from harness.stages.precedence import keeping
from harness.stages.runs import Growth, PathRun, StageRun, StepRefused, TransitionRun
from harness.stages.safety import is_promised
from harness.stages.steps import Version
from harness.sut.observation import Observation, Row
from harness.verdict import Claim, Results, Status
from tests.fix_stages import (
    ADD_COLUMN,
    AFTER,
    BEFORE,
    BUILDING,
    MODEL,
    PLAN,
    READY,
    RELEASED,
    ROLL_BACK_INDEX,
    START,
    SWAP_1,
    SWAP_2,
    at,
)

ID = plans_client().derived_id(MACHINE)
FORWARD_SURVEY = survey(MODEL, FORWARD)
FORWARD_ORDERS = OrderGraph(MODEL)
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
    kind = "valid" if header else "none"
    one = plan_caller().probe(header, address=address, kind=kind, extension=build)
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
    value = ID if version is AFTER else None
    after = ExtensionBuild.AFTER
    return (
        quiet,
        seen(number + 1, version, build=after, header=plan_header(ID), lost=lost, value=value),
    )


def runs_where(loses: Loses, paths: tuple[StagePath, ...] | None = None) -> tuple[PathRun, ...]:
    """Every path of the forward orders, run without a server."""
    if paths is None:
        transitions = config_transitions(FORWARD_SURVEY.transitions, every_phase=False)
        paths = plan_paths(transitions, stage_configs(FORWARD_SURVEY.stages))
    return tuple(run_where(loses, path) for path in paths)


def run_where(loses: Loses, path: StagePath) -> PathRun:
    stages, transitions, number = [], [], path.number * 0x1000
    if path.probed:
        stages.append(StageRun(path.start, field_of(path.start.stage, number, loses, "stage")))
    for path_step in path.steps:
        number += 4
        transition = path_step.transition
        if path_step.in_flight:
            held = field_of(transition.start.stage, number, loses, str(transition.step))
            swap = transition.step in (SWAP_1, SWAP_2)
            transitions.append(TransitionRun(transition, held, held if swap else (), None))
        if path_step.probed:
            end = transition.end
            stages.append(StageRun(end, field_of(end.stage, number + 2, loses, "stage")))
    return PathRun(path, tuple(stages), tuple(transitions), Growth(0, 0), {}, None)


def never(_stage: Stage, _place: str) -> bool:
    return False


def ahead(stage: Stage, _place: str) -> bool:
    return not is_promised(stage)


def judged(runs: tuple[PathRun, ...], claims: tuple[Claim, ...] = CLAIMS) -> dict[str, Status]:
    results = Results(tuple(replace(claim, least=1) for claim in claims))
    evidence = find_violations(runs)
    run_checks(results, [PlannedOrders(evidence, planned_orders(FORWARD_ORDERS, PLAN), "again")])
    safety = analyse(FORWARD_ORDERS, evidence.unsafe, PLAN)
    run_checks(results, [DerivedRule(evidence, FORWARD_ORDERS, safety, "again")])
    run_checks(results, [HeldRequests(runs, STRICT, "again")])
    run_checks(results, [SwapTraffic(runs, "again")])
    return {one.claim.id: one.status for one in results.judgements()}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, None),
        ({"lost": True}, "found none"),
        ({"status": 400}, "not the one that the old backend gave"),
        ({"value": ID}, "expected NULL"),
    ],
)
def test_lost_row_other_reply_and_surplus_value_are_violations(
    changed: dict[str, bool], told: str | None
) -> None:
    reference = reference_of(runs_where(never))
    violation = violation_in(seen(1, BEFORE, **changed), reference)  # type: ignore[arg-type]
    assert violation is None if told is None else violation is not None and told in violation


def test_two_rows_another_user_and_no_reply_are_violations() -> None:
    reference = reference_of(runs_where(never))
    good = seen(1, BEFORE)
    twice = replace(good, rows=good.rows * 2)
    other = replace(good, rows=(replace(good.rows[0], user="anon:::1"),))
    silent = replace(good, reply=Reply(Outcome.TIMEOUT, 0))
    half = replace(good, rows=(replace(good.rows[0], metadata_id=None),))
    assert [violation_in(one, reference) is not None for one in (good, twice, other, silent, half)] == [
        False,
        True,
        True,
        True,
        True,
    ]


def test_what_an_old_extension_never_sends_is_no_violation() -> None:
    reference = reference_of(runs_where(never))
    curious = seen(1, BEFORE, header=plan_header(ID), status=400)
    assert violation_in(curious, reference) is None
    assert violation_in(
        replace(curious, probe=curious.probe._replace(extension=ExtensionBuild.AFTER)), reference
    )


def test_promised_places_are_those_of_column_first_orders() -> None:
    kept = FORWARD_ORDERS.within(keeping(PLAN.implied, MODEL)).survey()
    assert {one for one in FORWARD_SURVEY.stages if is_promised(one)} == set(kept.stages)
    assert {one for one in FORWARD_SURVEY.transitions if is_promised(one)} == set(kept.transitions)


def test_orders_are_proven_when_only_ahead_of_the_column_loses() -> None:
    runs = runs_where(ahead)
    assert judged(runs) == dict.fromkeys(("O1", "O2", "O3", "O4"), Status.PROVEN) | {"O5": Status.UNKNOWN}
    rule, tree = (section_of(runs)[name] for name in ("rule", "minimal_unsafe_order"))
    assert rule["words"] == "add the column before any `after` replica; release the extension at any time"
    assert rule["safe_orders"] == 450
    assert any("swap replica 1" in line for line in tree)
    assert any("reply    200" in line for line in tree)
    assert any("no usage row" in line for line in tree)


def test_rule_is_unknown_when_nothing_unsafe_was_observed() -> None:
    assert judged(runs_where(never)) | {"O2": Status.UNKNOWN} == judged(runs_where(ahead)) | {
        "O2": Status.UNKNOWN
    }
    assert judged(runs_where(never))["O2"] is Status.UNKNOWN


def test_rule_is_refuted_when_the_extension_must_wait() -> None:
    def refusing(stage: Stage, place: str) -> bool:
        return ahead(stage, place) or (stage.extension_released and BEFORE in stage.replicas)

    found = judged(runs_where(refusing))
    assert found["O2"] is Status.REFUTED
    assert found["O1"] is Status.PROVEN, "the plan's own order keeps the backend first"


def test_o1_is_refuted_by_an_unsafe_stage_and_an_unsafe_step() -> None:
    def at_stage(stage: Stage, place: str) -> bool:
        return place == "stage" and stage == RELEASED

    def across(stage: Stage, place: str) -> bool:
        return place == str(ADD_COLUMN) and stage == START

    assert judged(runs_where(at_stage))["O1"] is Status.REFUTED
    found = judged(runs_where(across))
    assert (found["O1"], found["O3"]) == (Status.REFUTED, Status.REFUTED)


def test_o1_is_unknown_when_a_stage_was_not_covered() -> None:
    runs = runs_where(ahead)
    gone = at(READY, (AFTER, AFTER), released=True)
    left = tuple(
        replace(one, stages=tuple(stage_run for stage_run in one.stages if stage_run.config.stage != gone))
        for one in runs
    )
    found = judged(left)
    assert (found["O1"], found["O2"]) == (Status.UNKNOWN, Status.UNKNOWN)


def test_stage_is_covered_in_every_build_phase_or_in_one() -> None:
    runs = runs_where(never)
    building = next(one for one in FORWARD_SURVEY.stages if one.schema == BUILDING)
    first = stage_configs([building])[0]
    left = tuple(
        replace(
            one,
            stages=tuple(
                stage_run
                for stage_run in one.stages
                if stage_run.config.stage != building or stage_run.config.build_phase == first.build_phase
            ),
        )
        for one in runs
    )
    assert building in find_violations(runs).stages
    assert building not in find_violations(left).stages
    assert building in find_violations(left, every_phase=False).stages


def test_refused_step_is_a_violation_with_its_sqlstate() -> None:
    runs = runs_where(never)
    first = runs[0].transitions[0]
    refused = StepRefused(first.transition.step, "23502", "column contains null values")
    broken = (
        replace(runs[0], transitions=(replace(first, refusal=refused),), refusal=refused),
        *runs[1:],
    )
    evidence = find_violations(broken)
    violation = next(one for one in evidence.violations if one.place == first.transition.of_stage)
    assert "23502" in violation.effect
    assert judged(broken)["O1"] is Status.REFUTED


def test_swaps_are_refuted_by_an_unserved_request() -> None:
    runs = runs_where(ahead)
    at, transition_run = next(
        (place, one)
        for place, path_run in enumerate(runs)
        for one in path_run.transitions
        if one.traffic and is_promised(one.transition.of_stage)
    )
    lost = replace(
        transition_run.traffic[0], reply=Reply(Outcome.REFUSED, 0, reason="closed without a reply")
    )
    transitions = tuple(
        replace(one, traffic=(lost,)) if one is transition_run else one for one in runs[at].transitions
    )
    broken = (*runs[:at], replace(runs[at], transitions=transitions), *runs[at + 1 :])
    assert judged(broken)["O4"] is Status.REFUTED


def test_roll_backs_forgive_only_a_replica_ahead_of_the_column() -> None:
    around = survey(MODEL, ONE_ROLL_BACK)
    paths = plan_paths(config_transitions(around.transitions, every_phase=True), stage_configs(around.stages))

    def status(loses: Loses) -> Status:
        results = Results((plan.ROLL_BACK_CLAIM,))
        run_checks(results, [RolledBack(find_violations(runs_where(loses, paths)), around, "again")])
        return results.judgements()[0].status

    assert status(ahead) is Status.PROVEN
    assert status(lambda stage, place: ahead(stage, place) or place == str(ROLL_BACK_INDEX)) is Status.REFUTED


def section_of(runs: tuple[PathRun, ...]) -> dict[str, Any]:
    evidence = find_violations(runs)
    safety = analyse(FORWARD_ORDERS, evidence.unsafe, PLAN)
    found = OrdersEvidence(MODEL, FORWARD_SURVEY, evidence, runs, safety).orders()
    read: dict[str, Any] = json.loads(json.dumps(to_builtins(found)))
    return read


def test_section_counts_what_ran_and_names_what_is_unsafe() -> None:
    section = section_of(runs_where(ahead))
    assert section["orders"] == {"enumerated": 624, "total": 624}
    assert section["stages"] == {"stood_up": 40, "total": 40}
    assert section["stand_ups"] == {"stood_up": 64, "total": 64}
    assert section["steps"] == {"taken_in_flight": 100, "total": 100}
    assert len(section["forbidden_stages"]) == 6
    assert section["forbidden_steps"] == []
    assert section["rule"]["safe_orders"] == 450


def test_section_names_unsafe_steps_between_safe_stages_only() -> None:
    def across(stage: Stage, place: str) -> bool:
        return ahead(stage, place) or (place == str(ADD_COLUMN) and AFTER not in stage.replicas)

    steps = section_of(runs_where(across))["forbidden_steps"]
    assert [step.partition(",")[0] for step in steps] == ["add the column"] * 2
