"""A tree as the text of an expression: for people as JavaScript writes it, or for Python's `re`."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from harness.automata.characters import ANY, LINE_ENDS, UNIT_MAX, WHITE_SPACE, Ranges, complement, united
from harness.automata.tree import Alternation, Anchor, CharacterSet, Concatenation, Node, Repetition

SetWriter = Callable[[Ranges], str]

_KINDS: Final = ((0x41, 0x5A), (0x61, 0x7A), (0x30, 0x39))
"""Letters and digits are written as ranges of their own, in this order, whatever their neighbours."""
_SHORT: Final = {
    ANY: "[^]",
    (): "[]",
    complement(LINE_ENDS): ".",
    WHITE_SPACE: r"\s",
    complement(WHITE_SPACE): r"\S",
}
_OUTSIDE: Final = frozenset(r"\^$.*+?()[]{}|/")
_INSIDE: Final = frozenset(r"\]^")


def written(tree: Node) -> str:
    """The expression as JavaScript reads it: canonical, classes with letters, then digits, then the rest."""
    return _written(tree, _javascript_set)


def python_source(tree: Node) -> str:
    """The expression for Python's `re`, which finds the same in a text of UTF-16 code units."""
    return _written(tree, _python_set)


def _written(tree: Node, of_set: SetWriter) -> str:
    match tree:
        case CharacterSet(ranges):
            return of_set(ranges)
        case Concatenation(parts):
            return "".join(_grouped(part, of_set, isinstance(part, Alternation)) for part in parts)
        case Alternation(options):
            return "|".join(_written(option, of_set) for option in options)
        case Repetition(part, least, most):
            return _grouped(part, of_set, not isinstance(part, CharacterSet)) + _times(least, most)
        case Anchor(at_start):
            starts, ends = (r"\A", r"\Z") if of_set is _python_set else ("^", "$")
            return starts if at_start else ends


def _grouped(tree: Node, of_set: SetWriter, needed: bool) -> str:
    inner = _written(tree, of_set)
    return f"(?:{inner})" if needed else inner


def _times(least: int, most: int | None) -> str:
    if (least, most) in _SIGNS:
        return _SIGNS[least, most]
    if least == most:
        return f"{{{least}}}"
    return f"{{{least},{'' if most is None else most}}}"


_SIGNS: Final[dict[tuple[int, int | None], str]] = {(0, None): "*", (1, None): "+", (0, 1): "?"}


def _javascript_set(ranges: Ranges) -> str:
    if ranges in _SHORT:
        return _SHORT[ranges]
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        character = chr(ranges[0][0])
        return f"\\{character}" if character in _OUTSIDE else _shown(ranges[0][0])
    negated = ranges[-1][1] == UNIT_MAX and ranges[0][0] == 0
    return f"[{'^' if negated else ''}{''.join(_members(complement(ranges) if negated else ranges))}]"


def _members(ranges: Ranges) -> Iterator[str]:
    """Letters and digits first, then the others, the hyphen last."""
    rest: Ranges = ranges
    for first, last in ranges:
        if (
            first <= _KINDS[2][0] and last >= _KINDS[0][1]
        ):  # over digits and capitals: one range says it better
            yield _range(first, last)
            rest = _without(rest, first, last)
    ranges = rest
    for first, last in _KINDS:
        for one in ranges:
            low, high = max(first, one[0]), min(last, one[1])
            if low <= high:
                yield _range(low, high)
        rest = _without(rest, first, last)
    hyphen = any(first <= 0x2D <= last for first, last in rest)
    yield from (_range(first, last) for first, last in _without(rest, 0x2D, 0x2D))
    if hyphen:
        yield "-"


def _without(ranges: Ranges, first: int, last: int) -> Ranges:
    """The set without a range."""
    return complement(united((*complement(ranges), (first, last))))


def _range(first: int, last: int) -> str:
    if last - first < 2:
        return "".join(map(_member, range(first, last + 1)))
    return f"{_member(first)}-{_member(last)}"


def _member(unit: int) -> str:
    return f"\\{chr(unit)}" if chr(unit) in _INSIDE else _shown(unit)


def _shown(unit: int) -> str:
    if 0x20 <= unit < 0x7F:
        return chr(unit)
    return {0x09: r"\t", 0x0A: r"\n", 0x0D: r"\r"}.get(
        unit, f"\\x{unit:02x}" if unit < 0x100 else f"\\u{unit:04x}"
    )


def _python_set(ranges: Ranges) -> str:
    if not ranges:
        return "(?!)"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return re.escape(chr(ranges[0][0]))
    return "[" + "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges) + "]"
