"""What a backend does with a header, as data that a fault can change: it reads, applies operations, and stores.

The rule itself is one behaviour; a faulty backend is another. Wider than what a rollout's file can say: a text may be
trimmed at one side, an expression be searched instead of matched, a stored value be cut.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote

from harness.automata.machine import TooLargeError
from harness.automata.pattern import parsed
from harness.automata.source import code_units
from harness.automata.tree import Alternation, CharacterSet, Concatenation, Node
from harness.rollout.tables import Operation
from harness.rule.behaviour_operations import BehaviourOperation, Casing, Matching, Taking, Trimming
from harness.rule.policy import JS_TRIM, OWS, Policy

Lines = tuple[bytes, ...]
Stored = Callable[[Lines], str | None]


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
