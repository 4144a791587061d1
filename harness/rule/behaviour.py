"""What a backend does with a header, as data that a fault can change: it reads, applies operations, and stores.

The rule itself is one behaviour; a faulty backend is another. Wider than what a rollout's file can say: a text may be
trimmed at one side, an expression be searched instead of matched, a stored value be cut.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote

from harness.automata.characters import ANY
from harness.automata.compiled import compiled
from harness.automata.machine import TooLargeError
from harness.automata.pattern import parsed
from harness.automata.source import code_units
from harness.automata.tree import Alternation, CharacterSet, Concatenation, Node, Repetition
from harness.automata.written import python_source, written
from harness.rollout.tables import Operation
from harness.rule.operations import (
    HTTP_TRIM,
    TextFunction,
    lower_ascii,
    take_bytes,
    take_points,
    take_units,
)
from harness.rule.policy import JS_TRIM, OWS, Policy
from harness.rule.trees import is_ambiguous, parts_of

Lines = tuple[bytes, ...]
Stored = Callable[[Lines], str | None]

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


class LineReading(NamedTuple):
    """How lines become a text."""

    decode: Literal["latin-1", "utf-8"] = "latin-1"
    duplicates: Literal["join", "first", "last", "none"] = "join"
    """`none`: several lines are like no header."""
    joint: str = ", "
    undone: Literal["", "percent", "plus", "quotes"] = ""
    """An encoding that is taken off: percent signs, plus signs for blanks, quotes around the value."""
    empty: Literal["absent", "value"] = "absent"
    blanks: Literal["trimmed", "kept", "kept at the end"] = "trimmed"
    """What becomes of blanks at the edges."""


class Storing(NamedTuple):
    """What becomes of the value at the very end."""

    how: Literal["as it is", "lower case", "upper case", "trimmed", "cut", "up to", "after", "nothing"] = (
        "as it is"
    )
    most: int = 0
    sign: str = ""
    """Up to the first of which, or after the last of which, the value is stored."""

    def __str__(self) -> str:
        words = {
            "cut": f"cut to {self.most}",
            "up to": f"up to its first `{self.sign}`",
            "after": f"from behind its last `{self.sign}`",
        }
        return words.get(self.how, self.how)

    def function(self) -> Callable[[str], str | None]:
        """It as a function."""
        stores: dict[str, Callable[[str], str | None]] = {
            "as it is": lambda value: value,
            "lower case": str.lower,
            "upper case": str.upper,
            "trimmed": lambda value: value.strip(JS_TRIM),
            "cut": lambda value: value[: self.most],
            "up to": lambda value: value.partition(self.sign)[0],
            "after": lambda value: value.rpartition(self.sign)[2],
            "nothing": lambda _: None,
        }
        return stores[self.how]


class PlacedOperation(NamedTuple):
    """An operation with its place in the rule, by which it is found when others have moved or gone."""

    place: int
    operation: BehaviourOperation


class HeaderBehaviour(NamedTuple):
    """Reading, operations, storing."""

    reading: LineReading
    operations: tuple[PlacedOperation, ...]
    storing: Storing = Storing()

    def __str__(self) -> str:
        """The operations in words, an expression between backticks."""
        words = [str(placed.operation) for placed in self.operations] or ["any text"]
        if self.storing.how != "as it is":
            words.append(f"stored {self.storing}")
        return ", then ".join(words)

    def function(self) -> Stored:
        """From header lines to the stored value. Raises TooLargeError for an expression that cannot be followed."""
        text_of, store = reader(self.reading), self.storing.function()
        functions = [placed.operation.function() for placed in self.operations]
        absent = self.reading.empty == "absent"

        def stored(lines: Lines) -> str | None:
            text = text_of(lines)
            if text is None or (absent and not text):
                return None
            for function in functions:
                text = function(text)
                if text is None:
                    return None
            return store(text)

        return stored


def behaviour_of(policy: Policy) -> HeaderBehaviour:
    """The rule as a behaviour. Raises PatternError for an expression that is none."""
    reading = policy.reading
    return HeaderBehaviour(
        LineReading(decode=reading.decode, duplicates=reading.duplicates, empty=reading.empty),
        tuple(PlacedOperation(place, _operation(operation)) for place, operation in enumerate(policy.rule)),
    )


def function_of(behaviour: HeaderBehaviour) -> Stored | None:
    """The behaviour's function; None for an expression that cannot be followed."""
    try:
        return behaviour.function()
    except TooLargeError:
        return None


def has_behaviour(policy: Policy) -> bool:
    """Whether the rule's expressions can be changed and searched: what looks around or refers back cannot."""
    return all(
        operation.match is None or parsed(operation.match).obstacle is None for operation in policy.rule
    )


def _operation(operation: Operation) -> BehaviourOperation:
    if operation.take is not None:
        return Taking(operation.take, operation.unit)
    if operation.trim is not None:
        return Trimming("JavaScript's" if operation.trim == "js" else "HTTP's")
    if operation.lower is not None:
        return Casing("lower case" if operation.lower == "js" else "lower case (ASCII)")
    if operation.match is not None:
        return Matching(parsed(operation.match).tree)
    return Matching(Alternation(tuple(map(_literal, operation.one_of or ()))), words=True)


def _literal(word: str) -> Node:
    return Concatenation(tuple(CharacterSet(((ord(unit), ord(unit)),)) for unit in code_units(word)))


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


@lru_cache(maxsize=256)
def reader(reading: LineReading) -> Stored:
    """From lines to a text, as the reading says; None where it is like no header."""
    joint = reading.joint.encode("ascii")
    trimmed = _TRIMS[reading.blanks]
    undo = _UNDOES[reading.undone]

    @lru_cache(maxsize=1 << 14)  # the same headers are read for each behaviour that is compared
    def text_of(lines: Lines) -> str | None:
        if not lines or (reading.duplicates == "none" and len(lines) > 1):
            return None
        if reading.duplicates in ("first", "last"):
            lines = (lines[0 if reading.duplicates == "first" else -1],)
        octets = trimmed(joint.join(map(trimmed, lines)))
        return undo(octets.decode(reading.decode, "replace"))

    return text_of


_TRIMS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "trimmed": lambda octets: octets.strip(OWS),
    "kept": lambda octets: octets,
    "kept at the end": lambda octets: octets.lstrip(OWS),
}
_UNDOES: Final[dict[str, Callable[[str], str]]] = {
    "": lambda text: text,
    "percent": lambda text: unquote(text, errors="replace"),
    "plus": lambda text: text.replace("+", " "),
    "quotes": lambda text: text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text,
}
