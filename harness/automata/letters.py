"""The letters of the machines: the bytes of a header's value, in the order in which people like to read them."""

from collections.abc import Mapping
from typing import Final

FIELD_BYTES: Final = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
"""The 224 bytes that HTTP lets through in a field value (RFC 9110, 5.5); a line with any other is refused."""

_PREFERRED: Final = bytes(
    (
        *b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        *(byte for byte in range(0x21, 0x7F) if not chr(byte).isalnum()),
        *b" \t",
    )
)
_RANK: Final[Mapping[int, int]] = {byte: rank for rank, byte in enumerate(_PREFERRED)}


def rank(byte: int) -> int:
    """Where a letter stands among those that stand for their class: printable ones come first."""
    return _RANK.get(byte, 0x100 + byte)


def ranked(letters: bytes) -> bytes:
    """The letters in that order."""
    order: list[int] = sorted(letters, key=rank)
    return bytes(order)
