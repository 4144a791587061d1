"""The chart for reports says what the model's tables say, and where harm was seen."""

import dataclasses

from harness.stages.graph import machines, mermaid, stage_safety
from harness.stages.model import (
    EXTENSION_MOVES,
    MOVES,
    REPLICA_MOVES,
    ROLLS_BACK,
    SCHEMA_MOVES,
    STAGES,
    START,
    Step,
    Version,
)
from harness.stages.safety import Unsafe


def test_machines_have_every_step_and_mark_what_rolls_back() -> None:
    moves = [move for machine in machines() for move in machine.moves]
    assert {move.step for move in moves} == {str(step) for step in Step}
    assert {move.step for move in moves if move.roll_back} == {str(step) for step in ROLLS_BACK}


def test_machines_multiply_to_the_stages_and_their_moves() -> None:
    product = 1
    for machine in machines():
        product *= len(machine.states)
    assert product == len(STAGES)
    by_machines = sum(product // len(machine.states) * len(machine.moves) for machine in machines())
    assert by_machines == sum(map(len, MOVES.values()))


def test_first_states_are_those_of_the_start() -> None:
    first = [machine.states[0] for machine in machines()]
    assert first == [str(START.schema), *map(str, START.replicas), "before"]


def test_places_say_what_was_covered_and_what_is_unsafe() -> None:
    ahead = dataclasses.replace(START, replicas=(Version.AFTER, Version.BEFORE))
    found = stage_safety(
        (START, ahead), frozenset({ahead}), Unsafe(frozenset({ahead}), frozenset({(START, Step.SWAP_1)}))
    )
    assert [(stage.covered, stage.unsafe) for stage in found] == [
        (False, ("swap replica 1",)),
        (True, ("stage",)),
    ]
    assert found[1].replicas == ("after", "before")


def test_mermaid_draws_each_move_of_each_table_once() -> None:
    lines = mermaid().splitlines()
    tables = (SCHEMA_MOVES.values(), *(table.values() for table in REPLICA_MOVES), EXTENSION_MOVES.values())
    steps = [step for table in tables for moves in table for step in moves]
    arrows = [line for line in lines if "-->" in line and "[*]" not in line]
    assert len(arrows) == len(set(arrows)) == len(steps)
    assert sum("[*] -->" in line for line in lines) == len(tables)
    roll_backs = [step for step in steps if step in ROLLS_BACK]
    assert sum("(roll-back)" in line for line in arrows) == len(roll_backs) == 6
    assert "        building --> invalid: interrupt the index build" in lines
    assert "        replica_2_after --> replica_2_before: revert replica 2 (roll-back)" in lines
    assert "        extension_before --> extension_before_and_after: release the extension" in lines
