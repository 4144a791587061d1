"""Header lines as text that a person can copy: printable ASCII, everything else as `\\xNN`."""

import re

from harness.errors import UsageError

_WRITTEN = {byte: f"\\x{byte:02x}" for byte in range(256) if not 0x20 <= byte < 0x7F or byte == 0x5C}
_ESCAPE = re.compile(rb"\\x([0-9a-fA-F]{2})")


def written(line: tuple[bytes, bytes]) -> str:
    """`name: value` with `\\xNN` for a backslash and for every byte outside 0x20-0x7E."""
    raw = b"%b: %b" % line
    return raw.decode("latin-1").translate(_WRITTEN)


def read(text: str) -> tuple[bytes, bytes]:
    """The line that was written so; exactly one blank after the colon belongs to the notation.

    Raises UsageError without a colon, and for characters beyond ASCII: they are written as their bytes.
    """
    try:
        raw = text.encode("ascii")
    except UnicodeEncodeError:
        raise UsageError(f"header line {text!r} is not ASCII; write each byte beyond it as \\xNN") from None
    name, colon, value = raw.partition(b":")
    if not colon:
        raise UsageError(f"header line {text!r} has no colon; write it as 'name: value'")
    return _bytes(name), _bytes(value.removeprefix(b" "))


def _bytes(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), text)
