"""The operators that make faults: each change that one slip in a backend makes to how the rule behaves.

A change is a function from a behaviour to another, or to None where it does not fit, so that two can be made one after
the other. Places in the rule are those of the file, whatever has moved meanwhile.
"""

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, Final

from harness.automata.bounds import bounds_of
from harness.automata.tree import CharacterSet
from harness.rule.behaviour import HeaderBehaviour, Storing
from harness.rule.behaviour_operations import BehaviourOperation, Casing, Matching, Taking, Trimming
from harness.rule.edit import Edit, on_place
from harness.rule.matching_edits import matching_edits
from harness.rule.trees import parts_of

CUTS: Final = (32, 36, 50, 64, 100, 128, 191, 200, 250, 254)
"""Lengths at which columns and checks usually cut."""


@lru_cache(maxsize=64)
def edits(behaviour: HeaderBehaviour, every_byte: bool = False) -> tuple[Edit, ...]:
    """All changes of a behaviour, the plainest first; of a class, its edges or every byte that HTTP lets through."""
    return tuple(_edits(behaviour, every_byte))


def _edits(behaviour: HeaderBehaviour, every_byte: bool) -> Iterator[Edit]:
    for place, operation in behaviour.operations:
        match operation:
            case Matching():
                yield from matching_edits(place, operation, every_byte)
            case Taking():
                yield from _of_taking(place, operation, behaviour.reading.decode == "utf-8")
            case Trimming():
                yield from _of_trimming(place, operation)
            case Casing():
                yield from _of_casing(place)
    yield from _of_order(behaviour)
    yield from _of_reading(behaviour)
    yield from _of_storing(behaviour)


def _of_taking(place: int, taking: Taking, has_pairs: bool) -> Iterator[Edit]:
    others: list[tuple[str, Taking]] = [
        (f"{most} {taking.unit} are taken, not {taking.most}", taking._replace(most=most))
        for most in (taking.most - 1, taking.most + 1)
        if most
    ]
    others += [
        (f"{unit} are counted, not {taking.unit}", taking._replace(unit=unit))
        for unit in (("units", "bytes", "points") if has_pairs else ("bytes",))  # no surrogates in latin-1
    ]
    others.append((f"the last {taking.most} {taking.unit} are taken", taking._replace(which="last")))
    others.append(("a longer text is refused, not cut", taking._replace(which="refused")))
    for sentence, other in others:
        yield Edit("take", sentence, on_place(place, partial(_instead, other=other)))


def _of_trimming(place: int, trimming: Trimming) -> Iterator[Edit]:
    others = [(f"only the {side} end is trimmed", trimming._replace(side=side)) for side in ("left", "right")]
    others += [
        (f"{blanks} blanks are trimmed, not {trimming.blanks}", trimming._replace(blanks=blanks))
        for blanks in ("JavaScript's", "HTTP's", "Python's")
    ]
    for sentence, other in others:
        yield Edit("trim", sentence, on_place(place, partial(_instead, other=other)))


def _of_casing(place: int) -> Iterator[Edit]:
    for case in ("lower case", "lower case (ASCII)", "upper case"):
        yield Edit("lower", f"letters become {case}", on_place(place, partial(_instead, other=Casing(case))))


def _instead(operation: BehaviourOperation, other: BehaviourOperation) -> BehaviourOperation | None:
    return other if type(operation) is type(other) else None


def _of_order(behaviour: HeaderBehaviour) -> Iterator[Edit]:
    for placed in behaviour.operations:
        yield Edit("lost", f"not done: {placed.operation}", partial(_lost, place=placed.place))
    for before, after in zip(behaviour.operations, behaviour.operations[1:], strict=False):
        sentence = f"done the other way round: {before.operation}, {after.operation}"
        yield Edit("swap", sentence, partial(_swapped, places=(before.place, after.place)))


def _lost(behaviour: HeaderBehaviour, place: int) -> HeaderBehaviour | None:
    left = tuple(placed for placed in behaviour.operations if placed.place != place)
    return None if left == behaviour.operations else behaviour._replace(operations=left)


