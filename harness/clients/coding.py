"""A reply's body as it was before it was compressed for the way. Pure."""

import zlib
from collections.abc import Sequence
from typing import Final

from harness.clients.exchange import HeaderLine

CODINGS: Final = "gzip, deflate"
"""What can be read again, as an Accept-Encoding header names it."""
_LENGTH: Final = b"content-length"
_EITHER, _RAW = 47, -15
"""Window bits: with the header of gzip or zlib, or with none, as some servers understand `deflate`."""


def decoded(
    headers: Sequence[HeaderLine], body: bytes, bytes_max: int
) -> tuple[tuple[HeaderLine, ...], bytes]:
    """Lines, in lower case, and body of a reply without what Content-Encoding (RFC 9110, 8.4) did to the body.

    The length that goes is that of the compressed body, which varies with each id in it. What cannot be read, or has
    more than `bytes_max` bytes, is left as it came.
    """
    coding = next((value.strip().lower() for name, value in headers if name == b"content-encoding"), b"")
    if not body or coding not in (b"gzip", b"x-gzip", b"deflate"):
        return tuple(headers), body
    for bits in (_EITHER, _RAW):
        plain = inflated(body, bits, bytes_max)
        if plain is not None:
            return without_length(headers), plain
    return tuple(headers), body


def inflated(body: bytes | bytearray, bits: int, bytes_max: int) -> bytes | None:
    """The whole text, at most `bytes_max` bytes of it; None of what is longer, cut off or not packed so.

    `bits` is zlib's `wbits`, which tells the format.
    """
    inflating = zlib.decompressobj(bits)
    try:
        text = inflating.decompress(body, bytes_max)
    except zlib.error:
        return None
    return text if inflating.eof else None


def without_length(headers: Sequence[HeaderLine]) -> tuple[HeaderLine, ...]:
    """The lines but for the length."""
    return tuple(line for line in headers if line[0] != _LENGTH)
