"""Random exploration: silent about the reference, loud about a build that loses or doubles rows, and repeatable."""

import asyncio

import pytest

from harness.checks.exploration import exploration_lines
from harness.clients.extension import ExtensionBuild
from harness.database.templates import Templates
from harness.errors import UsageError
from harness.stages.environment import BuildPair, Stack, running_stage, stack
from harness.stages.exploration import Exploration
from harness.stages.exploration_stats import ExplorationStats
from harness.stages.faults import AHEAD, OUTCOMES, Fault, RequestPlan, expected_rows
from harness.stages.machine import Budget, explore
from harness.stages.machine import replay as replay_again
from harness.stages.matrix import addresses
from harness.stages.paths import ConfigTransition, transitions_from
from harness.stages.steps import Step
from tests.fix_stages import ADD_COLUMN, AFTER, BASE, BEFORE, READY, START, SWAP_1, at

HALF_WAY = at(READY, (AFTER, BEFORE), released=True)
EVERY = tuple(
    RequestPlan(fault, extension, stream)
    for fault in Fault
    for extension in ExtensionBuild
    for stream in (False, True)
)
TO_SEND = tuple(plan_ for plan_ in EVERY if not OUTCOMES[plan_.fault].disconnects)


def transition(exploration: Exploration, step: Step) -> ConfigTransition:
    return next(each for each in transitions_from(exploration.config) if each.step == step)


@pytest.mark.parametrize("replica", [0, 1])
async def test_every_fault_leaves_what_the_table_says(shared: Stack, replica: int) -> None:
    async with running_stage(shared, HALF_WAY) as environment:
        exploration = await Exploration.on(environment, addresses())
        await exploration.send(replica, TO_SEND)
        await exploration.hold(replica, EVERY)
        await exploration.kill()
        await exploration.release()
        await exploration.hold(replica, (RequestPlan(Fault.NONE, ExtensionBuild.AFTER, False),) * 6)
        await exploration.release(kill_one=True)
        assert await exploration.discrepancies() == ()
    assert len(exploration.ended) == len(TO_SEND) + len(EVERY) + 6


async def test_rows_are_lost_only_ahead_of_the_column(shared: Stack) -> None:
    ahead = at(BASE, (AFTER, BEFORE), released=False)
    no_fault = (RequestPlan(Fault.NONE, ExtensionBuild.BEFORE, True),) * 3
    async with running_stage(shared, ahead) as environment:
        exploration = await Exploration.on(environment, addresses())
        await exploration.hold(0, no_fault)
        await exploration.send(0, no_fault)
        await exploration.take(transition(exploration, ADD_COLUMN))
        await exploration.release()
        assert await exploration.discrepancies() == ()
    assert [request.why for request in exploration.ended] == [AHEAD] * 3 + [""] * 3


async def test_requests_held_at_a_replica_that_is_swapped_end(shared: Stack) -> None:
    async with running_stage(shared, START) as environment:
        exploration = await Exploration.on(environment, addresses())
        await exploration.hold(0, EVERY)
        await exploration.take(transition(exploration, SWAP_1))
        assert exploration.held == []
        await exploration.send(1, TO_SEND)
        assert await exploration.discrepancies() == ()


async def explored(templates: Templates, budget: Budget, seed: int, after: str = "after") -> ExplorationStats:
    stats = ExplorationStats()
    async with stack(templates, "strict", BuildPair(after=after)) as shared:
        await asyncio.to_thread(explore, shared, budget, seed, stats)
    return stats


async def replayed(templates: Templates, reproduction: str, after: str) -> ExplorationStats:
    async with stack(templates, "strict", BuildPair(after=after)) as shared:
        return await asyncio.to_thread(replay_again, shared, reproduction)


@pytest.mark.parametrize("reproduction", ["", "12345678", "0123abcdnot-base-64", "00000000eNpjYAACAAAEAAE"])
async def test_reproduction_of_no_program_is_a_usage_error(templates: Templates, reproduction: str) -> None:
    with pytest.raises(UsageError, match=r"is (no reproduction|of another version)"):
        await replayed(templates, reproduction, "after")


async def test_reference_has_no_failure_and_a_seed_repeats_a_run(templates: Templates) -> None:
    first, second = [await explored(templates, Budget(2, 8), 3) for _ in range(2)]
    assert first.smallest is None
    assert exploration_lines(first) == exploration_lines(second)
    assert first.programs >= 2
    assert first.requests.total() > 0


async def test_exploration_that_is_stopped_starts_nothing(templates: Templates) -> None:
    stats = ExplorationStats()
    stats.stop()
    async with stack(templates, "strict") as shared:
        await asyncio.to_thread(explore, shared, Budget(3, 5), 0, stats)
    assert stats.programs == 0


def test_faults_lose_a_row_only_as_before_or_ahead_of_the_column() -> None:
    for fault in Fault:
        rows, why = expected_rows(fault, BEFORE, START)
        assert rows == OUTCOMES[fault].rows
        assert bool(why) is (rows == 0)
        ahead, because = expected_rows(fault, AFTER, START)
        assert ahead == 0
        assert because == (AHEAD if rows else why)