def _swapped(behaviour: HeaderBehaviour, places: tuple[int, int]) -> HeaderBehaviour | None:
    by_place = {placed.place: placed for placed in behaviour.operations}
    if not all(place in by_place for place in places):
        return None
    other = dict(zip(places, reversed(places), strict=True))
    swapped = tuple(by_place[other.get(each.place, each.place)] for each in behaviour.operations)
    return behaviour._replace(operations=swapped)


def _of_reading(behaviour: HeaderBehaviour) -> Iterator[Edit]:
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("of several lines the first counts", {"duplicates": "first"}),
        ("of several lines the last counts", {"duplicates": "last"}),
        ("several lines are like no header", {"duplicates": "none"}),
        ("several lines are joined with comma and blank", {"duplicates": "join", "joint": ", "}),
        ("several lines are joined with a comma alone", {"duplicates": "join", "joint": ","}),
        ("several lines are joined with a blank", {"duplicates": "join", "joint": " "}),
        ("several lines are joined with nothing between", {"duplicates": "join", "joint": ""}),
        ("bytes are read as UTF-8", {"decode": "utf-8"}),
        ("bytes are read as latin-1", {"decode": "latin-1"}),
        ("percent-encoding is undone", {"undone": "percent"}),
        ("a plus becomes a blank", {"undone": "plus"}),
        ("quotes around the value are dropped", {"undone": "quotes"}),
        ("an empty header goes through the rule", {"empty": "value"}),
        ("an empty header is like none", {"empty": "absent"}),
        ("blanks at the edges are kept", {"blanks": "kept"}),
        ("blanks at the end are kept", {"blanks": "kept at the end"}),
    )
    for sentence, fields in changes:
        if behaviour.reading._replace(**fields) != behaviour.reading:
            yield Edit("reading", sentence, partial(_read_otherwise, fields=fields))


def _read_otherwise(behaviour: HeaderBehaviour, fields: dict[str, Any]) -> HeaderBehaviour:
    return behaviour._replace(reading=behaviour.reading._replace(**fields))


def _of_storing(behaviour: HeaderBehaviour) -> Iterator[Edit]:
    kinds = [Storing("lower case"), Storing("upper case"), Storing("trimmed"), Storing("nothing")]
    signs = [Storing(how, sign=sign) for sign in separators(behaviour) for how in ("up to", "after")]
    others = [*kinds, *(Storing("cut", most) for most in cuts(behaviour)), *signs]
    for storing in others:
        sentence = f"what is accepted is stored {storing}"
        if storing.how == "nothing":
            sentence = "nothing is stored"
        yield Edit("storing", sentence, partial(_stored_otherwise, storing=storing))


def separators(behaviour: HeaderBehaviour) -> tuple[str, ...]:
    """Signs that stand for themselves in an expression: what a value may be split at."""
    found = [
        chr(part.ranges[0][0])
        for _, operation in behaviour.operations
        if isinstance(operation, Matching) and not operation.words
        for _, part in parts_of(operation.tree)
        if isinstance(part, CharacterSet) and len(part.ranges) == 1 and part.ranges[0][0] == part.ranges[0][1]
    ]
    return tuple(dict.fromkeys(sign for sign in found if not sign.isalnum() and sign.isprintable()))


def cuts(behaviour: HeaderBehaviour) -> tuple[int, ...]:
    """Lengths at which a value may be cut: the usual ones, and one less than the longest."""
    longest = [
        bounds_of(operation.tree).longest if isinstance(operation, Matching) else operation.most
        for _, operation in behaviour.operations
        if isinstance(operation, Matching | Taking)
    ]
    known = [most for most in longest if most is not None]
    limit = min(known, default=CUTS[-1] + 1)
    return tuple(sorted({cut for cut in (*CUTS, limit - 1) if 0 < cut < limit}))


def _stored_otherwise(behaviour: HeaderBehaviour, storing: Storing) -> HeaderBehaviour:
    return behaviour._replace(storing=storing)
