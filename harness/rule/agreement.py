"""Whether two readings of the rule agree: Python's policy and the plan's JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from harness.rule.oracle import HEADERS_PER_MESSAGE, REFUSED, NodeOracle, Reading
from harness.rule.policy import Policy, refused

HEADERS_AT_ONCE: Final = 10 * HEADERS_PER_MESSAGE
"""Enough that Python and Node work at the same time; at most some megabytes are held."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A header that the two read differently, as the raw bytes of its lines."""

    lines: tuple[bytes, ...]
    python: Reading
    javascript: Reading

    def __str__(self) -> str:
        return f"{list(self.lines)!r}: Python {self.python!r}, JavaScript {self.javascript!r}"


def disagreements(
    policy: Policy, headers: Iterable[Sequence[bytes]], oracle: NodeOracle
) -> Iterator[Disagreement]:
    """The headers, in their order, that Python's policy and its JavaScript do not read alike.

    Headers are taken as they are needed, `HEADERS_AT_ONCE` at a time, so there may be any number of them.
    Raises what `NodeOracle.stored` raises.
    """
    source = iter(headers)
    while batch := list(islice(source, HEADERS_AT_ONCE)):
        for lines, javascript in zip(batch, oracle.stored(policy, batch), strict=True):
            python = reading(policy, lines)
            if python != javascript:
                yield Disagreement(tuple(lines), python, javascript)


def reading(policy: Policy, lines: Sequence[bytes]) -> Reading:
    """What becomes of a header in Python's reading, refusals included."""
    for line in lines:  # no generator: a suite has a hundred thousand headers
        if refused(line):
            return REFUSED
    return policy.stored(lines)
