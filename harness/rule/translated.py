"""A regular expression of JavaScript, without flags, as one of Python's that accepts the same whole texts.

Both engines search alike; what differs is notation, and what classes hold: `.`, `\\s` and `$` mean other characters in
JavaScript, `{,2}` is four characters there, `[^]` is any character and `[]` none, and a back reference to a group
that has not matched is empty. Texts are given as UTF-16 code units, which is what JavaScript's expressions see.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from harness.automata.source import code_units
from harness.errors import UsageError

JS_TRIM: Final = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What `\\s` means and `String.prototype.trim` removes (ECMA-262, WhiteSpace and LineTerminator). `str.strip()`
differs: it also removes U+0085 and U+001C to U+001F."""

_BLANKS: Final = r"\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_NO_BLANKS: Final = (
    r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\ufefe\uff00-\uffff"
)
_ELSEWHERE: Final = {
    ".": r"[^\n\r\u2028\u2029]",
    "^": r"\A",
    "$": r"\Z",
    "{": r"\{",
    "}": r"\}",
    r"\s": f"[{_BLANKS}]",
    r"\S": f"[{_NO_BLANKS}]",
    r"\B": r"(?!\b)",  # Python's own fails on an empty text
}
"""What means something else in Python, or nothing; the rest of the escapes for classes is alike, read as ASCII."""
_INSIDE: Final = {r"\s": _BLANKS, r"\S": _NO_BLANKS, r"\b": r"\x08", "-": "-"}
_ALIKE: Final = (r"\d", r"\D", r"\w", r"\W", r"\b")
_ESCAPE: Final = (
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|c[A-Za-z]|k<[A-Za-z_$][\w$]*>|0(?![0-9])|[1-9][0-9]*|.)"
)
_TOKEN: Final = re.compile(
    rf"(?P<escape>{_ESCAPE})|(?P<brackets>\[\^?(?:\\.|[^\]\\])*\])|(?P<group>\(\?(?:[:=!]|<[=!]|<(?=[A-Za-z_])))"
    r"|(?P<count>(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??)|(?P<plain>.)",
    re.DOTALL,
)
_MEMBER: Final = re.compile(rf"{_ESCAPE}|.", re.DOTALL)
_CONTROLS: Final = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "0": "\0"}


@lru_cache(maxsize=1024)
def python_pattern(source: str) -> re.Pattern[str]:
    """The expression for Python's `fullmatch`. Raises UsageError, one line, for what is no expression."""
    try:
        return re.compile("".join(_translated(source)), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"{source!r} is no regular expression that is understood here: {error}") from None


def _translated(source: str) -> Iterator[str]:
    before = None
    for token in _TOKEN.finditer(code_units(source)):
        text, kind = token.group(), token.lastgroup
        if kind == "count" and before == "count":
            raise re.error(f"nothing to repeat before {text!r}", source, token.start())
        if kind == "plain" and source[token.start() : token.start() + 2] == "(?":
            raise re.error(f"no group begins with {source[token.start() : token.start() + 3]!r}", source)
        before = kind
        if kind == "escape":
            yield _escape(text)
        elif kind == "brackets":
            yield _brackets(text)
        elif kind == "group":
            yield "(?P<" if text == "(?<" else text
        else:
            yield _ELSEWHERE.get(text, text)


def _escape(text: str) -> str:
    if text in _ALIKE:
        return text
    if text in _ELSEWHERE:
        return _ELSEWHERE[text]
    if text.startswith(r"\k<"):
        return f"(?({text[3:-1]})(?P={text[3:-1]}))"
    if text[1] in "123456789":
        return f"(?({text[1:]})\\{text[1:]})"
    return re.escape(_character(text))


def _character(text: str) -> str:
    """The character for which an escape stands that is no class."""
    kind = text[1]
    if len(text) > 2 and kind in "xu":
        return chr(int(text[2:], 16))
    if len(text) > 2 and kind == "c":
        return chr(ord(text[2]) % 32)
    return _CONTROLS.get(kind, kind)


def _brackets(text: str) -> str:
    negated = text.startswith("[^")
    inside = text[2 if negated else 1 : -1]
    if not inside:
        return r"[\s\S]" if negated else r"(?!)"
    return f"[{'^' if negated else ''}{''.join(map(_member, _MEMBER.findall(inside)))}]"


def _member(text: str) -> str:
    if text in _INSIDE:
        return _INSIDE[text]
    if text in _ALIKE:
        return text
    return re.escape(text if len(text) == 1 else _character(text))
