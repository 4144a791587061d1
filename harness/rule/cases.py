"""A header as a test case: its lines, what must become of it, and a fixed set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from harness import plan
from harness.data import fixture_path
from harness.rule.policy import STRICT, Policy, received, refused, utf16_length

NAME: Final = plan.HEADER.encode("ascii")
"""The plan's header as it is written by default, for those who know no other rollout."""

NAME_BYTES: Final = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""What a header's name is made of; a line with any other is refused (RFC 9110, 5.6.2)."""

INDEX_ROW_MAX: Final = 2704
"""Longest value, in bytes, that a btree index of 8 KiB pages holds for certain (PostgreSQL, limits of B-Tree)."""

HEADER_BLOCK_MAX: Final = 16 * 1024
"""Bytes of names and values from which Node refuses a request (`--max-http-header-size`)."""

HEADER_BLOCK_REST: Final = 1024
"""Bytes left to the other headers of a request. A case that would need some of them may pass or not: none is made."""

Line = tuple[bytes, bytes]
"""Name and value of one header line, as written on the wire."""


class Kind(StrEnum):
    """The classes of headers that are tried, plain ones first: a find shrinks towards the first that shows it."""

    ABSENT = "no header"
    VALID = "valid id"
    NEAR = "one edit from valid"
    LIMIT = "around the longest length"
    INDEX = "around the index limit"
    BLOCK = "around the header block limit"
    EMPTY = "empty or blank"
    BYTES = "any bytes"
    EDGES = "blanks at the edges"
    SHAPE = "id of the real world"
    DUPLICATE = "several lines"
    NAME_CASE = "name in odd case"
    OTHER_NAME = "another name"
    CONTROL = "control character"
    FOLD = "folded line"
    BAD_NAME = "blank before the colon"


CLASSES: Final = tuple(kind.value for kind in Kind)
"""Every label that a case may bear, to show which were covered."""


@dataclass(frozen=True, slots=True)
class HeaderCase:
    """One header of a request, or what is like it: lines in their order, and the class it stands for."""

    lines: tuple[Line, ...]
    label: Kind
    header: bytes = NAME
    """The name of the header that is rolled out, in lower case."""

    @property
    def values(self) -> tuple[bytes, ...]:
        """Values of the lines that bear the header's name, in any case (RFC 9110, 5.1)."""
        return tuple(value for name, value in self.lines if name.lower() == self.header)

    @property
    def refused_by_http(self) -> bool:
        """Whether a Node server refuses the request (400 or 431) before any rule sees it."""
        octets = sum(len(name) + len(value) for name, value in self.lines)
        return octets >= HEADER_BLOCK_MAX or any(
            refused(value) or not name or name.translate(None, NAME_BYTES) for name, value in self.lines
        )

    def expected(self, policy: Policy) -> str | None:
        """What the column must hold for an anonymous user; None means NULL, or no row where HTTP refuses."""
        return None if self.refused_by_http else policy.stored(self.values)


CaseSequence = tuple[HeaderCase, ...]
"""Sent one after the other."""


def distance_to_boundary(value: bytes, policy: Policy = STRICT) -> float:
    """How many edits a value is away from a longest accepted one: 0 at the boundary, for a search to minimise."""
    text = received([value]) or ""
    outside = sum(not policy.allows(character) for character in text)
    return float(abs(utf16_length(text) - policy.length_max) + outside)


@lru_cache(maxsize=1)
def known_shapes() -> tuple[tuple[bytes, ...], ...]:
    """The lines of `fixtures/headers/known_answers.json`: ids of the real world and values known to be tricky."""
    document = json.loads(fixture_path("headers/known_answers.json").read_text(encoding="utf-8"))
    return tuple(tuple(line.encode("latin-1") for line in known["lines"]) for known in document)


def other_names(header: bytes = NAME) -> tuple[bytes, ...]:
    """Names that are not the header's but that something may take for it: underscores, a part missing or added.

    And each of its hyphens left out, or written as an underscore.
    """
    whole, short = header, header.partition(b"-")[2] or header + b"-id"
    names = (
        *(whole.replace(b"-", b"_"), short, whole[:-1], whole + b"s", b"x-" + whole),
        *(
            b"x-" + short.partition(b"-")[2],
            short.partition(b"-")[2],
            whole.replace(b"-", b""),
            whole + b"-old",
        ),
    )
    hyphens = [place for place, byte in enumerate(whole) if byte == ord("-")]
    joined = (whole[:place] + other + whole[place + 1 :] for place in hyphens for other in (b"", b"_"))
    return tuple(name for name in dict.fromkeys((*names, *joined)) if name not in (whole, b"", b"x-"))


def fixed_cases(
    header: bytes = NAME, valid: bytes = b"abc", other: bytes = b"xyz", longest: int = plan.LENGTH_MAX
) -> tuple[HeaderCase, ...]:
    """Cases that never change: the known shapes, names, long values and what HTTP refuses; with two valid values.

    `longest` is the rule's bound, in bytes.
    """
    return tuple(
        HeaderCase(lines, label, header)
        for lines, label in (*_accepted_by_http(header, valid, other, longest), *_refused_by_http(header))
    )


def control_cases(header: bytes = NAME) -> tuple[HeaderCase, ...]:
    """Each byte below space and DEL that HTTP refuses, within a value; those of `fixed_cases` are not among them."""
    fixed = fixed_cases(header)
    every = (
        HeaderCase(((header, b"a" + bytes([byte]) + b"b"),), Kind.CONTROL, header)
        for byte in (*range(0x20), 0x7F)
        if refused(bytes([byte]))
    )
    return tuple(case for case in every if case not in fixed)


def _accepted_by_http(
    header: bytes, valid: bytes, other: bytes, longest: int
) -> Iterator[tuple[tuple[Line, ...], Kind]]:
    for lines in known_shapes():
        yield tuple((header, line) for line in lines), Kind.SHAPE
    for name in (header.upper(), header.title()):
        yield ((name, valid),), Kind.NAME_CASE
    for name in other_names(header):
        yield ((name, valid),), Kind.OTHER_NAME
    for name in other_names(header):
        yield ((header, valid), (name, other)), Kind.OTHER_NAME
    for more in (0, 1):
        yield ((header, b"a" * (INDEX_ROW_MAX + more)),), Kind.INDEX
    yield ((header, b"a" * (HEADER_BLOCK_MAX - HEADER_BLOCK_REST - len(header))),), Kind.BLOCK
    yield ((header, b"a"),) * 100, Kind.DUPLICATE
    yield ((header, b"a" * (longest - 1)), (header, b"")), Kind.DUPLICATE


def _refused_by_http(header: bytes) -> Iterator[tuple[tuple[Line, ...], Kind]]:
    for byte in (0x00, 0x01, 0x0A, 0x0B, 0x0D, 0x7F):
        for before, after in ((b"a", b"b"), (b"", b"a"), (b"a", b"")):
            yield ((header, before + bytes([byte]) + after),), Kind.CONTROL
    for blank in (b" ", b"\t"):
        yield ((header, b"a\r\n" + blank + b"b"),), Kind.FOLD
    for blank in (b" ", b"\t"):
        yield ((header + blank, b"a"),), Kind.BAD_NAME
    yield ((header, b"a" * HEADER_BLOCK_MAX),), Kind.BLOCK
