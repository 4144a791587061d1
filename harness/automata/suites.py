"""Suites of texts for any machine, in three sizes. The larger, the more machines that differ from it are found.

**Complete** is the Wp-method (Fujiwara et al., "Test selection based on finite state models", IEEE TSE 17(6), 1991).
Phase 1, states: a text to each state, followed by each of the characterising set W. The answers show that the
implementation has as many different states as the rule; within the bound it has no others. Phase 2, transitions: a
text to each state, each of the 224 bytes, then the texts that tell the state to which the rule goes from every other.
Phase 1 has shown what each state of the implementation answers to them, so each transition goes where the rule's goes.
Phase 2 alone is no proof, since nothing says that its texts identify states of the implementation.

**Byte for byte**: in each state each byte, then texts that tell where the rule goes from where any other class of
bytes goes there: no byte is taken for another.

**Short**: in each state one byte of each class, then the texts that tell where the rule goes from every other state if
they are few, else from where the other classes go there; and byte for byte in nine states.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Final

from harness.automata.identification import Identified

SPREAD: Final = 9
"""States of the short suite in which each byte is tried."""
FEW: Final = 3
"""So many texts at most identify a state in it; a state that refuses whatever follows may need one for each other."""


class SuiteKind(StrEnum):
    """Sizes of a suite, the smallest first."""

    SHORT = "short"
    BYTES = "byte for byte"
    COMPLETE = "complete"


def texts(rule: Identified, kind: SuiteKind) -> Iterator[bytes]:
    """The texts of a suite, each once, in an order that never changes."""
    if kind is SuiteKind.COMPLETE:
        first = dict.fromkeys(state_phase(rule))
        return chain(first, (text for text in transition_phase(rule) if text not in first))
    states = range(rule.states) if kind is SuiteKind.BYTES else _spread(rule.states)
    return iter(dict.fromkeys(chain(_each_class(rule), _each_byte(rule, states))))


def state_phase(rule: Identified) -> Iterator[bytes]:
    """Phase 1 in the order of the states; some texts come more than once."""
    for word in rule.access:
        for ending in rule.characterising:
            yield word + ending


def transition_phase(rule: Identified) -> Iterator[bytes]:
    """Phase 2, in the order of the states, without the transitions that phase 1 has taken; each text once."""
    # Two texts are equal only where a transition is the last of an access word, and those are left out: what is
    # left has its state, byte and ending in one way only, since each beginning of an access word is one.
    own = [list(rule.own_words(state)) for state in range(rule.states)]
    words = frozenset(rule.access)
    for state, word in enumerate(rule.access):
        for members, target in zip(rule.machine.classes, rule.machine.table[state], strict=True):
            for byte in members:
                start = word + bytes([byte])
                if start not in words:
                    yield from (start + ending for ending in own[target])


def least_and_most(rule: Identified) -> tuple[int, int]:
    """Between which counts the texts of a complete suite are; known without making them.

    Those of phase 2 are all different; those of phase 1 may come twice, or in phase 2 as well.
    """
    words = frozenset(rule.access)
    second = sum(
        len(rule.own[target]) * sum(word + bytes([byte]) not in words for byte in members)
        for word, row in zip(rule.access, rule.machine.table, strict=True)
        for members, target in zip(rule.machine.classes, row, strict=True)
    )
    return second, second + rule.states * len(rule.characterising)


def _each_class(rule: Identified) -> Iterator[bytes]:
    yield from rule.access
    for state, word in enumerate(rule.access):
        row = rule.machine.table[state]
        for letter, target in zip(rule.machine.letters, row, strict=True):
            own = list(rule.own_words(target))
            endings = own if len(own) <= FEW else rule.telling(target, frozenset(row))
            yield from (word + letter + ending for ending in endings)


def _each_byte(rule: Identified, states: Iterable[int]) -> Iterator[bytes]:
    for state in states:
        row = rule.machine.table[state]
        for members, target in zip(rule.machine.classes, row, strict=True):
            endings = rule.telling(target, frozenset(row)) or [
                b""
            ]  # where all classes go to one state, its answer
            for byte in members:
                yield from (rule.access[state] + bytes([byte]) + ending for ending in endings)


def _spread(states: int) -> list[int]:
    """States from the first to the last, at even distances."""
    count = min(SPREAD, states)
    return sorted({round(number * (states - 1) / max(count - 1, 1)) for number in range(count)})
