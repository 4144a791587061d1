"""The chart for reports says what the model's tables say, and where harm was seen."""

import dataclasses

from harness.stages.graph import machines, mermaid, stage_safety
from harness.stages.safety import Unsafe
from tests.fix_stages import AFTER, BEFORE, MODEL, STAGES, START, SWAP_1


def test_machines_have_every_step_and_mark_what_rolls_back() -> None:
    moves = [move for machine in machines(MODEL) for move in machine.moves]
    assert {move.step for move in moves} == {str(step) for step in MODEL.steps}
    assert {move.step for move in moves if move.roll_back} == {
        str(step) for step in MODEL.steps if step.rolls_back
    }


def test_machines_multiply_to_the_stages_and_their_moves() -> None:
    product = 1
    for machine in machines(MODEL):
        product *= len(machine.states)
    assert product == len(STAGES)
    by_machines = sum(product // len(machine.states) * len(machine.moves) for machine in machines(MODEL))
    assert by_machines == sum(len(stage.moves) for stage in STAGES)


def test_first_states_are_those_of_the_start() -> None:
    first = [machine.states[0] for machine in machines(MODEL)]
    assert first == [START.schema_words, *map(str, START.replicas), "before"]


def test_places_say_what_was_covered_and_what_is_unsafe() -> None:
    ahead = dataclasses.replace(START, replicas=(AFTER, BEFORE))
    found = stage_safety(
        (START, ahead), frozenset({ahead}), Unsafe(frozenset({ahead}), frozenset({(START, SWAP_1)}))
    )
    assert [(stage.covered, stage.unsafe) for stage in found] == [
        (False, ("swap replica 1",)),
        (True, ("stage",)),
    ]
    assert found[1].replicas == ("after", "before")


def test_mermaid_draws_each_move_of_each_machine_once() -> None:
    lines = mermaid(MODEL).splitlines()
    moves = [move for machine in machines(MODEL) for move in machine.moves]
    arrows = [line for line in lines if "-->" in line and "[*]" not in line]
    assert len(arrows) == len(set(arrows)) == len(moves)
    assert sum("[*] -->" in line for line in lines) == 4
    assert sum("(roll-back)" in line for line in arrows) == 6
    building, invalid = "schema_build_the_index_building", "schema_build_the_index_invalid"
    assert f"        {building} --> {invalid}: interrupt build the index" in lines
    assert "        replica_2_after --> replica_2_before: revert replica 2 (roll-back)" in lines
    assert "        extension_before --> extension_before_and_after: release the extension" in lines
