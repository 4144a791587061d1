"""Reads a regular expression as JavaScript does without flags (ECMA-262, 22.2.1, with annex B.1.2).

What it captures and whether it is lazy changes no answer to whether a whole text fits, so neither is kept. What looks
around, refers back, or asks for the edge of a word is read, so that the rest is checked, and named: no automaton is
made of it here.
"""

from typing import Final, NamedTuple

from harness.automata.characters import ANY, LINE_ENDS, complement, single
from harness.automata.escapes import brackets, escape, refers_back
from harness.automata.source import PatternError as PatternError
from harness.automata.source import PatternSource
from harness.automata.tree import Alternation, Anchor, CharacterSet, Concatenation, Node, Repetition

COUNT_MAX: Final = 5_000
"""Highest number of times in braces."""
DEPTH_MAX: Final = 100
"""Groups within groups."""

_LOOKS: Final = {"?=": "look-ahead", "?!": "look-ahead", "?<=": "look-behind", "?<!": "look-behind"}
_TIMES: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_NOTHING: Final = Concatenation(())


class NonRegular(NamedTuple):
    """What an automaton cannot do."""

    kind: str
    position: int
    """Where it begins, from 1."""

    def __str__(self) -> str:
        return f"{self.kind} at position {self.position}"


class ParsedPattern(NamedTuple):
    """An expression that was read."""

    source: str
    tree: Node
    """Without the obstacle it means what JavaScript means by the expression."""
    obstacle: NonRegular | None
    """The first, where there is one."""


def parsed(source: str) -> ParsedPattern:
    """The expression as a tree. Raises PatternError, with the position, for what is none or goes beyond a limit."""
    parser = _Parser(source)
    tree = parser.whole()
    return ParsedPattern(source, tree, min(parser.obstacles, key=_position, default=None))


def _position(obstacle: NonRegular) -> int:
    return obstacle.position


class _Parser(PatternSource):
    """A recursive descent over the code units of the source."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.obstacles: list[NonRegular] = []
        self._depth = 0

    def whole(self) -> Node:
        """All of the source."""
        tree = self._alternation()
        if not self.at_end:
            raise self.error("nothing is open that ) could close")
        return tree

    def _alternation(self) -> Node:
        options = [self._concatenation()]
        while self.taken("|"):
            options.append(self._concatenation())
        return options[0] if len(options) == 1 else Alternation(tuple(options))

    def _concatenation(self) -> Node:
        parts: list[Node] = []
        while not self.at_end and self.following not in ("|", ")"):
            start = self.at
            parts.append(self._repeated(self._atom(), start))
        return parts[0] if len(parts) == 1 else Concatenation(tuple(parts))

    def _repeated(self, atom: Node, start: int) -> Node:
        counts = self._counts()
        if counts is None:
            return atom
        if self.text[start] in "^$" or self.text[start : start + 2] in (r"\b", r"\B"):
            raise self.error("nothing to repeat", start)
        self.taken("?")  # lazy: the same texts fit
        return Repetition(atom, *counts)

    def _counts(self) -> tuple[int, int | None] | None:
        """How many times the atom before is repeated, or None."""
        if self.following in _TIMES:
            return _TIMES[self.took()]
        start = self.at
        braces = self.matched(r"\{([0-9]+)(,?)([0-9]*)\}")
        if braces is None:  # braces of another form are themselves
            return None
        least = int(braces[1])
        most = least if not braces[2] else int(braces[3]) if braces[3] else None
        if most is not None and least > most:
            raise self.error(f"{braces[0]} has its numbers out of order", start)
        if max(least, most or 0) > COUNT_MAX:
            raise self.error(f"{braces[0]} counts beyond {COUNT_MAX:,}", start)
        return least, most

    def _atom(self) -> Node:
        start = self.at
        if self._counts() is not None:
            raise self.error("nothing to repeat", start)
        match self.took():
            case "^":
                return Anchor(at_start=True)
            case "$":
                return Anchor(at_start=False)
            case ".":
                return CharacterSet(complement(LINE_ENDS))
            case "(":
                return self._group(start)
            case "[":
                return CharacterSet(brackets(self, start))
            case "\\":
                return self._escaped(start)
            case character:
                return CharacterSet(single(ord(character)))

    def _group(self, start: int) -> Node:
        look = self.matched(r"\?<?[=!]")
        if look:
            self.obstacles.append(NonRegular(_LOOKS[look[0]], start + 1))
        elif self.matched(r"\?[a-z-]+:"):
            self.obstacles.append(NonRegular("a flag", start + 1))
        elif not self.matched(r"\?:") and self.following == "?" and not self.matched(r"\?<[\w$]+>"):
            raise self.error("no group begins with (?", start)
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self.error(f"more than {DEPTH_MAX} groups within each other", start)
        inner = self._alternation()
        self._depth -= 1
        if not self.taken(")"):
            raise self.error("( is not closed", start)
        return _NOTHING if look else inner

    def _escaped(self, start: int) -> Node:
        if self.following in ("b", "B"):
            kind = f"the edge of a word, \\{self.took()},"
            self.obstacles.append(NonRegular(kind, start + 1))
            return _NOTHING
        if refers_back(self):
            self.obstacles.append(NonRegular("a back reference", start + 1))
            return CharacterSet(ANY)
        return CharacterSet(escape(self, start))
