"""What goes over the wire and what comes back, as data; shared by every client. Knows no transport."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

HeaderLine = tuple[bytes, bytes]
"""Name and value as written on the wire, without the colon and the line end."""


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

    @property
    def upstream_id(self) -> str | None:
        """The `id` of the JSON body, or of the first SSE chunk that has one; None when there is none."""
        if self.outcome is not Outcome.REPLY:
            return None
        for document in _documents(self.body):
            found = document.get("id")
            if isinstance(found, str) and found:
                return found
        return None

    def header(self, name: str) -> str | None:
        """Value of the first header of this name, as latin-1."""
        wanted = name.lower().encode("latin-1")
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)


def _documents(body: bytes) -> Iterator[dict[str, object]]:
    """JSON objects of a body: the body itself, or each `data:` line of an event stream, read as far as is asked."""
    streamed = body.lstrip().startswith((b"data:", b":", b"event:"))
    for line in body.splitlines() if streamed else [body]:
        if streamed and not line.startswith(b"data:"):
            continue
        try:
            document = json.loads(line[5:] if streamed else line)
        except ValueError:
            continue
        if isinstance(document, dict):
            yield document
