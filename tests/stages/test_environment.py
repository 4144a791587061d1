"""Environments are real: the catalogue confirms them, steps lead where the model says, nothing is left behind."""

import asyncio
import os

import pytest

from harness.clients import wire
from harness.clients.exchange import Outcome, Request
from harness.clients.listening import is_listening
from harness.database import catalog
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script
from harness.database.templates import Templates
from harness.errors import UsageError
from harness.probing.probe_factory import plan_caller
from harness.rehearsal.build_phase import LEFT_BEHIND_BY, BuildPhase
from harness.stages.environment import BuildPair, Environment, Stack, running_stage, stack
from harness.stages.matrix import addresses, matrix
from harness.stages.model import StageConfig
from harness.stages.paths import ConfigTransition, transitions_from
from harness.stages.runs import StepRefused
from harness.stages.schema import Schema
from harness.stages.steps import Step, StepState
from harness.stages.transitions import run_transition
from tests.fix_stages import (
    ADD_COLUMN,
    AFTER,
    BASE,
    BEFORE,
    BUILDING,
    COLUMN,
    DROP_INVALID,
    FINISH_BUILD,
    INTERRUPT_BUILD,
    INVALID,
    PLAN,
    READY,
    ROLL_BACK_COLUMN,
    ROLL_BACK_INDEX,
    START,
    SWAP_1,
    at,
)

STATES = {
    SchemaState.BASE: BASE,
    SchemaState.COLUMN: COLUMN,
    SchemaState.BUILDING: BUILDING,
    SchemaState.INVALID: INVALID,
    SchemaState.READY: READY,
}


def state(environment: Environment) -> tuple[StepState, ...]:
    """What the catalogue says, as states of the steps."""
    with connect(environment.dsn) as connection:
        found = catalog.schema_state(connection)
    assert isinstance(found, SchemaState)
    return STATES[found]


def transition(environment: Environment, step: Step) -> ConfigTransition:
    return next(found for found in transitions_from(environment.config) if found.step == step)


@pytest.mark.parametrize("build_phase", list(BuildPhase))
async def test_environment_has_the_build_phase_asked_for(shared: Stack, build_phase: BuildPhase) -> None:
    schema = BUILDING if build_phase in LEFT_BEHIND_BY else INVALID
    async with running_stage(
        shared, at(schema, (BEFORE, BEFORE), released=False), build_phase
    ) as environment:
        assert state(environment) == schema
        assert environment.config.build_phase is build_phase


async def test_steps_of_the_plan_lead_where_the_model_says(shared: Stack) -> None:
    async with running_stage(shared, START) as environment:
        for step in PLAN.steps:
            await environment.take(step)
            assert state(environment) == environment.stage.schema
            assert tuple(one.version for one in environment.replicas) == environment.stage.replicas
        assert environment.stage.complete


async def test_interrupted_build_can_be_dropped_and_built_again(shared: Stack) -> None:
    column = at(COLUMN, (BEFORE, BEFORE), released=False)
    async with running_stage(shared, column) as environment:
        for way in (BuildPhase.BEFORE_VALIDATION, BuildPhase.BEFORE_BUILD):
            started = next(
                found for found in transitions_from(environment.config) if found.end.build_phase is way
            )
            await environment.apply(started)
            await environment.take(INTERRUPT_BUILD)
            assert state(environment) == INVALID
            assert environment.config.build_phase is LEFT_BEHIND_BY[way]
            await environment.take(DROP_INVALID)
        assert state(environment) == COLUMN


@pytest.mark.parametrize(
    ("schema", "step", "left"),
    [
        (READY, ROLL_BACK_INDEX, COLUMN),
        (READY, ROLL_BACK_COLUMN, BASE),
        (COLUMN, ROLL_BACK_COLUMN, BASE),
        (INVALID, ROLL_BACK_COLUMN, BASE),
    ],
    ids=str,
)
async def test_step_is_taken_back_with_what_needs_it(
    shared: Stack, schema: tuple[StepState, ...], step: Step, left: tuple[StepState, ...]
) -> None:
    phase = BuildPhase.INVALID_READY if schema == INVALID else None
    async with running_stage(shared, at(schema), phase) as environment:
        await environment.take(step)  # which compares the tables with a new database's
        assert state(environment) == environment.stage.schema == left


async def test_illegal_step_is_a_usage_error(shared: Stack) -> None:
    async with running_stage(shared, START) as environment:
        with pytest.raises(UsageError, match="cannot finish: build the index in stage"):
            await environment.take(FINISH_BUILD)
        elsewhere = StageConfig(at(COLUMN, (BEFORE, BEFORE), released=False), None)
        with pytest.raises(UsageError):
            await environment.apply(transitions_from(elsewhere)[0])


