"""Escapes and classes in brackets, as JavaScript reads them without flags, old spellings included (annex B.1.2)."""

from typing import Final

from harness.automata.characters import ESCAPED_CLASSES, Ranges, complement, single, united
from harness.automata.source import PatternSource

_CONTROLS: Final = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D}


def refers_back(source: PatternSource) -> bool:
    """Whether what follows the backslash is a reference to a group; then it is read."""
    if source.has_names and source.following == "k":
        if not source.matched(r"k<[\w$]+>"):
            raise source.error("\\k without the name of a group")
        return True
    start = source.at
    number = source.matched(r"[1-9][0-9]*")
    if number and int(number[0]) <= source.groups:
        return True
    source.at = start  # beyond the groups it is an old spelling of a character
    return False


def escape(source: PatternSource, start: int) -> Ranges:
    """The code units for which an escape stands; its backslash, at `start`, is read."""
    if source.at_end:
        raise source.error("nothing follows the backslash", start)
    if source.following in ESCAPED_CLASSES:
        return ESCAPED_CLASSES[source.took()]
    return single(_unit(source, letters="A-Za-z"))


def brackets(source: PatternSource, start: int) -> Ranges:
    """The code units of a class; its bracket, at `start`, is read."""
    negated = source.taken("^")
    members: list[tuple[int, int]] = []
    while not source.taken("]"):
        first_at = source.at
        first = _member(source, start)
        if source.following != "-" or source.text[source.at + 1 : source.at + 2] in ("", "]"):
            members.extend(first)
            continue
        source.at += 1
        last = _member(source, start)
        if _is_single(first) and _is_single(last):
            if first[0][0] > last[0][0]:
                raise source.error(f"the range {source.text[first_at : source.at]} is out of order", first_at)
            members.append((first[0][0], last[0][0]))
        else:  # a class at one side: the hyphen is itself
            members.extend((*first, (0x2D, 0x2D), *last))
    found = united(members)
    return complement(found) if negated else found


def _member(source: PatternSource, start: int) -> Ranges:
    if source.at_end:
        raise source.error("[ is not closed", start)
    escape_at = source.at
    character = source.took()
    if character != "\\":
        return single(ord(character))
    if source.at_end:
        raise source.error("nothing follows the backslash", escape_at)
    if source.following in ESCAPED_CLASSES:
        return ESCAPED_CLASSES[source.took()]
    if source.taken("b"):
        return single(0x08)
    return single(_unit(source, letters="A-Za-z0-9_"))


def _is_single(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]


def _unit(source: PatternSource, letters: str) -> int:
    """The code unit for which an escape stands; after c it takes one of the letters."""
    if octal := source.matched(r"[0-3][0-7]{0,2}|[4-7][0-7]?"):
        return int(octal[0], 8)
    if number := source.matched(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})"):
        return int(number[1] or number[2], 16)
    if control := source.matched(f"c([{letters}])"):
        return ord(control[1]) % 32
    if source.following == "c":
        return 0x5C  # the backslash is itself, and c is read next
    character = source.took()
    return _CONTROLS.get(character, ord(character))
