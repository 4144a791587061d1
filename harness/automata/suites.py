"""Suites of texts for any machine, in three sizes. The larger, the more machines that differ from it are found.

**Complete** is a proof within a bound on the states of the implementation: `automata.complete`.

**Byte for byte**: in each state each byte, then texts that tell where the rule goes from where any other class of
bytes goes there: no byte is taken for another.

**Short**: in each state one byte of each class, then the texts that tell where the rule goes from every other state if
they are few, else from where the other classes go there; and byte for byte in nine states.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Final

from harness.automata.complete import CompleteSuite
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


def texts(rule: Identified, kind: SuiteKind, extra_states: int = 0) -> Iterator[bytes]:
    """The texts of a suite, each once, in an order that never changes; only the complete one asks for extra states."""
    if kind is SuiteKind.COMPLETE:
        return iter(CompleteSuite(rule, extra_states))
    states = range(rule.states) if kind is SuiteKind.BYTES else _spread(rule.states)
    return iter(dict.fromkeys(chain(_each_class(rule), _each_byte(rule, states))))


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
