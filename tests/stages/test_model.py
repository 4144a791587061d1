import pytest

from harness import plan
from harness.database.schema_state import SchemaState
from harness.errors import UsageError
from harness.rehearsal.build_phase import LEFT_BEHIND_BY, BuildPhase
from harness.stages.model import (
    MOVES,
    ROLLS_BACK,
    SCHEMA_MOVES,
    STAGES,
    START,
    Stage,
    Step,
    Version,
    after,
    stage_configs,
)

BEFORE, AFTER = Version.BEFORE, Version.AFTER


def parts(stage: Stage) -> tuple[object, ...]:
    return (stage.schema, *stage.replicas, stage.extension_released)


@pytest.mark.parametrize(
    ("schema", "legal"),
    [
        (SchemaState.BASE, {Step.ADD_COLUMN}),
        (SchemaState.COLUMN, {Step.START_BUILD, Step.ROLL_BACK_COLUMN}),
        (SchemaState.BUILDING, {Step.FINISH_BUILD, Step.INTERRUPT_BUILD}),
        (SchemaState.INVALID, {Step.DROP_INVALID, Step.ROLL_BACK_COLUMN}),
        (SchemaState.READY, {Step.ROLL_BACK_INDEX, Step.ROLL_BACK_COLUMN}),
    ],
)
def test_stage_offers_its_schema_steps_whatever_runs_beside_it(schema: SchemaState, legal: set[Step]) -> None:
    for stage in STAGES:
        if stage.schema is schema:
            first, second = stage.replicas
            beside = {
                Step.SWAP_1 if first is BEFORE else Step.REVERT_1,
                Step.SWAP_2 if second is BEFORE else Step.REVERT_2,
            }
            if not stage.extension_released:
                beside.add(Step.RELEASE_EXTENSION)
            assert set(MOVES[stage]) == legal | beside


def test_tables_know_every_schema_state_and_every_step() -> None:
    assert set(SCHEMA_MOVES) == set(SchemaState)
    used = {step for moves in MOVES.values() for step in moves}
    assert used == set(Step)


def test_step_moves_exactly_one_part_of_a_stage() -> None:
    for stage, moves in MOVES.items():
        for to in moves.values():
            assert sum(a != b for a, b in zip(parts(stage), parts(to), strict=True)) == 1


def test_stages_are_forty_and_all_reached_from_the_start() -> None:
    reached = {START}
    for _ in STAGES:
        reached |= {to for stage in reached for to in MOVES[stage].values()}
    assert reached == set(STAGES)
    assert len(STAGES) == len(set(STAGES)) == 40


def test_stages_are_sorted_by_rank_with_the_start_first() -> None:
    assert list(STAGES) == sorted(STAGES, key=lambda stage: stage.rank)
    assert STAGES[0] == START
    assert STAGES[-1].complete


def test_stage_is_complete_only_where_everything_has_arrived() -> None:
    complete = [stage for stage in STAGES if stage.complete]
    assert complete == [Stage(SchemaState.READY, (AFTER, AFTER), extension_released=True)]
    assert set(MOVES[complete[0]]) == set(ROLLS_BACK), "nothing forward is legal at the end"


def test_released_extension_stays_released_whatever_follows() -> None:
    for stage, moves in MOVES.items():
        if stage.extension_released:
            assert all(to.extension_released for to in moves.values())


@pytest.mark.parametrize(("back", "taken"), ROLLS_BACK.items())
def test_roll_back_is_illegal_where_its_step_was_not_taken(back: Step, taken: Step) -> None:
    for moves in MOVES.values():
        assert not (back in moves and taken in moves)


def test_revert_restores_the_stage_before_the_swap() -> None:
    for stage, moves in MOVES.items():
        for swap, revert in ((Step.SWAP_1, Step.REVERT_1), (Step.SWAP_2, Step.REVERT_2)):
            if swap in moves:
                assert after(moves[swap], revert) == stage


def test_after_leads_to_the_stage_in_the_table() -> None:
    assert after(START, Step.ADD_COLUMN) == Stage(SchemaState.COLUMN, (BEFORE, BEFORE), False)
    assert after(START, Step.SWAP_2) == Stage(SchemaState.BASE, (BEFORE, AFTER), False)


def test_after_names_step_stage_and_legal_steps_when_it_refuses() -> None:
    with pytest.raises(UsageError) as refused:
        after(START, Step.FINISH_BUILD)
    assert str(refused.value) == (
        "cannot finish the index build in stage (schema base, replicas before and before, extension before);"
        " legal there: add the column, swap replica 1, swap replica 2, release the extension"
    )


def test_step_says_the_concrete_thing_it_does() -> None:
    assert all(step.describe() for step in Step)
    assert len({step.describe() for step in Step}) == len(Step)
    assert Step.ADD_COLUMN.describe() == f"ALTER TABLE {plan.METADATA_TABLE} ADD COLUMN {plan.COLUMN} text"
    for step in (Step.START_BUILD, Step.INTERRUPT_BUILD, Step.DROP_INVALID, Step.ROLL_BACK_INDEX):
        assert plan.INDEX in step.describe()


def test_stage_says_what_is_in_the_field() -> None:
    stage = Stage(SchemaState.INVALID, (AFTER, BEFORE), extension_released=True)
    assert str(stage) == "schema invalid, replicas after and before, extension before and after"


def test_configs_multiply_stages_by_their_build_phases() -> None:
    assert len(stage_configs(STAGES)) == 3 * 8 + 8 * 3 + 8 * 2
    of_building = stage_configs([Stage(SchemaState.BUILDING, (BEFORE, BEFORE), False)])
    assert [each.build_phase for each in of_building] == [
        BuildPhase.BEFORE_BUILD,
        BuildPhase.BEFORE_VALIDATION,
        BuildPhase.OLD_SNAPSHOTS,
    ]
    of_invalid = stage_configs([Stage(SchemaState.INVALID, (BEFORE, BEFORE), False)])
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
