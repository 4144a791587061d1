"""Makes bytes from the wire and secrets safe to show: on a terminal, in XML, on a page. Pure."""

import re
import unicodedata
from typing import Final

_PRINTABLE: Final = frozenset(range(0x20, 0x7F)) - {0x5C}
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories for controls, format characters, surrogates, and separators of lines and paragraphs."""
RUN_MIN: Final = 20
"""From so many equal bytes on, their number is told in their place."""
_RUN: Final = re.compile(rb"(.)\1{%d,}" % (RUN_MIN - 1), re.DOTALL)
_EMAIL: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])(?<!://)([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*"  # looks at each run once: stays cheap
    r"@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b(?!:\d|/|-|\.\w)"
)
_CLOSERS: Final = r"[\\'\"`)\]}>.,;:]*"
"""What may stand behind a secret and is no part of it: the end of a quotation, a bracket or a sentence."""
_END: Final = rf"(?={_CLOSERS}(?:\s|$))"
_QUOTED: Final = r"""'(?:[^'\\]|\\.)*(?:'|$)|"(?:[^"\\]|\\.)*(?:"|$)"""
_VARIABLE: Final = rf"(?!(?-i:\$[A-Z][A-Z0-9_]*){_END})"
_VALUE: Final = rf"{_VARIABLE}(?!{_CLOSERS}(?:\s|$))(?:{_QUOTED}|\S+?{_END})"
"""One value, in quotes or without; a variable of the shell is none."""
_PROSE: Final = r"(?!(?:and|or|is|was|are|of|for|in|to|go|goes|needs?|must|names?|gives?|with|without)\b)"
_SECRETS: Final = tuple(
    (needed, re.compile(pattern, re.IGNORECASE))
    for needed, pattern in (
        (
            "@",
            r"((?<![\w+.-])[a-z][a-z0-9+.-]*://[^\s:/@'\"]*:)(?:(?!://)\S)*(?=@)",
        ),  # of a URL, an @ in it, too
        (
            "=",
            r"([?&;][\w-]*(?:password|token|secret|key|signature|bypass|nonce)=)[^\s&'\"`<>]+?"
            rf"(?={_CLOSERS}(?:[\s&'\"`<>]|$))",
        ),
        ("--", rf"(--[a-z-]*(?:token|secret|password)(?:=|\s+{_PROSE}))(?!--)(?:(?:{_QUOTED})+|{_VALUE})"),
        ("=", rf"((?<![?&;\w-])\w*(?:password|passwd|secret|_token)\s?=\s?){_VALUE}"),
        ("x-", rf"((?<![\w-])x-[\w-]*(?:key|token|secret|bypass)\s?:\s?){_VALUE}"),
        ("'", r"(\bpassword\s+)'[^']*'"),  # of a role, in SQL
        (":", r"""(["'][\w-]*(?:password|token|secret|api_?key)["']\s*:\s*(["']))(?:(?!\2)[^\\]|\\.)+"""),
        (
            "author",
            r"""(\bauthorization\\?["']?\s*[:=]\s*\\?["']?(?!bearer)[a-z]+\s+)[^\s"'`]+?"""
            rf"""(?={_CLOSERS}(?:[\s"'`]|$))""",
        ),
        (
            "bearer",
            rf"""(\bbearer\s+){_VARIABLE}{_PROSE}(?!not-provided(?![\w.-]))[^\s"'`]+?"""
            rf"""(?={_CLOSERS}(?:[\s"'`]|$))""",
        ),
        ("eyj", r"()\beyJ[\w-]+\.[\w-]+\.[\w-]*"),  # a token that nobody announces (RFC 7519)
    )
)
"""Each with what no text that it matches lacks, in lower case: a report has fifty thousand texts, most without any."""


def shown(raw: bytes | str, length_max: int = 80) -> str:
    """A value in quotes: printable ASCII as it is, the rest as `\\xNN`; a long one is cut and its length told.

    A long run of one byte is told as Python would write it, `"a" * 255`, and counts as one byte.
    """
    data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
    pieces: list[str] = []
    place, room = 0, length_max
    while place < len(data) and room > 0:
        run = _RUN.search(data, place)
        if run is None or run.start() > place:
            piece = data[place : run.start() if run else None][:room]
            pieces.append(_quoted(piece))
            place, room = place + len(piece), room - len(piece)
        else:
            pieces.append(f"{_quoted(run[1])} * {len(run[0])}")
            place, room = run.end(), room - 1
    more = f"... ({len(data)} bytes)" if place < len(data) else ""
    return f"{' + '.join(pieces) or _quoted(b'')}{more}"


def _quoted(data: bytes) -> str:
    return '"' + "".join(chr(byte) if byte in _PRINTABLE else f"\\x{byte:02x}" for byte in data) + '"'


def visible(text: str) -> str:
    """The text with what a reader could not see, or a terminal or parser would act on, as `\\xNN` or `\\uNNNN`.

    That is control and format characters (escape sequences, marks that turn the direction of reading), lone
    surrogates, and what XML cannot hold. Line feeds and tabs stay.
    """
    return text if text.isprintable() else "".join(map(_seen, text))


def _seen(char: str) -> str:
    code = ord(char)
    unseen = unicodedata.category(char) in _UNSEEN or code & 0xFFFE == 0xFFFE
    if char in "\n\t" or not unseen:
        return char
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def masked(text: str) -> str:
    """The text without e-mail addresses, tokens, and passwords of URLs, connection strings, options and JSON.

    What stands around a secret stays: quotes, brackets, the words after it. Masking twice changes nothing.
    """
    if "@" in text:
        text = _EMAIL.sub(r"\1***@***", text)
    lowered = text.lower()
    for needed, pattern in _SECRETS:
        if needed in lowered:
            text = pattern.sub(r"\1***", text)
    return text
