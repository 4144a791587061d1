"""What a header holds, as a user of the library writes it."""

from collections.abc import Iterable, Sequence

HeaderValue = str | bytes | Sequence[str | bytes] | None
"""Text (as UTF-8), bytes, several for as many lines, None for no header."""


def header_lines(value: HeaderValue) -> Iterable[bytes]:
    """The bytes of each line, as they go over the wire."""
    if value is None:
        return ()
    each = (value,) if isinstance(value, str | bytes) else value
    return (line.encode() if isinstance(line, str) else line for line in each)
