"""Operations of a behaviour: what a rule's are, and wider, so that a fault can change them. Pure."""

import re
from functools import lru_cache, partial
from typing import Final, Literal, NamedTuple

from harness.automata.characters import ANY
from harness.automata.compiled import compiled
from harness.automata.machine import TooLargeError
from harness.automata.source import code_units
from harness.automata.tree import Alternation, CharacterSet, Concatenation, Node, Repetition
from harness.automata.written import python_source, written
from harness.rule.operations import (
    HTTP_TRIM,
    TextFunction,
    lower_ascii,
    take_bytes,
    take_points,
    take_units,
)
from harness.rule.policy import JS_TRIM
from harness.rule.trees import is_ambiguous, parts_of

Anchoring = Literal["both", "start", "end", "none"]

PYTHON_TRIM: Final = "".join(character for character in map(chr, range(0x10000)) if character.isspace())

COUNT_MAX: Final = 64
"""Of an expression that a machine must follow, since what it repeats varies in length."""

WORDS_SHOWN_MAX: Final = 100
"""Characters of an expression that are shown; the rest is dots."""


class Taking(NamedTuple):
    """The first so many units, or the last, or nothing at all of a longer text."""

    most: int
    unit: Literal["units", "bytes", "points"] = "units"
    which: Literal["first", "last", "refused"] = "first"

    def __str__(self) -> str:
        if self.which == "refused":
            return f"at most {self.most} {self.unit}"
        return f"the {self.which} {self.most} {self.unit}"

    def function(self) -> TextFunction:
        """It as a function."""
        take = {"units": take_units, "bytes": take_bytes, "points": take_points}[self.unit]
        if self.which == "first":
            return partial(take, self.most)
        if self.which == "refused":
            return lambda text: text if take(self.most, text) == text else None
        return lambda text: take(self.most, text[::-1])[::-1]


class Trimming(NamedTuple):
    """Blanks go, at both ends or at one."""

    blanks: Literal["JavaScript's", "HTTP's", "Python's"] = "JavaScript's"
    side: Literal["both", "left", "right"] = "both"

    def __str__(self) -> str:
        return f"trimmed of {self.blanks} blanks" + ("" if self.side == "both" else f" on the {self.side}")

    def function(self) -> TextFunction:
        """It as a function."""
        blanks = {"JavaScript's": JS_TRIM, "HTTP's": HTTP_TRIM, "Python's": PYTHON_TRIM}[self.blanks]
        strip = {"both": str.strip, "left": str.lstrip, "right": str.rstrip}[self.side]
        return lambda text: strip(text, blanks)


class Casing(NamedTuple):
    """Letters become letters of one case."""

    case: Literal["lower case", "lower case (ASCII)", "upper case"]

    def __str__(self) -> str:
        return f"in {self.case}"

    def function(self) -> TextFunction:
        """It as a function."""
        return {"lower case": str.lower, "lower case (ASCII)": lower_ascii, "upper case": str.upper}[
            self.case
        ]


class Matching(NamedTuple):
    """A text that fits an expression; the expression is anchored at both ends, at one, or at none."""

    tree: Node
    anchored: Anchoring = "both"
    found: bool = False
    """Whether the part that fits is what goes on, not the whole text."""
    words: bool = False
    """Whether it is a list of words, whose letters are no classes."""

    def __str__(self) -> str:
        starts, ends = self.anchored in ("both", "start"), self.anchored in ("both", "end")
        source = written(self.tree)
        if not (starts and ends):
            inner = f"(?:{source})" if isinstance(self.tree, Alternation) else source
            source = f"{'^' if starts else ''}{inner}{'$' if ends else ''}"
        shown = source if len(source) <= WORDS_SHOWN_MAX else f"{source[:WORDS_SHOWN_MAX]}..."
        how = "" if starts and ends else " anywhere" if not starts and not ends else " (not anchored)"
        return f"`{shown}`{how}" + (", of which the part that fits" if self.found else "")

    def function(self) -> TextFunction:
        """It as a function."""
        return _matching(self)


BehaviourOperation = Taking | Trimming | Casing | Matching


@lru_cache(maxsize=4096)
def _matching(matching: Matching) -> TextFunction:
    if is_ambiguous(matching.tree):
        return _by_machine(matching)
    source = python_source(matching.tree)
    if matching.anchored in ("both", "end"):
        source = rf"(?:{source})\Z"
    pattern = re.compile(source)
    find = pattern.match if matching.anchored in ("both", "start") else pattern.search

    def function(text: str) -> str | None:
        match = find(code_units(text))
        if match is None:
            return None
        return (
            take_units(len(text), match.group()) if matching.found else text
        )  # its surrogates are paired again

    return function


def _by_machine(matching: Matching) -> TextFunction:
    """Slower than `re`, but in linear time. Raises TooLargeError, also where a machine would take long to build."""
    if any(
        isinstance(part, Repetition) and (part.most or 0) > COUNT_MAX for _, part in parts_of(matching.tree)
    ):
        raise TooLargeError(f"counts beyond {COUNT_MAX} within each other")
    before, after = matching.anchored in ("none", "end"), matching.anchored in ("none", "start")
    any_text = Repetition(CharacterSet(ANY), 0, None)
    parts = (*((any_text,) if before else ()), matching.tree, *((any_text,) if after else ()))
    machine = compiled(Concatenation(parts) if len(parts) > 1 else matching.tree)
    classes, table, answers = machine.class_of(), machine.table, machine.answers

    def function(text: str) -> str | None:
        state = 0
        for character in text:
            number = classes.get(ord(character))
            if number is None:  # no byte of a header is read as this character
                return None
            state = table[state][number]
        return text if answers[state] else None

    return function
