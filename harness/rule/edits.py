"""The operators that make faults: each change that one slip in a backend makes to how the rule behaves.

A change is a function from a behaviour to another, or to None where it does not fit, so that two can be made one after
the other. Places in the rule are those of the file, whatever has moved meanwhile.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from harness.automata.bounds import bounds_of
from harness.automata.characters import ANY, Ranges, complement, united
from harness.automata.tree import Alternation, CharacterSet, Concatenation, Node, Repetition
from harness.automata.written import written
from harness.rule.behaviour import (
    Anchoring,
    BehaviourOperation,
    Casing,
    HeaderBehaviour,
    Matching,
    PlacedOperation,
    Storing,
    Taking,
    Trimming,
)
from harness.rule.named import named
from harness.rule.policy import FIELD_BYTES
from harness.rule.trees import Path, every_set, is_ambiguous, parts_of, replaced, without

Change = Callable[[HeaderBehaviour], HeaderBehaviour | None]

CUTS: Final = (32, 36, 50, 64, 100, 128, 191, 200, 250, 254)
"""Lengths at which columns and checks usually cut."""
_BYTES: Final = frozenset(FIELD_BYTES)
LATIN_LETTERS: Final[Ranges] = (
    (0xAA, 0xAA),
    (0xB5, 0xB5),
    (0xBA, 0xBA),
    (0xC0, 0xD6),
    (0xD8, 0xF6),
    (0xF8, 0xFF),
)


class Edit(NamedTuple):
    """One change that a slip makes."""

    operator: str
    """What kind of slip: `bound`, `class`, `anchor`, `reading`..."""
    sentence: str
    """What the backend does then: a dot is accepted."""
    change: Change
    unit: int | None = None
    """Of a class that holds one code unit more or less: which."""


@lru_cache(maxsize=64)
def edits(behaviour: HeaderBehaviour, every_byte: bool = False) -> tuple[Edit, ...]:
    """All changes of a behaviour, the plainest first; of a class, its edges or every byte that HTTP lets through."""
    return tuple(_edits(behaviour, every_byte))


def _edits(behaviour: HeaderBehaviour, every_byte: bool) -> Iterator[Edit]:
    for place, operation in behaviour.operations:
        match operation:
            case Matching():
                yield from _of_matching(place, operation, every_byte)
            case Taking():
                yield from _of_taking(place, operation, behaviour.reading.decode == "utf-8")
            case Trimming():
                yield from _of_trimming(place, operation)
            case Casing():
                yield from _of_casing(place)
    yield from _of_order(behaviour)
    yield from _of_reading(behaviour)
    yield from _of_storing(behaviour)


def _on(place: int, change: Callable[[BehaviourOperation], BehaviourOperation | None]) -> Change:
    """A change of the operation of that place in the rule."""

    def changed(behaviour: HeaderBehaviour) -> HeaderBehaviour | None:
        operations = []
        for placed in behaviour.operations:
            operation = change(placed.operation) if placed.place == place else placed.operation
            if operation is None:
                return None
            operations.append(PlacedOperation(placed.place, operation))
        if not any(placed.place == place for placed in behaviour.operations):
            return None
        return behaviour._replace(operations=tuple(operations))

    return changed


def _on_matching(place: int, change: Callable[[Matching], Matching | None]) -> Change:
    return _on(place, lambda operation: change(operation) if isinstance(operation, Matching) else None)


def _on_part(place: int, path: Path, change: Callable[[Node], Node | None]) -> Change:
    def changed(matching: Matching) -> Matching | None:
        tree = replaced(matching.tree, path, change)
        return None if tree is None else matching._replace(tree=tree)

    return _on_matching(place, changed)


def _of_matching(place: int, matching: Matching, every_byte: bool) -> Iterator[Edit]:
    if matching.words:
        yield from _of_words(place, matching)
    else:
        alone = sum(isinstance(part, CharacterSet) for _, part in parts_of(matching.tree)) == 1
        for path, part in parts_of(matching.tree):
            if isinstance(part, Repetition):
                yield from _of_bounds(place, path, part, alone)
        for path, part in parts_of(matching.tree):
            if isinstance(part, CharacterSet):
                yield from _of_class(place, path, part, "" if alone else f" in `{written(part)}`", every_byte)
        yield from _of_parts(place, matching)
        yield from _of_all_classes(place, alone)
    yield from _of_anchors(place)
    longest = bounds_of(matching.tree).longest
    if longest is not None:
        sentence = f"a longer text is cut to {longest} characters before it is matched, not refused"
        yield Edit("cut", sentence, partial(_cut_before, place=place, most=longest))


def _cut_before(behaviour: HeaderBehaviour, place: int, most: int) -> HeaderBehaviour | None:
    at = next((at for at, placed in enumerate(behaviour.operations) if placed.place == place), None)
    if at is None:
        return None
    operations = behaviour.operations
    return behaviour._replace(
        operations=(*operations[:at], PlacedOperation(-1, Taking(most)), *operations[at:])
    )


def _of_bounds(place: int, path: Path, part: Repetition, alone: bool) -> Iterator[Edit]:
    least, most = part.least, part.most
    bounds: list[tuple[int, int | None]] = []
    if most is not None:
        bounds += [(min(least, most + 1), most + 1), (min(least, most - 1), most - 1), (least, None)]
        if least != most:
            bounds.append((most, most))
    bounds += [(least + 1, most), (least - 1, most), (0, most)]
    for low, high in dict.fromkeys(bounds):
        if low < 0 or (low, high) == (least, most) or (high is not None and high < max(low, 1)):
            continue

        def change(node: Node, low: int = low, high: int | None = high) -> Node | None:
            return Repetition(node.part, low, high) if isinstance(node, Repetition) else None

        was, now = written(part), written(Repetition(part.part, low, high))
        sentence = (
            f"{_bounded(low, high)}, not {_bounded(least, most)}" if alone else f"`{now}` instead of `{was}`"
        )
        yield Edit("bound", sentence, _on_part(place, path, change))


def _bounded(low: int, high: int | None) -> str:
    if high is None:
        return f"{low} characters or more" if low else "any number of characters"
    return f"{low} characters" if low == high else f"{low} to {high} characters"


def _of_class(place: int, path: Path, part: CharacterSet, where: str, every_byte: bool) -> Iterator[Edit]:
    held = {unit for unit in _BYTES if _holds(part, unit)}
    if every_byte:
        more, less = [unit for unit in FIELD_BYTES if unit not in held], sorted(held)
    else:
        edges = [unit for ends in part.ranges for unit in ends]
        beside = [unit for first, last in part.ranges for unit in (first - 1, last + 1)]
        more = [unit for unit in dict.fromkeys(beside) if unit in _BYTES and unit not in held]
        less = [unit for unit in dict.fromkeys(edges) if unit in held]
    for unit in more:
        change = partial(_with, ranges=((unit, unit),))
        yield Edit("class", f"{named(unit)} is accepted{where}", _on_part(place, path, change), unit)
    if where and _any_case(part) != part:
        yield Edit("class", f"letters are accepted in any case{where}", _on_part(place, path, _in_any_case))
    if len(held) > 1:
        for unit in less:
            change = partial(_less, ranges=((unit, unit),))
            yield Edit("class", f"{named(unit)} is refused{where}", _on_part(place, path, change), unit)


def _holds(part: CharacterSet, unit: int) -> bool:
    return any(first <= unit <= last for first, last in part.ranges)


def _with(node: Node, ranges: Ranges) -> Node | None:
    return CharacterSet(united((*node.ranges, *ranges))) if isinstance(node, CharacterSet) else None


def _less(node: Node, ranges: Ranges) -> Node | None:
    if not isinstance(node, CharacterSet):
        return None
    return CharacterSet(complement(united((*complement(node.ranges), *ranges))))


def _any_case(part: CharacterSet) -> CharacterSet:
    ranges = list(part.ranges)
    for first, last, other in ((0x41, 0x5A, 0x20), (0x61, 0x7A, -0x20)):
        for low, high in part.ranges:
            if max(low, first) <= min(high, last):
                ranges.append((max(low, first) + other, min(high, last) + other))
    return CharacterSet(united(ranges))


def _in_any_case(node: Node) -> Node | None:
    return _any_case(node) if isinstance(node, CharacterSet) else None


def _of_all_classes(place: int, alone: bool) -> Iterator[Edit]:
    where = "" if alone else " in every class"
    changes: tuple[tuple[str, Callable[[CharacterSet], CharacterSet]], ...] = (
        ("letters are accepted in any case", _any_case),
        (
            f"letters of latin-1 are accepted{where}",
            lambda part: CharacterSet(united((*part.ranges, *LATIN_LETTERS))),
        ),
        (f"any character is accepted{where}", lambda _: CharacterSet(ANY)),
    )
    for sentence, change in changes:
        yield Edit("class", sentence, _on_matching(place, partial(_everywhere, change=change)))


def _everywhere(matching: Matching, change: Callable[[CharacterSet], CharacterSet]) -> Matching:
    return matching._replace(tree=every_set(matching.tree, change))


def _of_parts(place: int, matching: Matching) -> Iterator[Edit]:
    for path, part in parts_of(matching.tree):
        if not path:
            continue
        parent = next(node for other, node in parts_of(matching.tree) if other == path[:-1])
        if isinstance(parent, Concatenation):
            sentence = f"`{written(part)}` may not stand where it must"
        elif isinstance(parent, Alternation):
            sentence = f"the alternative `{written(part)}` is not accepted"
        else:
            continue
        yield Edit("part", sentence, _on_matching(place, partial(_part_lost, path=path)))


def _part_lost(matching: Matching, path: Path) -> Matching | None:
    tree = without(matching.tree, path)
    return None if tree is None else matching._replace(tree=tree)


def _of_words(place: int, matching: Matching) -> Iterator[Edit]:
    assert isinstance(matching.tree, Alternation)
    for at, option in enumerate(matching.tree.options):
        sentence = f"the word `{written(option)}` is not known"
        yield Edit("part", sentence, _on_matching(place, partial(_part_lost, path=(at,))))
    yield Edit(
        "class",
        "words are accepted in any case",
        _on_matching(place, partial(_everywhere, change=_any_case)),
    )


def _of_anchors(place: int) -> Iterator[Edit]:
    whole: tuple[tuple[Anchoring, str], ...] = (
        ("end", "the expression is not anchored at its start"),
        ("start", "the expression is not anchored at its end"),
        ("none", "the expression is not anchored"),
    )
    for anchored, sentence in whole:
        change = partial(_reanchored, anchored=anchored, found=False)
        yield Edit("anchor", sentence, _on_matching(place, change))
    parts: tuple[tuple[Anchoring, str], ...] = (
        ("none", ""),
        ("start", " at the start"),
        ("end", " at the end"),
    )
    for anchored, where in parts:
        sentence = f"of a text the part{where} that fits is stored"
        change = partial(_reanchored, anchored=anchored, found=True)
        yield Edit("found", sentence, _on_matching(place, change))


def _reanchored(matching: Matching, anchored: Anchoring, found: bool) -> Matching | None:
    if found and is_ambiguous(matching.tree):  # the part that fits is found by a search alone
        return None
    return matching._replace(anchored=anchored, found=found)


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
        yield Edit("take", sentence, _on(place, partial(_instead, other=other)))


def _of_trimming(place: int, trimming: Trimming) -> Iterator[Edit]:
    others = [(f"only the {side} end is trimmed", trimming._replace(side=side)) for side in ("left", "right")]
    others += [
        (f"{blanks} blanks are trimmed, not {trimming.blanks}", trimming._replace(blanks=blanks))
        for blanks in ("JavaScript's", "HTTP's", "Python's")
    ]
    for sentence, other in others:
        yield Edit("trim", sentence, _on(place, partial(_instead, other=other)))


def _of_casing(place: int) -> Iterator[Edit]:
    for case in ("lower case", "lower case (ASCII)", "upper case"):
        yield Edit("lower", f"letters become {case}", _on(place, partial(_instead, other=Casing(case))))


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
