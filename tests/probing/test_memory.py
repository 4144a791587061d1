"""Sequences hold every ordered pair of what they promise, in the fewest requests."""

from collections.abc import Sequence
from itertools import pairwise, product

import pytest

from harness.probing.memory import CallerKind, HeaderKind, MemoryStep, complete, every_pair, short


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16])
def test_every_ordered_pair_stands_side_by_side_once(count: int) -> None:
    letters = list(range(count))
    sequence = every_pair(letters)
    beside = list(pairwise(sequence))
    assert sorted(beside) == sorted(product(letters, repeat=2))
    assert len(sequence) == count * count + 1


def test_of_no_letters_there_is_no_sequence() -> None:
    assert every_pair([]) == []


CALLERS = [
    CallerKind(None),
    CallerKind(None, elsewhere=True),
    CallerKind("signed in"),
    CallerKind("junk token"),
]


def pairs_of(steps: Sequence[MemoryStep]) -> tuple[int, int, int]:
    """How many different ordered pairs of steps, of callers and of kinds of value stand side by side."""
    beside = list(pairwise(steps))
    return (
        len(set(beside)),
        len({(one.caller, other.caller) for one, other in beside}),
        len({(one.sent, other.sent) for one, other in beside}),
    )


def test_the_complete_sequence_has_every_pair_of_both() -> None:
    steps = complete(CALLERS)
    assert len(steps) == 257
    assert pairs_of(steps) == (256, 16, 16)


@pytest.mark.parametrize("callers", [CALLERS, [*CALLERS[:2], CALLERS[3]], CALLERS[:1]])
def test_the_short_sequence_has_every_pair_of_each(callers: list[CallerKind]) -> None:
    steps = short(callers)
    both, who, what = pairs_of(steps)
    assert (who, what) == (len(callers) ** 2, len(HeaderKind) ** 2)
    assert both > len(HeaderKind) ** 2 or len(callers) == 1
    assert len(steps) <= 34


def test_anonymous_without_the_header_comes_after_signed_in() -> None:
    steps = short(CALLERS)
    beside = set(pairwise(steps))
    assert any(
        one.caller == CALLERS[2] and other == MemoryStep(other.caller, HeaderKind.ABSENT)
        for one, other in beside
    )
