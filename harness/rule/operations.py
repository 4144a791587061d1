"""What the operations of a rule mean: functions from a text to a text, or to None where nothing is stored.

They are those of JavaScript's strings, which count UTF-16 code units; a rule applies them in its order, and what one
refuses the next never sees. `javascript` writes the same rule for Node, which is the oracle.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Final

from harness.automata.source import code_units
from harness.rollout.tables import Operation
from harness.rule.translated import JS_TRIM, python_pattern

TextFunction = Callable[[str], str | None]

HTTP_TRIM: Final = " \t"
UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER_ASCII: Final = str.maketrans(UPPER, UPPER.lower())


def apply_rule(rule: Sequence[Operation], text: str) -> str | None:
    """What the rule stores for a text, None for NULL. Raises UsageError for an expression that is none."""
    return in_order(text_functions(tuple(rule)), text)


def in_order(functions: Sequence[TextFunction], text: str | None) -> str | None:
    """One function after the other; None ends it."""
    for function in functions:
        if text is None:
            return None
        text = function(text)
    return text


@lru_cache(maxsize=256)
def text_functions(rule: tuple[Operation, ...]) -> tuple[TextFunction, ...]:
    """The operations of a rule, each as a function."""
    return tuple(map(text_function, rule))


def text_function(operation: Operation) -> TextFunction:
    """One operation as a function. Raises UsageError for an expression that is none."""
    if operation.take is not None:
        return partial(_TAKES[operation.unit], operation.take)
    if operation.trim is not None:
        return partial(trimmed, JS_TRIM if operation.trim == "js" else HTTP_TRIM)
    if operation.lower is not None:
        return str.lower if operation.lower == "js" else lower_ascii
    if operation.match is not None:
        pattern = python_pattern(operation.match)
        return lambda text: text if pattern.fullmatch(code_units(text)) else None
    words = frozenset(operation.one_of or ())
    return lambda text: text if text in words else None


def trimmed(blanks: str, text: str) -> str:
    """Without these characters at both ends."""
    return text.strip(blanks)


def lower_ascii(text: str) -> str:
    """A to Z become a to z, and nothing else changes."""
    return text.translate(_LOWER_ASCII)


def well_formed(text: str) -> str:
    """The text as Node writes it to a socket: U+FFFD for each lone surrogate (ECMA-262, toWellFormed)."""
    # Through UTF-16 and back: two halves that meet become one character, a half without its other becomes
    # U+FFFD. `encode("utf-8", "replace")` would make "?" of both.
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def take_units(most: int, text: str) -> str:
    """The first UTF-16 code units; half of a pair that is cut becomes U+FFFD, which is what a database is given."""
    if len(text) <= most and text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass")[: 2 * most].decode("utf-16-le", "replace")


def take_bytes(most: int, text: str) -> str:
    """As many whole characters as so many bytes of UTF-8 hold."""
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def take_points(most: int, text: str) -> str:
    """The first code points."""
    return text[:most]


_TAKES: Final = {"units": take_units, "bytes": take_bytes, "points": take_points}


def javascript(rule: Sequence[Operation], decode: str = "latin-1", empty: str = "absent") -> str:
    """The rule for Node: a function from what `Headers.get` returns to what is stored, undefined where nothing is."""
    patterns = [f"^(?:{operation.match})$" for operation in rule if operation.match is not None]
    steps = [
        "if (raw === null) return undefined;",
        f"let text = {_DECODED[decode]};",
        *(["if (text === '') return undefined;"] if empty == "absent" else []),
        *map(_javascript_step, rule),
        "return text.toWellFormed();",
    ]
    made = f"new Map({json.dumps(patterns)}.map(source => [source, new RegExp(source)]))"
    return f"(patterns => raw => {{ {' '.join(steps)} }})({made})"


_DECODED: Final = {"latin-1": "raw", "utf-8": "Buffer.from(raw, 'latin1').toString('utf8')"}
_JS_TAKES: Final = {
    "units": "text = text.slice(0, {0});",
    "points": "text = [...text].slice(0, {0}).join('');",
    "bytes": "text = new TextDecoder('utf-8', {{ ignoreBOM: true }})"
    ".decode(Buffer.from(text).subarray(0, {0}), {{ stream: true }});",
}


def _javascript_step(operation: Operation) -> str:
    if operation.take is not None:
        return _JS_TAKES[operation.unit].format(operation.take)
    if operation.trim is not None:
        trim = "text.trim()" if operation.trim == "js" else r"text.replace(/^[ \t]+|[ \t]+$/g, '')"
        return f"text = {trim};"
    if operation.lower is not None:
        lower = "toLowerCase()" if operation.lower == "js" else "replace(/[A-Z]/g, c => c.toLowerCase())"
        return f"text = text.{lower};"
    if operation.match is not None:
        whole = json.dumps(f"^(?:{operation.match})$")
        return f"if (!patterns.get({whole}).test(text)) return undefined;"
    return f"if (!{json.dumps(list(operation.one_of or ()))}.includes(text)) return undefined;"
