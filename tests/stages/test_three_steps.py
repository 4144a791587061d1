"""Three steps more: as many orders as there are, the rule and the smallest unsafe one in a moment, each break real."""

import time
from dataclasses import replace

import pytest

from harness.database.scripts import Script
from harness.rehearsal.build_phase import BuildPhase
from harness.stages import prepared
from harness.stages.analysis import analyse
from harness.stages.environment import running_stage
from harness.stages.model import Stage, StageModel, after, stage_configs
from harness.stages.of_rollout import plan_model, plan_order_of
from harness.stages.orders import OrderGraph, order_of
from harness.stages.paths import config_transitions, plan_paths
from harness.stages.runs import StepRefused
from harness.stages.safety import expected_unsafe, is_promised, is_refused
from harness.stages.schema import Schema
from harness.stages.stack import Stack
from harness.stages.steps import Step, StepAction, StepState, Version
from harness.sut.observation import Observation
from tests.fix_three_steps import MODEL, ROLLOUT

BEFORE, AFTER = Version.BEFORE, Version.AFTER
SECONDS_MAX = 10.0
"""A moment even on a machine that is busy; alone it is a tenth of a second."""

ADD, ADD_2 = (MODEL.step(StepAction.DO, name) for name in ("add the column", "add the second column"))
FILL, REQUIRE = (
    MODEL.step(StepAction.DO, name) for name in ("fill in the second column", "make it mandatory")
)
START_BUILD = MODEL.step(StepAction.START)
SWAP_1, SWAP_2 = (MODEL.step(StepAction.SWAP, number) for number in (1, 2))


def test_rule_of_120960_orders_is_derived_in_a_moment() -> None:
    began = time.process_time()
    graph = OrderGraph(MODEL)
    safety = analyse(graph, expected_unsafe(MODEL), plan_order_of(ROLLOUT, MODEL))
    assert time.process_time() - began < SECONDS_MAX
    assert graph.count == 120_960
    assert safety.rule is not None
    assert safety.rule.safe == 5_478
    assert safety.rule.expressible
    assert str(safety.rule) == (
        'add the second column, but not while "build the index" is under way;'
        ' make it mandatory, but not while "build the index" is under way;'
        " add the column before any `after` replica; add the second column before any `after` replica;"
        ' swap every replica before "fill in the second column"; release the extension at any time'
    )
    assert safety.smallest_unsafe is not None
    assert str(safety.smallest_unsafe.order) == "swap replica 1"


@pytest.mark.parametrize(("replicas", "count"), [(2, 120_960), (5, 316_008_000)])
def test_orders_are_counted_for_as_many_replicas(replicas: int, count: int) -> None:

    assert OrderGraph(StageModel(MODEL.sql, replicas, MODEL.release, expected=MODEL.expected)).count == count


def test_plans_order_is_safe_and_fresh_to_its_end() -> None:
    steps = plan_order_of(ROLLOUT, MODEL).steps
    order = order_of(steps, MODEL.start)
    assert all(map(is_promised, order.stages))
    assert all(map(is_promised, order.transitions))
    assert order.stages[-1] == MODEL.arrived


async def walked(shared: Stack, *steps: Step) -> tuple[list[Observation], str]:
    """One request to each replica after each step; and what refused the last step, by its SQLSTATE."""
    seen: list[Observation] = []
    number = 0
    async with running_stage(shared, MODEL.start) as environment:
        caller = await shared.caller(environment.dsn)
        for step in steps:
            try:
                await environment.take(step)
            except Exception as error:
                return seen, str(getattr(error, "sqlstate", error))
            number += 1
            probes = [
                [caller.probe((), address=f"2001:db8::{number}:{at}")]
                for at in range(len(environment.replicas))
            ]
            seen += await environment.observe(probes)
    return seen, ""


def lost(seen: list[Observation]) -> set[str]:
    return {one.served_by for one in seen if not one.rows}


@pytest.mark.parametrize("steps", [(SWAP_1,), (ADD, SWAP_1), (ADD_2, SWAP_1)], ids=str)
async def test_backend_ahead_of_either_column_loses_rows(its_stack: Stack, steps: tuple[Step, ...]) -> None:
    seen, refused = await walked(its_stack, *steps)
    assert (lost(seen), refused) == ({"after"}, "")
    assert not is_promised(order_of(steps, MODEL.start).stages[-1])


async def test_rows_filled_in_too_early_have_the_last_step_refused(its_stack: Stack) -> None:
    steps = (ADD, ADD_2, SWAP_1, FILL, SWAP_2, REQUIRE)
    order = order_of(steps, MODEL.start)
    assert not is_promised(order.transitions[-1])
    assert all(map(is_promised, order.stages[:-1]))
    seen, refused = await walked(its_stack, *steps)
    assert (lost(seen), refused) == (set(), "23502")


BUILDING = order_of((ADD, START_BUILD), MODEL.start).stages[-1]
READY_BUT_BUILDING = order_of((ADD, ADD_2, SWAP_1, SWAP_2, FILL, START_BUILD), MODEL.start).stages[-1]


