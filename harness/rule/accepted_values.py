"""Values that a rule stores as they are: drawn from its expressions or its words, and held to the rule itself. Pure."""

import random
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from harness.automata.bounds import bounds_of
from harness.automata.characters import Ranges
from harness.automata.pattern import parsed
from harness.automata.tree import Alternation, Anchor, CharacterSet, Concatenation, Node, Repetition
from harness.rollout import Rollout, is_plans
from harness.rollout.tables import Header, Operation
from harness.rule.policy import Policy, policy_of
from harness.rule.shapes import STORED_VALUES

PRINTABLE: Final = ((0x21, 0x7E), (0xA1, 0xFF))
"""Characters that stand in a header as they are; of the second range only where none of the first will do."""
USUAL_TIMES: Final = 24
"""How often a part is repeated that may be repeated without end, or very often; within another only a few times."""
NESTED_TIMES: Final = 3
FREE: Final = "[a-z0-9]{12,24}"
"""What is drawn where a rule has neither an expression nor words."""
TRIES_MAX: Final = 200
DISTINCT: Final = 64
"""Values that are all different where a rule accepts so many that no two runs are likely to draw the same."""


class AcceptedValues:
    """Values of one rule; the same seed draws the same ones."""

    def __init__(self, policy: Policy, header: Header, seed: int = 0) -> None:
        self._policy = policy
        self._decode = header.decode
        self._words = next((one.one_of for one in reversed(header.rule) if one.one_of), None)
        self._tree = parsed(_expression(header)).tree
        self._random = random.Random(seed)  # noqa: S311 - a value to recognise, no secret
        self.examples = tuple(map(self._octets, header.examples))

    def draw(self) -> bytes | None:
        """A value; None where none was found."""
        for _ in range(TRIES_MAX):
            text = self._random.choice(self._words) if self._words else drawn(self._tree, self._random)
            if text and self.keeps(text):
                return self._octets(text)
        return None

    @property
    def is_unique(self) -> bool:
        """Whether values are so many that one drawn by another run is another one."""
        apart = AcceptedValues.__new__(AcceptedValues)
        apart.__dict__ = self.__dict__ | {"_random": random.Random(DISTINCT)}  # noqa: S311
        return len({apart.draw() for _ in range(DISTINCT)} - {None}) == DISTINCT

    @property
    def longest(self) -> bytes | None:
        """A value of the greatest length; None where there is no bound, or it is not stored as it is."""
        if self._words:
            return self._octets(max(self._words, key=len))
        longest = bounds_of(self._tree).longest
        text = drawn(self._tree, self._random, at_most=True) if longest is not None else ""
        return self._octets(text) if text and self.keeps(text) else None

    def keeps(self, text: str) -> bool:
        """Whether the rule stores a text as it is."""
        try:
            return self._policy.stored([self._octets(text)]) == text
        except UnicodeEncodeError:
            return False

    def _octets(self, text: str) -> bytes:
        return text.encode(self._decode)


SAMPLES: Final = 24


def stored_samples(rollout: Rollout) -> tuple[str | None, ...]:
    """What a row of a run may hold, NULL first: for the plan what is known to be tricky, else values of its rule.

    Of a value that a look-up table holds, and that the column only refers to, nothing is known here.
    """
    if is_plans(rollout):
        return STORED_VALUES
    detail = rollout.tables.store.detail
    if detail is not None and (detail.rows or detail.grows):
        return (None,)
    accepted = AcceptedValues(policy_of(rollout), rollout.header)
    found = [*accepted.examples, accepted.longest, *(accepted.draw() for _ in range(SAMPLES))]
    texts = [value.decode(rollout.header.decode) for value in found if value is not None]
    return (None, *dict.fromkeys(text for text in texts if accepted.keeps(text)))


def _expression(header: Header) -> str:
    found = [one.match for one in header.rule if one.match is not None]
    # "Anything" says nothing of what is stored: what can be told from other values is drawn instead.
    return found[-1] if found and not found[-1].startswith((r"[\s\S]", "[^]")) else FREE


def drawn(node: Node, source: random.Random, *, at_most: bool = False, nested: bool = False) -> str:
    """A text that fits; with `at_most` one of the greatest length, for which every bound must be known."""
    if isinstance(node, CharacterSet):
        return chr(_unit(node.ranges, source)) if _printable(node.ranges) else ""
    if isinstance(node, Anchor):
        return ""
    if isinstance(node, Concatenation):
        return "".join(drawn(part, source, at_most=at_most, nested=nested) for part in node.parts)
    if isinstance(node, Alternation):
        options = node.options
        chosen = max(options, key=_longest) if at_most else source.choice(options)
        return drawn(chosen, source, at_most=at_most, nested=nested)
    return "".join(
        drawn(node.part, source, at_most=at_most, nested=True)
        for _ in range(_times(node, source, at_most, nested))
    )


def _times(node: Repetition, source: random.Random, at_most: bool, nested: bool) -> int:
    if at_most:
        return node.most or 0
    usual = max(node.least, NESTED_TIMES if nested else USUAL_TIMES)
    most = usual if node.most is None else min(usual, node.most)
    return source.randint(max(node.least, most // 2), most)


@lru_cache(maxsize=64)  # of a set of characters, once for each character drawn
def _printable(ranges: Ranges) -> Ranges:
    for first, last in PRINTABLE:
        found = tuple(
            (max(low, first), min(high, last)) for low, high in ranges if low <= last and high >= first
        )
        if found:
            return found
    return ()


def _unit(ranges: Ranges, source: random.Random) -> int:
    choices = _units(ranges)
    return choices[source.randrange(len(choices))]


@lru_cache(maxsize=64)
def _units(ranges: Ranges) -> tuple[int, ...]:
    return tuple(_each(_printable(ranges)))


def _each(ranges: Ranges) -> Iterator[int]:
    for low, high in ranges:
        yield from range(low, high + 1)


@lru_cache(maxsize=64)
def has_one_length(rule: tuple[Operation, ...]) -> bool:
    """Whether all values that the rule stores as they are have one length."""
    words = next((one.one_of for one in reversed(rule) if one.one_of), None)
    if words:
        return len({*map(len, words)}) == 1
    source = next((one.match for one in reversed(rule) if one.match is not None), None)
    return source is not None and bounds_of(parsed(source).tree).is_one


def _longest(node: Node) -> int:
    return bounds_of(node).longest or 0
