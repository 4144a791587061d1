"""A regular expression as a tree of what a finite automaton can do.

Nodes are no tuples: an empty set of characters and an empty concatenation would be equal.
"""

from dataclasses import dataclass

from harness.automata.characters import Ranges


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """One code unit of these; none fits where there are none."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Concatenation:
    """All parts, one after the other; nothing, where there are none."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    """One of the options."""

    options: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repetition:
    """A part so many times."""

    part: "Node"
    least: int
    most: int | None
    """None for no bound."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The start of the text, or its end."""

    at_start: bool


Node = CharacterSet | Concatenation | Alternation | Repetition | Anchor


def beyond(tree: Node, most: int) -> bool:
    """Whether a set of it holds a code unit above `most`."""
    match tree:
        case CharacterSet(ranges):
            return any(last > most for _, last in ranges)
        case Concatenation(parts) | Alternation(parts):
            return any(beyond(part, most) for part in parts)
        case Repetition(part):
            return beyond(part, most)
        case Anchor():
            return False
