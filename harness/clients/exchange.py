"""What goes over the wire and what comes back, as data; the same for every client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

FRAMING: Final = frozenset(
    b"connection content-length expect host te trailer transfer-encoding upgrade".split()
)
"""Headers that change how many requests a server sees, or how it ends its reply."""

HeaderLine = tuple[bytes, bytes]
"""Name and value as written on the wire, without the colon and the line end."""

Address = tuple[str, int]
"""Host and port."""

NO_CONNECTION: Final = "no connection"
"""How the reason of a reply begins when nobody listens there."""

BODIES_KEPT: Final = 512
"""Each reply is read several times while its batch is judged: so many are kept as they were parsed."""

IDS_KEPT: Final = 4096
"""The id of each is asked for more often, and while the next batch comes in: so many are kept, of several batches."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete but for Host and Content-Length, which the transport adds."""

    path: str
    headers: tuple[HeaderLine, ...]
    body: bytes
    method: str = "POST"


class Outcome(StrEnum):
    """How a request ended; each one does end."""

    REPLY = "reply"
    REFUSED = "refused"  # by the HTTP layer: 400 or 431 with an empty body, or closed without a reply
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `status` is 0 when nothing did; header names are lower case."""

    outcome: Outcome
    status: int
    headers: tuple[HeaderLine, ...] = ()
    body: bytes = b""
    reason: str = ""
    """Why there is no reply, where the transport knows: one line, for people."""
    id_at: tuple[str, ...] = ("id",)
    """Where a document of the body holds the reply's id: a name at each depth."""

    @property
    def upstream_id(self) -> str | None:
        """The id in the JSON body, or in the first SSE chunk that has one; None when there is none."""
        return _id_in(self.body, self.id_at) if self.outcome is Outcome.REPLY else None

    @property
    def is_stream(self) -> bool:
        """Whether the body is an event stream, by its type or by how it begins."""
        kind = next((value for name, value in self.headers if name == b"content-type"), b"")
        return kind.lower().startswith(b"text/event-stream") or self.body.lstrip().startswith(_STREAM)

    def header(self, name: str) -> str | None:
        """Value of the first header of this name, as latin-1."""
        wanted = name.lower().encode("latin-1")
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)


@lru_cache(maxsize=IDS_KEPT)  # whoever matches rows, counts and compares asks for it again
def _id_in(body: bytes, id_at: tuple[str, ...]) -> str | None:
    for document in _documents(body):  # of a stream no further than to the first that has one
        found: object = document
        for name in id_at:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
        if isinstance(found, str) and found:
            return found
    return None


@lru_cache(maxsize=BODIES_KEPT)
def documents(body: bytes) -> tuple[dict[str, object], ...]:
    """JSON objects of a body: the body itself, or the data of each event of a stream. Callers only read them."""
    return tuple(_documents(body))


def _documents(body: bytes) -> Iterator[dict[str, object]]:
    for text in _events(body) if body.lstrip().startswith(_STREAM) else [body]:
        try:
            document = _document(text)
        except ValueError:
            continue
        if isinstance(document, dict):
            yield document


def _document(text: bytes) -> object:
    """What `json.loads` makes of it. Raises ValueError."""
    try:
        return msgspec.json.decode(text)  # in a fifth of the time
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(text)  # which takes more: NaN, numbers that are too large, half of a pair, UTF-16


_STREAM: Final = (b"data:", b":", b"event:", b"id:", b"retry:")


def _events(body: bytes) -> Iterator[bytes]:
    """Data of each server-sent event; of several lines, joined (HTML standard, "Interpreting an event stream")."""
    # A line ends with CR, LF or both: `splitlines` of bytes, unlike that of text, knows no other ends. After the colon
    # one blank is syntax, further ones are data. Unlike a browser we count the last event without its blank line, too:
    # a stream that is cut off there has a row all the same.
    data: list[bytes] = []
    for line in (*body.splitlines(), b""):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            yield b"\n".join(data)
            data = []
