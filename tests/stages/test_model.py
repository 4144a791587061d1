import pytest

from harness.errors import UsageError
from harness.rehearsal.build_phase import LEFT_BEHIND_BY, BuildPhase
from harness.stages.model import Stage, after, stage_configs
from harness.stages.steps import Step, StepState
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
    MODEL,
    READY,
    RELEASE_EXTENSION,
    REVERT_1,
    REVERT_2,
    ROLL_BACK_COLUMN,
    ROLL_BACK_INDEX,
    STAGES,
    START,
    START_BUILD,
    SWAP_1,
    SWAP_2,
    at,
)

MOVES = {stage: stage.moves for stage in STAGES}
BACK: dict[Step, Step] = {
    REVERT_1: SWAP_1,
    REVERT_2: SWAP_2,
    ROLL_BACK_INDEX: FINISH_BUILD,
    ROLL_BACK_COLUMN: ADD_COLUMN,
}
"""What each roll-back takes back."""


def parts(stage: Stage) -> tuple[object, ...]:
    return (stage.schema, *stage.replicas, stage.extension_released)


@pytest.mark.parametrize(
    ("schema", "legal"),
    [
        (BASE, {ADD_COLUMN}),
        (COLUMN, {START_BUILD, ROLL_BACK_COLUMN}),
        (BUILDING, {FINISH_BUILD, INTERRUPT_BUILD}),
        (INVALID, {DROP_INVALID, ROLL_BACK_COLUMN}),
        (READY, {ROLL_BACK_INDEX, ROLL_BACK_COLUMN}),
    ],
)
def test_stage_offers_its_schema_steps_whatever_runs_beside_it(
    schema: tuple[StepState, ...], legal: set[Step]
) -> None:
    for stage in STAGES:
        if stage.schema == schema:
            first, second = stage.replicas
            beside = {
                SWAP_1 if first is BEFORE else REVERT_1,
                SWAP_2 if second is BEFORE else REVERT_2,
            }
            if not stage.extension_released:
                beside.add(RELEASE_EXTENSION)
            assert set(stage.moves) == legal | beside


def test_stages_have_every_schema_state_and_use_every_step() -> None:
    assert {stage.schema for stage in STAGES} == {BASE, COLUMN, BUILDING, INVALID, READY}
    assert {step for moves in MOVES.values() for step in moves} == set(MODEL.steps)


def test_step_moves_exactly_one_part_of_a_stage() -> None:
    for stage, moves in MOVES.items():
        for to in moves.values():
            assert sum(a != b for a, b in zip(parts(stage), parts(to), strict=True)) == 1


def test_stages_are_forty_and_all_reached_from_the_start() -> None:
    reached = {START}
    for _ in STAGES:
        reached |= {to for stage in reached for to in stage.moves.values()}
    assert reached == set(STAGES)
    assert len(STAGES) == len(set(STAGES)) == 40


def test_stages_are_sorted_by_rank_with_the_start_first() -> None:
    assert list(STAGES) == sorted(STAGES, key=lambda stage: stage.rank)
    assert STAGES[0] == START
    assert STAGES[-1].complete


def test_stage_is_complete_only_where_everything_has_arrived() -> None:
    complete = [stage for stage in STAGES if stage.complete]
    assert complete == [at(READY, (AFTER, AFTER), released=True)]
    assert set(MOVES[complete[0]]) == set(BACK), "nothing forward is legal at the end"


def test_released_extension_stays_released_whatever_follows() -> None:
    for stage, moves in MOVES.items():
        if stage.extension_released:
            assert all(to.extension_released for to in moves.values())


@pytest.mark.parametrize(("back", "taken"), BACK.items())
def test_roll_back_is_illegal_where_its_step_was_not_taken(back: Step, taken: Step) -> None:
    for moves in MOVES.values():
        assert not (back in moves and taken in moves)


def test_revert_restores_the_stage_before_the_swap() -> None:
    for stage, moves in MOVES.items():
        for swap, revert in ((SWAP_1, REVERT_1), (SWAP_2, REVERT_2)):
            if swap in moves:
                assert after(moves[swap], revert) == stage


def test_after_leads_to_the_stage_in_the_table() -> None:
    assert after(START, ADD_COLUMN) == at(COLUMN, (BEFORE, BEFORE), False)
    assert after(START, SWAP_2) == at(BASE, (BEFORE, AFTER), False)


def test_after_names_step_stage_and_legal_steps_when_it_refuses() -> None:
    with pytest.raises(UsageError) as refused:
        after(START, FINISH_BUILD)
    assert str(refused.value) == (
        "cannot finish: build the index in stage (schema base, replicas before and before, extension before);"
        " legal there: add the column, swap replica 1, swap replica 2, release the extension"
    )


def test_step_says_the_concrete_thing_it_does() -> None:
    assert len({step.does for step in MODEL.steps}) == len(MODEL.steps)
    assert ADD_COLUMN.does.startswith("ALTER TABLE ")
    assert "ADD COLUMN" in ADD_COLUMN.does
    for step in (START_BUILD, INTERRUPT_BUILD, DROP_INVALID, ROLL_BACK_INDEX):
        assert "CONCURRENTLY" in step.does


def test_stage_says_what_is_in_the_field() -> None:
    stage = at(INVALID, (AFTER, BEFORE), released=True)
    assert (
        str(stage)
        == "schema build the index (invalid), replicas after and before, extension before and after"
    )


def test_configs_multiply_stages_by_their_build_phases() -> None:
    assert len(stage_configs(STAGES)) == 3 * 8 + 8 * 3 + 8 * 2
    of_building = stage_configs([at(BUILDING, (BEFORE, BEFORE), False)])
    assert [each.build_phase for each in of_building] == [
        BuildPhase.BEFORE_BUILD,
        BuildPhase.BEFORE_VALIDATION,
        BuildPhase.OLD_SNAPSHOTS,
    ]
    of_invalid = stage_configs([at(INVALID, (BEFORE, BEFORE), False)])
    assert [each.build_phase for each in of_invalid] == [
        BuildPhase.INVALID_NOT_READY,
        BuildPhase.INVALID_READY,
    ]
    assert [each.build_phase for each in stage_configs([START])] == [None]


def test_index_is_not_ready_only_after_the_first_wait() -> None:
    assert LEFT_BEHIND_BY == {
        BuildPhase.BEFORE_BUILD: BuildPhase.INVALID_NOT_READY,
        BuildPhase.BEFORE_VALIDATION: BuildPhase.INVALID_READY,
        BuildPhase.OLD_SNAPSHOTS: BuildPhase.INVALID_READY,
    }
