"""Sets of UTF-16 code units, which are what JavaScript's expressions see: sorted ranges that do not touch."""

from collections.abc import Iterable
from typing import Final

Ranges = tuple[tuple[int, int], ...]
"""First and last code unit of each range."""

UNIT_MAX: Final = 0xFFFF


def united(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The set of all code units in the ranges."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)


def complement(ranges: Ranges) -> Ranges:
    """All other code units."""
    others, following = [], 0
    for first, last in ranges:
        if following < first:
            others.append((following, first - 1))
        following = last + 1
    if following <= UNIT_MAX:
        others.append((following, UNIT_MAX))
    return tuple(others)


def single(unit: int) -> Ranges:
    """One code unit."""
    return ((unit, unit),)


ANY: Final[Ranges] = ((0, UNIT_MAX),)
DIGITS: Final[Ranges] = ((0x30, 0x39),)
WORD: Final = united([(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)])
LINE_ENDS: Final = united([(0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)])
WHITE_SPACE: Final = united(
    (
        *((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
        *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
    )
)
"""What `\\s` means and `trim` removes (ECMA-262, WhiteSpace and LineTerminator)."""

ESCAPED_CLASSES: Final = {
    "d": DIGITS,
    "D": complement(DIGITS),
    "w": WORD,
    "W": complement(WORD),
    "s": WHITE_SPACE,
    "S": complement(WHITE_SPACE),
}
