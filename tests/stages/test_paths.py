"""Walks cover what they are made for, each thing once, and lead only where the model allows."""

from collections import Counter

import pytest

from harness.rehearsal.build_phase import LEFT_BEHIND_BY
from harness.stages.model import StageConfig, stage_configs
from harness.stages.orders import FORWARD, ONE_ROLL_BACK, Bounds, order_of, survey
from harness.stages.paths import (
    DETOUR_MAX,
    STEPS_MAX,
    WAITS,
    ConfigTransition,
    StagePath,
    config_transitions,
    plan_paths,
    single_path,
    transitions_from,
)
from tests.fix_stages import (
    BEFORE,
    BUILDING,
    COLUMN,
    FINISH_BUILD,
    INTERRUPT_BUILD,
    MODEL,
    PLAN,
    ROLL_BACK_COLUMN,
    STAGES,
    START,
    START_BUILD,
    SWAP_1,
)

BOUNDS = [(FORWARD, False), (FORWARD, True), (ONE_ROLL_BACK, False), (ONE_ROLL_BACK, True)]


def paths_of(bounds: Bounds, *, every_phase: bool) -> tuple[StagePath, ...]:
    found = survey(MODEL, bounds)
    transitions = config_transitions(found.transitions, every_phase=every_phase)
    return plan_paths(transitions, stage_configs(found.stages))


@pytest.mark.catalogue
@pytest.mark.parametrize(("bounds", "every"), BOUNDS)
def test_paths_cover_each_configuration_and_transition_once(bounds: Bounds, every: bool) -> None:
    found = survey(MODEL, bounds)
    paths = paths_of(bounds, every_phase=every)
    probed = [path.start for path in paths if path.probed]
    probed += [path_step.transition.end for path in paths for path_step in path.steps if path_step.probed]
    assert Counter(probed) == Counter(stage_configs(found.stages))
    in_flight = [path_step.transition for path in paths for path_step in path.steps if path_step.in_flight]
    assert Counter(in_flight) == Counter(config_transitions(found.transitions, every_phase=every))
    assert {transition.of_stage for transition in in_flight} == set(found.transitions)


@pytest.mark.parametrize(("bounds", "every"), BOUNDS)
def test_paths_are_made_of_legal_steps(bounds: Bounds, every: bool) -> None:
    for path in paths_of(bounds, every_phase=every):
        here = path.start
        for path_step in path.steps:
            assert path_step.transition.start == here
            assert path_step.transition in transitions_from(here)
            here = path_step.transition.end
        assert len(path.steps) <= STEPS_MAX + DETOUR_MAX


def test_paths_are_few_and_the_same_every_time() -> None:
    first, second = (paths_of(FORWARD, every_phase=False) for _ in range(2))
    assert first == second
    assert len(first) < len(stage_configs(STAGES)) / 2
    assert first[0].start == StageConfig(START, None)
    assert first[0].probed


def test_paths_drop_the_column_only_where_that_is_under_test() -> None:
    for path in paths_of(FORWARD, every_phase=True):
        assert all(path_step.transition.step != ROLL_BACK_COLUMN for path_step in path.steps)
    for path in paths_of(ONE_ROLL_BACK, every_phase=True):
        assert all(
            path_step.in_flight for path_step in path.steps if path_step.transition.step == ROLL_BACK_COLUMN
        )


def test_builds_are_held_in_each_wait_and_leave_what_it_leaves() -> None:
    column = next(config for config in stage_configs(STAGES) if config.stage.schema == COLUMN)
    starts = [found for found in transitions_from(column) if found.step == START_BUILD]
    assert [found.end.build_phase for found in starts] == list(WAITS)
    for started in starts:
        ends = {found.step: found.end for found in transitions_from(started.end)}
        assert started.end.build_phase is not None
        assert ends[INTERRUPT_BUILD].build_phase is LEFT_BEHIND_BY[started.end.build_phase]
        assert ends[FINISH_BUILD].build_phase is None
        assert ends[SWAP_1].build_phase is started.end.build_phase


def test_swap_is_taken_in_one_build_phase_or_in_each() -> None:
    building = next(config.stage for config in stage_configs(STAGES) if config.stage.schema == BUILDING)
    assert building.replicas == (BEFORE, BEFORE)
    taken = [(building, SWAP_1)]
    assert len(config_transitions(taken, every_phase=False)) == 1
    every = config_transitions(taken, every_phase=True)
    assert [found.start.build_phase for found in every] == list(WAITS)
    assert all(isinstance(found, ConfigTransition) for found in every)


def test_single_path_probes_every_stage_of_its_order() -> None:
    path = single_path(StageConfig(START, None), PLAN.steps)
    stages = [path.start.stage, *(path_step.transition.end.stage for path_step in path.steps)]
    assert tuple(stages) == order_of(PLAN.steps, START).stages
    assert path.probed
    assert all(step.in_flight and step.probed for step in path.steps)
