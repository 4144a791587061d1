"""Sequences in which every ordered pair of kinds of request occurs: what one request leaves for the next. Pure.

A de Bruijn sequence of order two over n letters has each ordered pair of letters once, in n * n + 1 requests (de
Bruijn, "A combinatorial problem", 1946). A letter is a kind of caller with a kind of value.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import product
from typing import Final, NamedTuple, TypeVar

Letter = TypeVar("Letter")


class CallerKind(NamedTuple):
    """Who sends a request of a sequence."""

    auth: str | None
    """The name of an identity; None is the usual one."""
    elsewhere: bool = False
    """Whether from another address than the first."""


class HeaderKind(StrEnum):
    """What a request of a sequence sends as our header."""

    ABSENT = "absent"
    VALID = "valid"
    INVALID = "invalid"
    SAME = "the last valid value again"


class MemoryStep(NamedTuple):
    """One request of a sequence."""

    caller: CallerKind
    sent: HeaderKind


SMOKE_ROTATIONS: Final = (1, 6)
"""How far values are turned against callers, in each part of the short sequence."""


def every_pair(letters: Sequence[Letter]) -> list[Letter]:
    """A shortest sequence in which each ordered pair of letters, equal ones too, occurs side by side once."""
    found: list[Letter] = []
    for place, letter in enumerate(letters):  # the cyclic sequence of the pairs' necklaces (Lyndon words)
        found.append(letter)
        for other in letters[place + 1 :]:
            found += [letter, other]
    return [*found, letters[0]] if letters else []


def complete(callers: Sequence[CallerKind]) -> list[MemoryStep]:
    """Every ordered pair of a caller with a value: with four callers 257 requests."""
    return every_pair([MemoryStep(*each) for each in product(callers, HeaderKind)])


def short(callers: Sequence[CallerKind]) -> list[MemoryStep]:
    """Every ordered pair of callers and every ordered pair of kinds of value, but not every combination of both."""
    who, what = every_pair(list(callers)), every_pair(list(HeaderKind))
    length = max(len(who), len(what))
    found: list[MemoryStep] = []
    for turn in SMOKE_ROTATIONS:
        found += [MemoryStep(_cyclic(who, at), _cyclic(what, at + turn)) for at in range(length)]
    return found


def _cyclic(sequence: Sequence[Letter], at: int) -> Letter:
    """The first and the last of a sequence of pairs are the same letter: it is read as a circle."""
    return sequence[at % (len(sequence) - 1)] if len(sequence) > 1 else sequence[0]
