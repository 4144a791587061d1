"""Replies that a build alters on their way to the client: a stream event by event, any other reply as a whole."""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

from harness.backend.builds import HeaderLines

EVENT_STREAM: Final = b"text/event-stream"
"""Content type of a stream, before its parameters (HTML standard, "Server-sent events")."""

_END: Final = b"\n\n"


async def altered_events(
    chunks: AsyncIterator[bytes], alter: Callable[[bytes], bytes]
) -> AsyncIterator[bytes]:
    """The stream with each event altered, blank line included; what follows the last blank line stays as it is."""
    pending = b""
    async for chunk in chunks:
        *events, pending = (pending + chunk).split(_END)
        for event in events:
            if changed := alter(event + _END):
                yield changed
    if pending:
        yield pending


async def one_chunk(body: bytes) -> AsyncIterator[bytes]:
    """A body that is there as a whole."""
    if body:
        yield body


def merged(headers: HeaderLines, more: Iterable[tuple[bytes, bytes]]) -> HeaderLines:
    """The header lines with more of them, which take the place of those of the same name."""
    added = list(more)
    if not added:
        return headers
    names = {name for name, _ in added}
    return [line for line in headers if line[0] not in names] + added
