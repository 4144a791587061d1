"""Of many replicas one of each version is probed, and one stage of each set of versions run; the others follow."""

import pytest

from harness.checks.violations import SafetyEvidence, Violation
from harness.stages.model import StageModel, stage_configs
from harness.stages.orders import OrderGraph
from harness.stages.paths import config_transitions, plan_paths
from harness.stages.safety import Unsafe, expected_unsafe, is_promised
from harness.stages.steps import StepAction, Version
from harness.stages.symmetry import Sharing
from tests.fix_stages import MODEL

BEFORE, AFTER = Version.BEFORE, Version.AFTER


def model(replicas: int) -> StageModel:
    """The plan's with so many replicas."""
    return StageModel(MODEL.sql, replicas, MODEL.release, expected=MODEL.expected)


@pytest.mark.parametrize("replicas", [3, 4, 5])
def test_as_many_environments_are_run_for_any_number_of_replicas(replicas: int) -> None:
    sharing = Sharing(model(replicas), counted=False)
    run = sharing.representatives(OrderGraph(sharing.model).survey())
    assert len(stage_configs(run.stages)) == 48
    assert len(run.transitions) == 75
    assert "share nothing is assumed" in sharing.assumption


def test_exhaustive_runs_every_number_of_swapped_replicas() -> None:
    sharing = Sharing(model(5), counted=True)
    run = sharing.representatives(OrderGraph(sharing.model).survey())
    assert len(stage_configs(run.stages)) == 96
    assert sharing.probed((AFTER, AFTER, BEFORE, BEFORE, BEFORE)) == {0, 1, 2, 3, 4}
    assert sharing.assumption == ""


def test_two_replicas_are_all_run_and_probed() -> None:
    sharing = Sharing(MODEL, counted=False)
    assert not sharing.applies
    assert sharing.probed((AFTER, BEFORE)) == {0, 1}
    assert sharing.assumption == ""


def test_first_replica_of_each_version_is_probed() -> None:
    sharing = Sharing(model(4), counted=False)
    assert sharing.probed((AFTER, AFTER, BEFORE, BEFORE)) == {0, 2}
    assert sharing.probed((BEFORE,) * 4) == {0}


def test_what_was_run_stands_for_every_stage_and_step() -> None:
    sharing = Sharing(model(5), counted=False)
    survey = OrderGraph(sharing.model).survey()
    run = sharing.representatives(survey)
    seen = SafetyEvidence(
        frozenset(run.stages),
        frozenset(run.transitions),
        tuple(Violation(stage, "", "lost") for stage in run.stages if not is_promised(stage)),
    )
    spread = seen.spread(survey, sharing)
    assert spread.stages == frozenset(survey.stages)
    assert spread.transitions == frozenset(survey.transitions)
    assert spread.uncovered(survey.stages, survey.transitions) == ()
    assert spread.unsafe.stages == expected_unsafe(sharing.model).stages


def test_what_was_not_run_is_spread_to_nobody() -> None:
    sharing = Sharing(model(3), counted=False)
    survey = OrderGraph(sharing.model).survey()
    run = sharing.representatives(survey)
    mixed = next(stage for stage in run.stages if len(set(stage.replicas)) == 2)
    left = SafetyEvidence(frozenset(run.stages) - {mixed}, frozenset(run.transitions), ())
    missing = set(survey.stages) - left.spread(survey, sharing).stages
    assert {tuple(sorted(set(stage.replicas))) for stage in missing} == {(AFTER, BEFORE)}
    assert {(stage.schema, stage.extension_released) for stage in missing} == {
        (mixed.schema, mixed.extension_released)
    }
    assert len(missing) == 6
    assert left.spread(survey, sharing).unsafe == Unsafe()


def test_paths_of_five_replicas_take_each_representative_once() -> None:
    sharing = Sharing(model(5), counted=False)
    run = sharing.representatives(OrderGraph(sharing.model).survey())
    transitions = config_transitions(run.transitions, every_phase=False)
    paths = plan_paths(transitions, stage_configs(run.stages))
    taken = [step.transition for path in paths for step in path.steps if step.in_flight]
    assert sorted(map(str, taken)) == sorted(map(str, transitions))
    swaps = [found for found in taken if found.step.action is StepAction.SWAP]
    assert len({(found.start.stage.schema, found.step.replica) for found in swaps}) == 15