async def test_refused_step_says_why_and_changes_nothing(templates: Templates) -> None:
    script = Script(
        "not_null.sql", "ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text NOT NULL;"
    )
    async with (
        stack(templates, "strict", schema=Schema(replaced={"add the column": script})) as shared,
        running_stage(shared, START) as environment,
    ):
        with pytest.raises(StepRefused) as refusal:
            await environment.take(ADD_COLUMN)
        assert refusal.value.sqlstate == "23502"
        assert environment.stage == START
        assert state(environment) == BASE
        with pytest.raises(StepRefused):
            async with running_stage(shared, at(COLUMN, (BEFORE, BEFORE), released=False)):
                pass


async def test_matrix_leaves_one_row_each_but_ahead_of_the_column(shared: Stack) -> None:
    origin = addresses()
    async with running_stage(shared, at(BASE, (BEFORE, AFTER), released=False)) as environment:
        caller = await shared.caller(environment.dsn)
        probes = [matrix(caller, origin, released=False, thin=True) for _ in environment.replicas]
        seen = await environment.observe(probes)
        assert {len(one.rows) for one in seen if one.served_by == "before"} == {1}
        assert {len(one.rows) for one in seen if one.served_by == "after"} == {0}
        assert {one.reply.status for one in seen} == {200}
        assert {loss.sqlstate for loss in environment.losses.values()} == {"42703"}
        assert len(environment.losses) == len(probes[1])
        settled = await environment.final_rows(seen)
        assert [one.rows for one in settled] == [one.rows for one in seen]


async def test_swap_drains_while_the_replica_is_out_of_rotation(
    shared: Stack,
) -> None:
    column = at(COLUMN, (BEFORE, BEFORE), released=False)
    async with running_stage(shared, column) as environment:
        old = environment.replicas[0]
        held = plan_caller().probe((), address="2001:db8::1", stub={"hold": "drain"})
        upstream = ("127.0.0.1", shared.upstream.port)
        open_ = asyncio.create_task(wire.send(old.address, held.request))
        await wire.send(upstream, Request("/stub/held?gate=drain&count=1", (), b"", method="GET"))
        met: list[object] = []

        async def draining() -> None:
            met.append(set(environment.rotation))
            refused = await wire.send(old.address, held.request)
            met.append(refused.outcome)
            await wire.send(upstream, Request("/stub/release?gate=drain", (), b""))

        await environment.take(SWAP_1, draining)
        assert met == [{1}, Outcome.REFUSED]
        assert (await open_).status == 200
        assert environment.rotation == {0, 1}
        assert environment.replicas[0].version is AFTER
        assert environment.replicas[0].process.pid != old.process.pid


@pytest.mark.parametrize("step", [ADD_COLUMN, SWAP_1])
async def test_requests_in_flight_across_a_step_leave_their_rows(shared: Stack, step: Step) -> None:
    async with running_stage(shared, START) as environment:
        caller = await shared.caller(environment.dsn)
        transition_run = await run_transition(environment, transition(environment, step), caller, addresses())
        settled = await environment.final_rows(transition_run.held)
    assert len(settled) == 12
    assert {len(one.rows) for one in settled} == {1}
    assert {one.served_by for one in settled} == {"before"}
    assert bool(transition_run.traffic) is (step == SWAP_1)
    assert all(one.reply.status == 200 for one in transition_run.traffic)
    assert transition_run.refusal is None


async def test_refused_requests_in_flight_are_not_waited_for(templates: Templates) -> None:
    released = at(BASE, (BEFORE, BEFORE), released=True)
    builds = BuildPair(before="refuses-unknown")
    async with stack(templates, "strict", builds) as shared, running_stage(shared, released) as environment:
        caller = await shared.caller(environment.dsn)
        taken = transition(environment, ADD_COLUMN)
        transition_run = await run_transition(environment, taken, caller, addresses())
    assert {one.reply.status for one in transition_run.held if one.probe.lines} == {400}
    assert {one.reply.status for one in transition_run.held if not one.probe.lines} == {200}


async def test_environment_leaves_nothing_behind(templates: Templates) -> None:
    async with stack(templates, "strict") as shared:
        async with running_stage(
            shared,
            at(BUILDING, (BEFORE, AFTER), released=False),
            BuildPhase.OLD_SNAPSHOTS,
        ) as environment:
            replicas = list(environment.replicas)
            name = environment.dsn.rpartition("/")[2].partition("?")[0]
        assert not any([await is_listening(replica.address) for replica in replicas])
    for pid in [replica.process.pid for replica in replicas]:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with templates.database(SchemaState.BASE) as dsn, connect(dsn) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
    assert found is None
