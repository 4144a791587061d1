"""A pattern read off a backend's answers: which characters it takes first, in the middle and last, and how many.

For backends that no slip of the catalogue explains. What comes out is a guess until it is held to every answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from harness.automata.characters import Ranges, united
from harness.automata.source import code_units
from harness.automata.tree import Alternation, CharacterSet, Concatenation, Node, Repetition

SEGMENTS_MAX: Final = 4
"""Separate ranges of lengths that are still taken for a pattern."""
PERIOD_MAX: Final = 8
WORDS_MAX: Final = 40
BASES_MAX: Final = 3

Taken = Sequence[tuple[str, bool]]
"""Texts, each with whether it is accepted."""


def inferred_trees(answers: Taken, usual: frozenset[str]) -> Iterator[tuple[Node, bool]]:
    """Trees that may explain which texts are accepted, the simplest first; whether it only lists what was accepted.

    Nothing where none is accepted. Of the `usual` characters those that were not tried at a place are taken to be
    accepted there: a run that did not look has seen no difference from the rule.
    """
    texts = [(code_units(text), accepted) for text, accepted in answers]
    accepted = [text for text, is_accepted in texts if is_accepted and text]
    if not accepted:
        return
    refused = [text for text, is_accepted in texts if not is_accepted]
    first = {text[0] for text in accepted}
    last = {text[-1] for text in accepted}
    middle = {character for text in accepted for character in text[1:-1]}
    alone = {text for text in accepted if len(text) == 1}
    refused_there = _refused_at({len(text) for text in accepted}, refused, first | middle | last)
    first |= usual - refused_there[0]
    last |= usual - refused_there[2]
    middle |= usual - refused_there[1] if middle else set()
    lengths = _Lengths({len(text) for text in accepted}, _tried(refused, first | middle | last))
    everywhere = first | middle | last
    yield from ((tree, False) for tree in lengths.repeated(_set(everywhere)))
    for begin, inner, end in (
        (first, middle | last, None),
        (None, first | middle, last),
        (first, middle, last),
        (first, everywhere, last),
    ):
        yield from ((tree, False) for tree in _framed(begin, inner, end, alone, lengths))
    yield from ((tree, False) for tree in _shapes(accepted, refused))
    words = list(dict.fromkeys(accepted))
    if len(words) <= WORDS_MAX:
        yield Alternation(tuple(map(_word, words))), True


def _refused_at(
    lengths: set[int], refused: list[str], known: set[str]
) -> tuple[set[str], set[str], set[str]]:
    """Characters first, in the middle and last that a text was refused for: all others of it are accepted somewhere."""
    found: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for text in refused:
        if text and len(text) in lengths:
            strange = [at for at, character in enumerate(text) if character not in known]
            if len(strange) < 2:
                at = strange[0] if strange else 0
                found[0 if at == 0 else 2 if at == len(text) - 1 else 1].add(text[at])
            if not strange:
                found[2].add(text[-1])
    return found


def _tried(refused: Iterable[str], known: set[str]) -> set[int]:
    """Lengths of refused texts in which every character is one that is accepted somewhere."""
    return {len(text) for text in refused if known.issuperset(text)}


class _Lengths:
    """Which lengths are accepted, and which are refused for certain."""

    def __init__(self, accepted: set[int], refused: set[int]) -> None:
        self.accepted = sorted(accepted)
        self.refused = refused - accepted
        self.least, self.most = self.accepted[0], self.accepted[-1]
        self.has_bound = any(length > self.most for length in self.refused)

    def repeated(self, node: Node) -> Iterator[Node]:
        """A node so many times: without holes, at multiples of a number, or in a few ranges."""
        yield Repetition(node, self.least, self.most if self.has_bound else None)
        for period in range(2, PERIOD_MAX + 1):
            if all(length % period == 0 for length in self.accepted):
                has_bound = any(length > self.most and length % period == 0 for length in self.refused)
                times = self.most // period if has_bound else None
                yield Repetition(Repetition(node, period, period), self.least // period, times)
        segments = self._segments()
        if 1 < len(segments) <= SEGMENTS_MAX:
            bounds = [*segments[:-1], (segments[-1][0], self.most if self.has_bound else None)]
            yield Alternation(tuple(Repetition(node, low, high) for low, high in bounds))

    def _segments(self) -> list[tuple[int, int]]:
        """Ranges of accepted lengths, split where a length between is refused."""
        segments: list[tuple[int, int]] = []
        for length in self.accepted:
            start = segments[-1][1] + 1 if segments else 0
            if segments and not self.refused.intersection(range(start, length)):
                segments[-1] = (segments[-1][0], length)
            else:
                segments.append((length, length))
        return segments


def _framed(
    begin: set[str] | None, inner: set[str], end: set[str] | None, alone: set[str], lengths: _Lengths
) -> Iterator[Node]:
    """A set at the start, one at the end, or both, about a repetition."""
    ends = sum(frame is not None for frame in (begin, end))
    most = lengths.most - ends if lengths.has_bound else None
    if not inner or (most is not None and most < 0):
        return
    least = max(0, lengths.least - ends)
    head = () if begin is None else (_set(begin),)
    tail = () if end is None else (_set(end),)
    whole = Concatenation((*head, Repetition(_set(inner), least, most), *tail))
    if ends == 2 and alone:
        both_ends = Concatenation((Repetition(_set(inner), 0, most), *tail))
        if begin == end == alone:
            yield Concatenation((*head, Repetition(both_ends, 0, 1)))
        yield Alternation((_set(alone), Concatenation((*head, both_ends))))
    else:
        yield whole


def _shapes(accepted: list[str], refused: list[str]) -> Iterator[Node]:
    """Texts of one length, place by place."""
    if len({len(text) for text in accepted}) == 1 and len(accepted) > 1:
        columns = [set(column) for column in zip(*accepted, strict=True)]
        beside = _refused_beside(accepted[:BASES_MAX], refused, len(columns))
        yield _runs([_set(_filled(column, others)) for column, others in zip(columns, beside, strict=True)])


def _refused_beside(bases: list[str], refused: list[str], length: int) -> list[set[str]]:
    """At each place the characters with which a text is refused that is accepted with another one there."""
    found: list[set[str]] = [set() for _ in range(length)]
    for text in refused:
        for base in bases if len(text) == length else ():
            places = [at for at in range(length) if text[at] != base[at]]
            if len(places) == 1:
                found[places[0]].add(text[places[0]])
    return found


def _filled(accepted: set[str], refused: set[str]) -> set[str]:
    """With the letters and digits between two accepted ones, where none between is known to be refused."""
    found = set(accepted)
    for kind in (ascii_uppercase, ascii_lowercase, digits):
        known = [character for character in kind if character in accepted]
        for low, high in pairwise(known):
            between = kind[kind.index(low) + 1 : kind.index(high)]
            if not refused.intersection(between):
                found.update(between)
    return found


def _runs(sets: list[CharacterSet]) -> Node:
    """The sets one after the other, equal ones as a repetition."""
    parts: list[Node] = []
    for part, group in groupby(sets):
        count = len(list(group))
        parts += [Repetition(part, count, count)] if count > 2 else [part] * count
    return Concatenation(tuple(parts))


def _word(text: str) -> Node:
    return Concatenation(tuple(_set({character}) for character in text))


def _set(characters: Iterable[str]) -> CharacterSet:
    return CharacterSet(_ranges(characters))


def _ranges(characters: Iterable[str]) -> Ranges:
    return united((ord(character), ord(character)) for character in characters)
