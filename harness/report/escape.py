"""Makes bytes from the wire and secrets safe to show: on a terminal, in XML, on a page. Pure."""

import re
from typing import Final

_PRINTABLE: Final = frozenset(range(0x20, 0x7F)) - {0x5C}
_EMAIL: Final = re.compile(r"([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b(?!:\d|/|-|\.\w)")
_BEARER: Final = re.compile(r"(?i)(bearer\s+)\S+")
_PASSWORD: Final = re.compile(
    r"(?i)(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]*(?=@)|(\bpassword=)(?:'[^']*'|\S+)"
)


def shown(raw: bytes | str, length_max: int = 80) -> str:
    """A value in quotes: printable ASCII as it is, the rest as `\\xNN`; a long one is cut and its length told."""
    data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
    text = "".join(chr(byte) if byte in _PRINTABLE else f"\\x{byte:02x}" for byte in data[:length_max])
    more = f"... ({len(data)} bytes)" if len(data) > length_max else ""
    return f'"{text}"{more}'


def masked(text: str) -> str:
    """The text without e-mail addresses, bearer tokens and passwords of URLs and connection strings."""
    text = _EMAIL.sub(r"\1***@***", text)
    text = _BEARER.sub(r"\1***", text)
    return _PASSWORD.sub(lambda found: (found[1] or found[2]) + "***", text)
