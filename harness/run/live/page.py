"""The page of `harness serve`: static files, and a stream of server-sent events with what the log holds.

Works offline and without a framework; a strict policy lets it load from here only. Answers requests for a loopback
name only, so that a site which lets its own name lead here reads nothing.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from harness.backend.app import Receive, Scope, Send
from harness.data import fixture_path
from harness.report.escape import shown
from harness.run.live.request_log import LoggedRequest, RequestLog, Subscriber

PATH: Final = "/harness"
FILES: Final = {
    PATH: ("serve.html", "text/html"),
    f"{PATH}/serve.css": ("serve.css", "text/css"),
    f"{PATH}/serve.js": ("serve.js", "text/javascript"),
    f"{PATH}/serve.svg": ("serve.svg", "image/svg+xml"),
}
EVENTS: Final = f"{PATH}/events"
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Source: Content Security Policy Level 3; Trusted Types."""

HOSTS: Final = ["127.0.0.1", "localhost", "[::1]"]
PACE_S: Final = 0.05
"""Changes within so short a time go out together."""
BEAT_S: Final = 15.0
"""A comment goes out after so long a silence, so that a connection that has died is noticed."""
SHOWN_MAX: Final = 300
"""Bytes of a value that the page gets."""


class Router:
    """Hands the page's paths to the page, and all others to the backend."""

    def __init__(self, page: Starlette, backend: Any) -> None:
        self._page = page
        self._backend = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        is_page = scope["path"] == PATH or scope["path"].startswith(PATH + "/")
        await (self._page if is_page else self._backend)(scope, receive, send)


def live_page(log: RequestLog, stack: dict[str, Any]) -> Starlette:
    """The page's application; `stack` is what it says of the stack, and holds a `run` that no other run has."""

    async def events(_request: Request) -> Response:
        headers = HEADERS | {"x-accel-buffering": "no"}
        return StreamingResponse(stream(log, stack), media_type="text/event-stream", headers=headers)

    files = [
        Route(path, partial(_file, (fixture_path("page") / name).read_bytes(), media_type))
        for path, (name, media_type) in FILES.items()
    ]
    trusted = Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)
    return Starlette(routes=[*files, Route(EVENTS, events)], middleware=[trusted])


async def _file(content: bytes, media_type: str, _request: Request) -> Response:
    return Response(content, media_type=media_type, headers=HEADERS)


async def stream(log: RequestLog, stack: dict[str, Any]) -> AsyncIterator[bytes]:
    """Events for one page: `stack` first, then `entries` and `counts` whenever something changed, `ended` last."""
    yield b"retry: 1000\n\n" + event("stack", stack)
    with log.subscriber() as subscriber:
        while not log.closed:
            if await _woken(subscriber):
                yield _changes(log, subscriber)
                await asyncio.sleep(PACE_S)  # what changes meanwhile goes out together
            else:
                yield b": beat\n\n"
        yield _changes(log, subscriber)
    yield event("ended", {})


def event(name: str, data: object) -> bytes:
    """One server-sent event. Source: HTML, 9.2.6 Interpreting an event stream."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def entry_data(entry: LoggedRequest) -> dict[str, Any]:
    """An entry as the page gets it; every text is safe to show as text."""
    return {
        "number": entry.number,
        "arrived": entry.arrived.timestamp() * 1000,
        "client": entry.client,
        "who": "" if entry.due is None else entry.due.email or "anonymous",
        "asked": "" if entry.usual else entry.asked,
        "header": [shown(line, SHOWN_MAX) for line in entry.lines],
        "accepted": entry.accepted,
        "ruling": entry.ruling,
        "hint": entry.hint,
        "state": str(entry.state),
        "status": entry.status,
        "answered_ms": entry.answered_ms,
        "row_ms": entry.row_ms,
        "as_sent": entry.as_sent,
        "value": None if entry.value is None else value_shown(entry.value, SHOWN_MAX),
        "rows": [
            {"usage": row.usage_id, "metadata": row.metadata_id, "user": row.user} for row in entry.rows
        ],
        "faults": list(entry.faults),
        "note": entry.note,
    }


def value_shown(value: str, length_max: int) -> str:
    """A stored value as its header is shown: one byte a character where that is possible."""
    try:
        return shown(value.encode("latin-1"), length_max)
    except UnicodeEncodeError:
        return shown(value, length_max)


def _changes(log: RequestLog, subscriber: Subscriber) -> bytes:
    changed = [entry_data(entry) for entry in subscriber.take()]
    counts = asdict(log.counts) | {"coverage": log.counts.coverage}
    return (event("entries", changed) if changed else b"") + event("counts", counts)


async def _woken(subscriber: Subscriber) -> bool:
    try:
        async with asyncio.timeout(BEAT_S):
            await subscriber.woken.wait()
    except TimeoutError:
        return False
    return True
