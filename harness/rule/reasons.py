"""The reason why a header is stored or not, for people."""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Final

from harness.rule.policy import Policy, refused, utf16_length

ALIKE_LEAST: Final = 0.85
"""How like the header's name another one must be; names of a session's and a window's id beside it are below."""


def reason(policy: Policy, lines: Sequence[bytes]) -> str:
    """Why the policy stores no value for these header lines, as they stood on the wire; '' when it stores one.

    Positions count from 1, in the value with its edges trimmed.
    """
    text = policy.reading.text(lines)
    if text is None:
        return "not sent"
    if policy.accepted(text) is not None:
        return ""
    if not text:
        return "empty"
    joined = "duplicate lines, joined: " if len(lines) > 1 else ""
    length = utf16_length(text)
    if length > policy.length_max:
        return f"{joined}too long: {length:,} > {policy.length_max}"
    at = next((index for index, character in enumerate(text) if not policy.allows(character)), None)
    if at is None:
        return f"{joined}not what the rule stores"
    return f"{joined}{describe_character(ord(text[at]))} at position {at + 1}"


def http_reason(status: int, lines: Sequence[bytes], header: str) -> str:
    """Why HTTP refused a head, before any rule saw it: what is wrong with a line of the header, or elsewhere."""
    if status == 431:
        return "HTTP: the head is too large"
    for line in lines:
        if refused(line):
            at = next(index for index in range(len(line)) if refused(line[index : index + 1]))
            return f"HTTP: {describe_character(line[at])} at position {at + 1} of {header}"
    return "HTTP: the head is malformed"


def near_miss(names: Iterable[bytes], header: str) -> str:
    """A name that was probably meant to be the header and is not, with what to write; '' when none is."""
    for name in names:
        text = name.decode("latin-1").lower()
        if text != header and _alike(re.sub(r"[^a-z0-9]", "", text), header.split("-")):
            return f"{text} is not the header; it is {header}"
    return ""


def _alike(letters: str, parts: Sequence[str]) -> bool:
    """Whether it has the header's parts behind the first two, or the second and the last, or most letters."""
    return (
        (len(parts) > 2 and "".join(parts[2:]) in letters)
        or (len(parts) > 2 and letters.removeprefix("x") == parts[1] + parts[-1])
        or SequenceMatcher(None, letters, "".join(parts), autojunk=False).ratio() >= ALIKE_LEAST
    )


def describe_character(code: int) -> str:
    r"""A character for people: itself when it can be seen, else as `\xNN` or `\uNNNN`."""
    if 0x20 < code < 0x7F:
        return f"character {chr(code)}"
    return f"character \\x{code:02x}" if code < 0x100 else f"character \\u{code:04x}"
