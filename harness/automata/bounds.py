"""How long the texts are that fit an expression's tree. Pure."""

from collections.abc import Callable
from typing import NamedTuple

from harness.automata.tree import Alternation, Anchor, CharacterSet, Node, Repetition


class LengthBounds(NamedTuple):
    """Characters of the shortest and of the longest text that fits; the longest is None where there is no bound."""

    shortest: int
    longest: int | None

    @property
    def is_one(self) -> bool:
        """Whether all are of one length."""
        return self.shortest == self.longest


def bounds_of(tree: Node) -> LengthBounds:
    """The bounds of a tree; of a set without members, as if it had some."""
    if isinstance(tree, CharacterSet):
        return LengthBounds(1, 1)
    if isinstance(tree, Anchor):
        return LengthBounds(0, 0)
    if isinstance(tree, Repetition):
        least, most = bounds_of(tree.part)
        is_endless = most != 0 and (most is None or tree.most is None)
        return LengthBounds(least * tree.least, None if is_endless else (most or 0) * (tree.most or 0))
    if isinstance(tree, Alternation):
        each = [bounds_of(option) for option in tree.options]
        return LengthBounds(min(found.shortest for found in each), _of_all(each, max))
    each = [bounds_of(part) for part in tree.parts]
    return LengthBounds(sum(found.shortest for found in each), _of_all(each, sum))


def _of_all(each: list[LengthBounds], combined: Callable[[list[int]], int]) -> int | None:
    known = [found.longest for found in each if found.longest is not None]
    return combined(known) if len(known) == len(each) else None
