"""What can be said of a rule without its automaton: the characters that it lets through, and its longest text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.automata.bounds import bounds_of
from harness.automata.pattern import parsed
from harness.rollout.tables import Operation
from harness.rule.translated import python_pattern

LONGEST: Final = 16 * 1024
"""Where the rule sets no bound, HTTP does: Node refuses a head of so many bytes."""
_PART: Final = re.compile(
    r"(\[\^?(?:\\.|[^\]\\])*\]|\\[dws]|[\w-])(?:\{(\d+)(?:(,)(\d*))?\}|([*+?]))?", re.ASCII
)
_ANY: Final = (r"[\s\S]", "[^]")


@dataclass(frozen=True, slots=True)
class Simple:
    """Characters and length of the texts of which a rule stores all."""

    alphabet: str | None
    """A character class of JavaScript without its brackets; None: any character."""
    longest: int

    def holds(self, text: str) -> bool:
        """Whether the alphabet holds every character."""
        return self.alphabet is None or python_pattern(f"[{self.alphabet}]*").fullmatch(text) is not None


@lru_cache(maxsize=64)
def simple(rule: Sequence[Operation]) -> Simple:
    """The narrowest that one operation says; of an expression its bound, of a sequence of classes the characters."""
    longest, alphabet = LONGEST, None
    for operation in rule:
        if operation.take is not None:
            longest = min(longest, operation.take)
        elif operation.one_of is not None:
            longest = min(longest, max(map(len, operation.one_of)))
            alphabet = "".join(map(re.escape, sorted(set("".join(operation.one_of)))))
        elif operation.match is not None:
            found = _of_sequence(operation.match)
            longest, alphabet = min(longest, found.longest), found.alphabet
    return Simple(alphabet, longest)


def exact(rule: Sequence[Operation]) -> Simple | None:
    """Characters and length of the texts that a rule accepts, where these say all of it: of one class, repeated from 1.

    A trim behind it takes blanks only. None for any other rule.
    """
    first, *others = rule
    part = _PART.fullmatch(first.match or "")
    if part is None or part[2] != "1" or not part[4] or any(one.trim is None for one in others):
        return None
    return simple(tuple(rule))


def _of_sequence(source: str) -> Simple:
    parts = list(_PART.finditer(source))
    if "".join(part.group() for part in parts) != source:
        pattern = parsed(source)
        bound = None if pattern.obstacle else bounds_of(pattern.tree).longest
        return Simple(None, LONGEST if bound is None else min(bound, LONGEST))
    longest = sum(_most(part) for part in parts)
    classes = dict.fromkeys(part[1] for part in parts)
    if any(one in _ANY or one.startswith("[^") for one in classes):
        return Simple(None, min(longest, LONGEST))
    inside = [one[1:-1] if one.startswith("[") else re.escape(one) if one == "-" else one for one in classes]
    return Simple(
        "".join(inside) if len(inside) == 1 else "".join(sorted(inside, key=_hyphen_last)),
        min(longest, LONGEST),
    )


def _hyphen_last(inside: str) -> tuple[bool, str]:
    return inside.endswith("-"), inside


def _most(part: re.Match[str]) -> int:
    if part[5]:
        return 1 if part[5] == "?" else LONGEST
    if part[2] is None:
        return 1
    if part[3] is None:
        return int(part[2])
    return int(part[4]) if part[4] else LONGEST
