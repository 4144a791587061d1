"""A regular expression as a tree of what a finite automaton can do."""

from typing import NamedTuple

from harness.automata.characters import Ranges


class CharacterSet(NamedTuple):
    """One code unit of these; none fits where there are none."""

    ranges: Ranges


class Concatenation(NamedTuple):
    """All parts, one after the other; nothing, where there are none."""

    parts: tuple["Node", ...]


class Alternation(NamedTuple):
    """One of the options."""

    options: tuple["Node", ...]


class Repetition(NamedTuple):
    """A part so many times."""

    part: "Node"
    least: int
    most: int | None
    """None for no bound."""


class Anchor(NamedTuple):
    """The start of the text, or its end."""

    at_start: bool


Node = CharacterSet | Concatenation | Alternation | Repetition | Anchor