@pytest.mark.parametrize(
    ("stage", "step"), [(BUILDING, ADD_2), (READY_BUT_BUILDING, REQUIRE)], ids=["add", "require"]
)
async def test_alter_table_gives_up_while_the_index_is_built(
    its_stack: Stack, stage: Stage, step: Step
) -> None:
    assert is_refused(stage, step)
    assert is_promised(stage)
    for phase in (BuildPhase.BEFORE_BUILD, BuildPhase.OLD_SNAPSHOTS):
        async with running_stage(its_stack, stage, phase) as environment:
            with pytest.raises(StepRefused, match="55P03"):
                await environment.take(step)


async def test_step_without_a_limit_of_its_own_gives_up_too(its_stack: Stack) -> None:
    statement = "ALTER TABLE microdollar_usage_metadata ADD COLUMN id_origin text;"
    schema = Schema(replaced={ADD_2.name: Script("without_limit.sql", statement)})
    async with running_stage(
        replace(its_stack, schema=schema), BUILDING, BuildPhase.BEFORE_BUILD
    ) as environment:
        with pytest.raises(StepRefused, match="55P03"):
            await environment.take(ADD_2)


async def test_rows_are_filled_in_while_the_index_is_built(its_stack: Stack) -> None:
    stage = order_of((ADD, ADD_2, SWAP_1, SWAP_2, START_BUILD), MODEL.start).stages[-1]
    assert is_promised((stage, FILL))
    async with running_stage(its_stack, stage, BuildPhase.BEFORE_BUILD) as environment:
        await environment.take(FILL)


def test_nothing_of_the_plans_own_steps_is_kept_out() -> None:
    model = plan_model()
    places = [(stage, step) for stage in model.stages for step in stage.moves]
    assert not any(is_refused(*place) for place in places)


async def test_stage_that_is_mandatory_has_nothing_to_refuse(its_stack: Stack) -> None:
    """Where nothing was written between, NOT NULL was taken too early: an old replica meets it, and loses its rows."""
    stage = MODEL.stage(done=(ADD.name, ADD_2.name, REQUIRE.name))
    stale = replace(
        stage,
        schema=tuple(
            StepState.STALE if step.data else state
            for step, state in zip(MODEL.sql, stage.schema, strict=True)
        ),
    )
    assert stale in MODEL.stages
    async with running_stage(its_stack, stale) as environment:
        caller = await its_stack.caller(environment.dsn)
        probes = [[caller.probe((), address=f"2001:db8::{at}")] for at in range(len(environment.replicas))]
        assert lost(await environment.observe(probes)) == {"before"}


def test_step_that_is_refused_ends_its_path() -> None:
    survey = OrderGraph(MODEL).survey()
    paths = plan_paths(
        config_transitions(survey.transitions, every_phase=False), stage_configs(survey.stages)
    )
    for path in paths:
        assert not any(is_refused(*step.transition.of_stage) for step in path.steps[:-1])
    refused = [
        path.steps[-1] for path in paths if path.steps and is_refused(*path.steps[-1].transition.of_stage)
    ]
    assert not any(step.probed for step in refused)
    taken = {step.transition.of_stage for path in paths for step in path.steps if step.in_flight}
    probed = {path.start for path in paths if path.probed}
    probed |= {step.transition.end for path in paths for step in path.steps if step.probed}
    assert (taken, probed) == (set(survey.transitions), set(stage_configs(survey.stages)))


async def test_stage_that_is_stale_is_stale_for_real(its_stack: Stack) -> None:
    stage = order_of((ADD, ADD_2, FILL, SWAP_1, SWAP_2), MODEL.start).stages[-1]
    async with running_stage(its_stack, stage) as environment:
        with pytest.raises(Exception, match="23502"):
            await environment.take(REQUIRE)


async def test_old_replica_loses_rows_once_the_column_is_mandatory(its_stack: Stack) -> None:
    steps = (ADD, ADD_2, SWAP_1, SWAP_2, FILL, REQUIRE)
    stage = order_of(steps, MODEL.start).stages[-1]
    assert is_promised(stage)
    seen, refused = await walked(its_stack, *steps)
    assert (lost(seen), refused) == (set(), "")
    revert = MODEL.step(StepAction.REVERT, 2)
    assert not is_promised(after(stage, revert))
    seen, _ = await walked(its_stack, *steps, revert)
    assert lost(seen) == {"before"}


async def test_plans_order_of_all_steps_is_taken_for_real(its_stack: Stack) -> None:
    seen, refused = await walked(its_stack, *plan_order_of(ROLLOUT, MODEL).steps)
    assert (lost(seen), refused) == (set(), "")


@pytest.mark.parametrize("is_last", [False, True], ids=["as planned", "deployed last"])
async def test_old_statement_has_to_work_while_an_old_replica_runs(
    its_stack: Stack, monkeypatch: pytest.MonkeyPatch, is_last: bool
) -> None:
    order = plan_order_of(ROLLOUT, MODEL)
    if is_last:
        swaps_last = sorted(order.steps, key=lambda step: step.action is StepAction.SWAP)
        monkeypatch.setattr(prepared, "plan_order_of", lambda *_: order._replace(steps=tuple(swaps_last)))
    old, *_ = await prepared.prepared_results(its_stack)
    assert old.still_works is not is_last
    assert is_last is ("23502" in "".join(old.refusals))
