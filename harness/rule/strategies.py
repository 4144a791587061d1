"""Hypothesis strategies for headers, as the bytes on the wire: what nobody thought of.

Every strategy shrinks towards few, short and plain lines: fewer lines, then shorter values, then `0`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Final

from hypothesis import strategies as st

from harness.automata.bounds import bounds_of
from harness.automata.pattern import parsed
from harness.automata.tree import Node
from harness.rule.cases import (
    HEADER_BLOCK_MAX,
    HEADER_BLOCK_REST,
    INDEX_ROW_MAX,
    NAME,
    HeaderCase,
    Kind,
    Line,
    known_shapes,
    other_names,
)
from harness.rule.policy import FIELD_BYTES, OWS, STRICT, Policy
from harness.rule.translated import python_pattern
from harness.rule.words import word

Lines = tuple[Line, ...]

EDGES: Final = (b" ", b"\t", b"  ", b"\xa0", b"\x85", b"\xad", b"\xc2\xa0", b"\xe2\x80\x8b", b"\xef\xbb\xbf")
"""Blanks, and what one language or another takes for a blank: NBSP, NEL, soft hyphen, zero-width space, BOM."""

CONTROLS: Final = bytes(byte for byte in range(0x80) if byte not in FIELD_BYTES)
"""Bytes that HTTP refuses in a value, CR and LF among them."""

DUPLICATES_MAX: Final = 100
SEQUENCE_MAX: Final = 8


@lru_cache(maxsize=256)
@st.composite
def header_cases(
    draw: st.DrawFn, policy: Policy = STRICT, kinds: Collection[Kind] = tuple(Kind), header: bytes = NAME
) -> HeaderCase:
    """Cases of all kinds, or of those given, each as likely as the others; finds shrink towards the plain kinds."""
    kind = draw(st.sampled_from([kind for kind in Kind if kind in kinds]))
    return HeaderCase(draw(_lines(policy, kind, header)), kind, header)


@st.composite
def sequences(draw: st.DrawFn, policy: Policy = STRICT, header: bytes = NAME) -> tuple[HeaderCase, ...]:
    """Requests to send one after the other, at least two: somewhere one without the header follows one with it.

    A value that sticks to the next request shows there. Shrinks to one valid id and one request without.
    """
    cases = draw(_sticky(policy, header))
    place = draw(st.integers(0, len(cases)))
    pair = [draw(header_cases(policy, (Kind.VALID,), header)), HeaderCase((), Kind.ABSENT, header)]
    return tuple(cases[:place] + pair + cases[place:])


@lru_cache(maxsize=16)
def _sticky(policy: Policy, header: bytes) -> st.SearchStrategy[list[HeaderCase]]:
    return st.lists(header_cases(policy, _STICKY, header), max_size=SEQUENCE_MAX - 2)


_STICKY: Final = (Kind.ABSENT, Kind.VALID, Kind.EMPTY, Kind.NEAR, Kind.SHAPE, Kind.DUPLICATE, Kind.OTHER_NAME)
"""Kinds that every server answers: a refusal may close the connection that the sequence is about."""


@lru_cache(maxsize=64)
def _lines(policy: Policy, kind: Kind, header: bytes) -> st.SearchStrategy[Lines]:
    return _LINES[kind](policy, header)


@lru_cache(maxsize=16)
def _alphabet(policy: Policy) -> str:
    """What the policy allows and HTTP does not trim, letters and digits first: the others are left by shrinking."""
    allowed = [chr(byte) for byte in FIELD_BYTES if byte not in OWS and policy.allows(chr(byte))]
    return "".join(sorted(allowed, key=lambda character: (not character.isalnum(), character)))


@lru_cache(maxsize=64)
def _ids(policy: Policy, size: int = 24) -> st.SearchStrategy[bytes]:
    """Values that the rule stores as they are: of its words, of its expression, or of its letters in any order."""
    words = next((each.one_of for each in reversed(policy.rule) if each.one_of), None)
    if words:
        return st.sampled_from(words).map(_octets)
    letters = _alphabet(policy)
    if letters and policy.stored([_octets(letters[0])]) is not None:
        return st.text(letters, min_size=1, max_size=size).map(_octets)
    pattern = next(each.match for each in reversed(policy.rule) if each.match is not None)
    texts = st.from_regex(python_pattern(pattern), fullmatch=True, alphabet=_LATIN_1)
    return texts.filter(lambda text: policy.accepted(text) == text == text.strip(" \t")).map(_octets)


def _octets(text: str) -> bytes:
    return text.encode("latin-1")


_LATIN_1: Final = st.characters(codec="latin-1", categories=("L", "N", "P", "S"))
_ANY_BYTE: Final = st.sampled_from([chr(byte) for byte in FIELD_BYTES]).map(_octets)


@lru_cache(maxsize=256)
@st.composite
def _near(draw: st.DrawFn, policy: Policy) -> bytes:
    """An id with one byte inserted, replaced or cut."""
    text = draw(_ids(policy))
    place = draw(st.integers(0, len(text)))
    edit = draw(st.sampled_from(("replace", "insert", "cut")))
    byte = b"" if edit == "cut" else draw(_ANY_BYTE)
    return text[:place] + byte + text[place + (edit != "insert") :]


@lru_cache(maxsize=256)
@st.composite
def _run(draw: st.DrawFn, policy: Policy, lengths: tuple[int, ...]) -> bytes:
    """A run of one character, of one of the lengths, perhaps with one byte replaced.

    With as many lengths for each limit, a find at a high limit shrinks to the same place of a lower one.
    """
    length = max(draw(st.sampled_from(lengths)), 1)
    run = draw(st.sampled_from(_alphabet(policy)).map(_octets)) * length
    if not draw(st.booleans()):  # a plain run is what a limit is about; a find shrinks to it
        return run
    place = draw(st.sampled_from((0, -1, length // 2))) % length
    return run[:place] + draw(_ANY_BYTE) + run[place + 1 :]


def _around(limit: int) -> tuple[int, ...]:
    return (_SHORT, *(limit + more for more in (1, 0, 2, -1, 3, -2)))


def _at_limit(policy: Policy) -> st.SearchStrategy[bytes]:
    """Runs about the longest length; where no run of one letter is stored, the longest text, a little more or less."""
    letter = _alphabet(policy)[:1]
    if letter and policy.stored([_octets(letter) * policy.length_max]) is not None:
        return _run(policy, _around(policy.length_max))
    trees = [parsed(each.match).tree for each in policy.rule if each.match is not None]
    if not trees or bounds_of(trees[-1]).longest is None:
        return _run(policy, _around(policy.length_max))
    return _longest(trees[-1], policy.length_max)


@st.composite
def _longest(draw: st.DrawFn, tree: Node, length: int) -> bytes:
    text = _octets(word(tree, length, draw(st.integers(0, 4))))
    more = draw(st.sampled_from((0, 1, -1, 2, -2, 3)))
    return text + text[-1:] * more if more >= 0 else text[:more]


_SHORT: Final = 2
"""What the length of a find shrinks to when it is not about length."""


@lru_cache(maxsize=256)
@st.composite
def _between_blanks(draw: st.DrawFn, policy: Policy) -> bytes:
    edge = st.lists(st.sampled_from(EDGES), max_size=2).map(b"".join)
    value = draw(st.one_of(_ids(policy), _run(policy, _around(policy.length_max))))
    return draw(edge) + value + draw(edge)


def _duplicates(policy: Policy, header: bytes) -> st.SearchStrategy[Lines]:
    some = st.lists(st.one_of(_ids(policy, 8), st.just(b""), _near(policy)), min_size=2, max_size=4)
    same = st.tuples(_ids(policy, 8), st.integers(2, DUPLICATES_MAX)).map(lambda drawn: [drawn[0]] * drawn[1])
    half = (
        policy.length_max // 2 - 1
    )  # two of these, and the comma and blank that join them, are about the longest
    halves = st.lists(_run(policy, _around(half)), min_size=2, max_size=2)
    return st.one_of(some, same, halves).map(lambda values: tuple((header, value) for value in values))


@st.composite
def _odd_case(draw: st.DrawFn, policy: Policy, header: bytes) -> Lines:
    capitals = draw(st.integers(1, 2 ** len(header) - 1))
    name = bytes(
        byte ^ 0x20 if capitals >> at & 1 and chr(byte).isalpha() else byte for at, byte in enumerate(header)
    )
    return ((name, draw(_ids(policy))),)


@st.composite
def _other_name(draw: st.DrawFn, policy: Policy, header: bytes) -> Lines:
    other = (draw(st.sampled_from(other_names(header))), draw(_ids(policy)))
    beside = draw(st.none() | _ids(policy))
    if beside is None:
        return (other,)
    return draw(st.permutations([other, (header, beside)]).map(tuple))


@st.composite
def _folded(draw: st.DrawFn, policy: Policy) -> bytes:
    return draw(_ids(policy)) + b"\r\n" + draw(st.sampled_from((b" ", b"\t"))) + draw(_ids(policy))


@st.composite
def _with_control(draw: st.DrawFn, policy: Policy) -> bytes:
    text = draw(_ids(policy))
    place = draw(st.integers(0, len(text)))
    return text[:place] + draw(st.sampled_from([bytes([byte]) for byte in CONTROLS])) + text[place:]


@st.composite
def _bad_name(draw: st.DrawFn, policy: Policy, header: bytes) -> Lines:
    return ((header + draw(st.sampled_from((b" ", b"\t"))), draw(_ids(policy))),)


def _line(
    values: Callable[[Policy], st.SearchStrategy[bytes]],
) -> Callable[[Policy, bytes], st.SearchStrategy[Lines]]:
    return lambda policy, header: values(policy).map(lambda value: ((header, value),))


_PASSES: Final = HEADER_BLOCK_MAX - HEADER_BLOCK_REST - len(NAME)
_BLOCK: Final = (
    _PASSES,
    HEADER_BLOCK_MAX,
    _PASSES - 1,
    HEADER_BLOCK_MAX + 1,
    _PASSES - 2,
    HEADER_BLOCK_MAX + 2,
)
"""Lengths that certainly pass or are certainly refused, whatever other headers the request has."""

_LINES: Final[dict[Kind, Callable[[Policy, bytes], st.SearchStrategy[Lines]]]] = {
    Kind.ABSENT: lambda _, __: st.just(()),
    Kind.VALID: _line(_ids),
    Kind.NEAR: _line(_near),
    Kind.LIMIT: _line(_at_limit),
    Kind.INDEX: _line(lambda policy: _run(policy, _around(INDEX_ROW_MAX))),
    Kind.BLOCK: _line(lambda policy: _run(policy, _BLOCK)),
    Kind.EMPTY: _line(lambda _: st.text(" \t", max_size=3).map(_octets)),
    Kind.BYTES: _line(lambda _: st.lists(_ANY_BYTE, max_size=12).map(b"".join)),
    Kind.EDGES: _line(_between_blanks),
    Kind.SHAPE: lambda _, header: st.sampled_from(known_shapes()).map(
        lambda lines: tuple((header, line) for line in lines)
    ),
    Kind.DUPLICATE: _duplicates,
    Kind.NAME_CASE: _odd_case,
    Kind.OTHER_NAME: _other_name,
    Kind.CONTROL: _line(_with_control),
    Kind.FOLD: _line(_folded),
    Kind.BAD_NAME: _bad_name,
}
