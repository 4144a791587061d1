"""The text of an expression while it is read: UTF-16 code units, as JavaScript reads without the flag u."""

import re
from typing import Final

_GROUPS: Final = re.compile(
    r"\\.|\[(?:\\.|[^\]\\])*\]|(?P<open>\((?!\?)|\(\?(?P<named><)(?![=!]))", re.DOTALL
)


class PatternError(Exception):
    """What is no expression of JavaScript, or goes beyond a limit."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason}, at position {position}")
        self.position = position
        """From 1."""


class PatternSource:
    """The code units and how many of them are read."""

    def __init__(self, text: str) -> None:
        self.text = code_units(text)
        self.at = 0
        opened = [match for match in _GROUPS.finditer(self.text) if match["open"]]
        self.groups = len(opened)
        """Groups that capture."""
        self.has_names = any(match["named"] for match in opened)

    @property
    def at_end(self) -> bool:
        """Whether all is read."""
        return self.at == len(self.text)

    @property
    def following(self) -> str:
        """The next code unit, or nothing."""
        return self.text[self.at : self.at + 1]

    def took(self) -> str:
        """The next code unit, which is read now."""
        self.at += 1
        return self.text[self.at - 1]

    def taken(self, character: str) -> bool:
        """Whether this comes next; then it is read."""
        found = self.following == character
        self.at += found
        return found

    def matched(self, pattern: str) -> re.Match[str] | None:
        """What Python's expression matches here; then it is read."""
        match = re.compile(pattern).match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match

    def error(self, reason: str, start: int | None = None) -> PatternError:
        """The reason at a place, by default at the next code unit."""
        return PatternError(reason, (self.at if start is None else start) + 1)


def code_units(text: str) -> str:
    """A text as JavaScript sees it: each character beyond U+FFFF is two."""
    if text.isascii():
        return text
    octets = text.encode("utf-16-le", "surrogatepass")
    if len(octets) == 2 * len(text):
        return text
    return "".join(chr(low | high << 8) for low, high in zip(octets[::2], octets[1::2], strict=True))
