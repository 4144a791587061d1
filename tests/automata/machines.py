"""Machines over a few letters, of which all texts of a suite can be listed."""

from harness.automata.identification import Identified, identified
from harness.automata.machine import Behaviour, StateMachine, built


def over(machine: StateMachine, letters: bytes) -> Identified:
    """The smallest machine that does the same over these letters alone."""
    classes = machine.class_of()
    behaviour = Behaviour(
        0, lambda state, byte: machine.table[state][classes[byte]], machine.answers.__getitem__
    )
    return identified(built(behaviour, [bytes([letter]) for letter in letters]))
