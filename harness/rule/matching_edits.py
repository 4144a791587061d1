"""Changes that one slip makes to an expression: its bounds, classes, parts, words and anchors. Pure."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from harness.automata.bounds import bounds_of
from harness.automata.characters import ANY, Ranges, complement, united
from harness.automata.tree import Alternation, CharacterSet, Concatenation, Node, Repetition
from harness.automata.written import written
from harness.rule.behaviour import HeaderBehaviour, PlacedOperation
from harness.rule.behaviour_operations import Anchoring, Matching, Taking
from harness.rule.edit import Change, Edit, on_place
from harness.rule.named import named
from harness.rule.policy import FIELD_BYTES
from harness.rule.trees import Path, every_set, is_ambiguous, parts_of, replaced, without

_BYTES: Final = frozenset(FIELD_BYTES)

LATIN_LETTERS: Final[Ranges] = (
    (0xAA, 0xAA),
    (0xB5, 0xB5),
    (0xBA, 0xBA),
    (0xC0, 0xD6),
    (0xD8, 0xF6),
    (0xF8, 0xFF),
)


def _on_matching(place: int, change: Callable[[Matching], Matching | None]) -> Change:
    return on_place(place, lambda operation: change(operation) if isinstance(operation, Matching) else None)


def _on_part(place: int, path: Path, change: Callable[[Node], Node | None]) -> Change:
    def changed(matching: Matching) -> Matching | None:
        tree = replaced(matching.tree, path, change)
        return None if tree is None else matching._replace(tree=tree)

    return _on_matching(place, changed)


def matching_edits(place: int, matching: Matching, every_byte: bool) -> Iterator[Edit]:
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
