"""The header rule as data: which value of the header is stored, if any.

A header is given as the raw bytes of its lines, as they stood on the wire. JavaScript sees them after three
steps, which are the same for every policy: blanks at the edges go, several lines become one, joined with comma
and space (RFC 9110, 5.3), and bytes become characters one to one (latin-1).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness import plan

OWS: Final = b" \t"
"""Optional white space around a field value (RFC 9110, 5.6.3)."""

FIELD_BYTES: Final = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
"""The 224 bytes that HTTP lets through in a field value (RFC 9110, 5.5); a line with any other is refused."""

JS_TRIM: Final = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What `String.prototype.trim` removes (ECMA-262, WhiteSpace and LineTerminator). `str.strip()` differs:
it also removes U+0085 and U+001C to U+001F."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule for the header.

    `alphabet` is a character class without its brackets, or None when every character is allowed.
    `length_max` counts UTF-16 code units, before the trim when there is one.
    """

    name: str
    length_max: int
    alphabet: str | None
    trims: bool

    def stored(self, lines: Sequence[bytes]) -> str | None:
        """The value that must be stored for these header lines (none, one or several); None means NULL.

        The lines are taken to have passed HTTP: see `refused` for those that do not.
        """
        text = received(lines)
        return None if text is None else self.accepted(text)

    def accepted(self, text: str) -> str | None:
        """The value stored for what `Headers.get` returned, or None; the empty string is falsy and never accepted."""
        # The order is the plan's: the length is measured before the trim, and what is empty after it is stored all the
        # same. A header of one no-break space (0xA0, which HTTP does not trim) is stored as '' where `trims` is set.
        if not text or utf16_length(text) > self.length_max or not self.allows(text):
            return None
        return text.strip(JS_TRIM) if self.trims else text

    def allows(self, text: str) -> bool:
        """Whether every character of the text is in the alphabet, whatever its length."""
        return self.alphabet is None or _made_of(self.alphabet).fullmatch(text) is not None


STRICT: Final = Policy("strict", plan.LENGTH_MAX, alphabet="A-Za-z0-9_-", trims=False)
"""The plan's rule (revision 15286b36)."""

LENGTH_ONLY: Final = Policy("length-only", plan.LENGTH_MAX, alphabet=None, trims=True)
"""The plan's later revision (9eff57e7): any character, measured before the trim; can store an empty string."""

POLICIES: Final = {policy.name: policy for policy in (STRICT, LENGTH_ONLY)}


def received(lines: Sequence[bytes]) -> str | None:
    """What `Headers.get` returns for these lines: None when there is no line, else a string of latin-1 characters.

    Node's HTTP server has joined the lines before `Headers` is made of them, and that trims once more: `a` and an
    empty line are `a,`, not `a, `.
    """
    if not lines:
        return None
    # HTTP knows no characters, only bytes; Node makes each byte of a header the character of the same number. UTF-8
    # that a client sent is thus several characters here, all of U+0080 to U+00FF.
    return b", ".join(line.strip(OWS) for line in lines).strip(OWS).decode("latin-1")


def refused(line: bytes) -> bool:
    """Whether HTTP refuses a header line with this value, whatever the rule: it holds a byte outside `FIELD_BYTES`."""
    return bool(line.translate(None, FIELD_BYTES))


def utf16_length(text: str) -> int:
    """JavaScript's `String.length`: characters beyond U+FFFF count twice."""
    # "surrogatepass": a JavaScript string may hold half of a pair, and Python refuses to encode one otherwise.
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@lru_cache(maxsize=16)
def _made_of(alphabet: str) -> re.Pattern[str]:
    return re.compile(f"[{alphabet}]*")
