"""How a backend reads a header, before any rule sees it: which lines count, how bytes become characters, what is none.

The reading is not the rule: Node joins duplicate lines and makes each byte a character (latin-1); a backend in another
language may take the first line only, or decode UTF-8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

from harness.rollout.tables import Header

OWS: Final = b" \t"
"""Optional white space around a field value (RFC 9110, 5.6.3)."""


@dataclass(frozen=True, slots=True)
class HeaderReading:
    """How the lines of the header become a text; by default as Node's `Headers.get` reads them."""

    decode: Literal["latin-1", "utf-8"] = "latin-1"
    duplicates: Literal["join", "first", "last"] = "join"
    empty: Literal["absent", "value"] = "absent"
    """Whether an empty text is like no header, or goes through the rule."""

    @classmethod
    def of(cls, header: Header) -> Self:
        """The reading that a rollout's file describes."""
        return cls(header.decode, header.duplicates, header.empty)

    def text(self, lines: Sequence[bytes]) -> str | None:
        """What the rule is given for these lines, as they stood on the wire: None when there is no line.

        In UTF-8, bytes that are none become U+FFFD.
        """
        if not lines:
            return None
        value = self.value(lines)
        return value.decode("latin-1") if self.decode == "latin-1" else value.decode("utf-8", "replace")

    def value(self, lines: Sequence[bytes]) -> bytes:
        """The bytes of the lines that count, at least one; blanks at the edges are gone.

        Lines are joined with comma and space (RFC 9110, 5.3) and trimmed once more, as Node's server joins them
        before `Headers` is made of them: `a` and an empty line are `a,`, not `a, `.
        """
        if len(lines) == 1:  # nearly always, and a hundred thousand times where the rule is held to Node
            return lines[0].strip(OWS)
        return b", ".join(line.strip(OWS) for line in self.counting(lines)).strip(OWS)

    def counting(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Those of the lines that count."""
        if self.duplicates == "join":
            return lines
        return lines[:1] if self.duplicates == "first" else lines[-1:]


NODE: Final = HeaderReading()
"""What `Headers.get` returns."""
