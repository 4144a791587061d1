"""Requests to an independent backend byte for byte, what came back, and the rows they left.

Must not know what is wrong with the backend.
"""

import json
import socket
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.fix_backends import Backend

ADDRESS = "203.0.113.9"
LIMIT_S = 60
POLL_S = 0.01

Rows = dict[str, list[tuple[str, str | None]]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request; each of `lines` is a header line of its own, blanks before and after the value included."""

    lines: tuple[str, ...] = ()
    name: str = "x-posthog-distinct-id"
    stream: bool = False
    signed_in: bool = False
    forwarded: str = ADDRESS

    def bytes_for(self, backend: Backend) -> bytes:
        """As it goes over the wire."""
        key = backend.token if self.signed_in else "not-provided"
        body = json.dumps({"model": backend.free_model, "messages": [], "stream": self.stream}).encode()
        head = [
            "POST /api/openrouter/chat/completions HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {key}",
            f"X-Forwarded-For: {self.forwarded}",
            f"Content-Length: {len(body)}",
            *(f"{self.name}:{line}" for line in self.lines),
        ]
        return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; names in lower case, `chunks` are the JSON objects of the body."""

    status: int
    headers: dict[str, str]
    body: bytes
    chunks: tuple[dict[str, Any], ...]

    @property
    def message_id(self) -> str:
        """The id that all chunks agree on, '' if there is none."""
        ids = {str(chunk["id"]) for chunk in self.chunks if "id" in chunk}
        return ids.pop() if len(ids) == 1 else ""


@contextmanager
def connection_to(backend: Backend) -> Iterator[socket.socket]:
    """A connection on which every wait is bounded."""
    address = urlsplit(backend.url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 80), timeout=LIMIT_S) as connection:
        yield connection


def sent(backend: Backend, *requests: Request | bytes) -> list[Reply]:
    """The replies to requests one after the other, on one connection for as long as the backend keeps it."""
    replies: list[Reply] = []
    left = list(requests)
    while left:
        with connection_to(backend) as connection:
            kept = True
            while left and kept:
                request = left.pop(0)
                connection.sendall(request.bytes_for(backend) if isinstance(request, Request) else request)
                reply = _read(connection)
                replies.append(reply)
                kept = reply.headers.get("connection", "").lower() != "close"
    return replies


def _read(connection: socket.socket) -> Reply:
    with HTTPResponse(connection, method="POST") as response:
        response.begin()
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
    content_type = headers.get("content-type", "")
    if "event-stream" in content_type:
        return Reply(response.status, headers, body, tuple(events(body.decode())))
    chunks = (json.loads(body),) if "json" in content_type else ()
    return Reply(response.status, headers, body, chunks)


def events(text: str) -> Iterator[dict[str, Any]]:
    """The data of each event as JSON, without the [DONE] at the end.

    Source: HTML Living Standard, 9.2.6 Interpreting an event stream.
    """
    data: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        field, _, value = line.partition(":")
        if line == "" and data:
            whole = "\n".join(data)
            data = []
            if whole != "[DONE]":
                yield json.loads(whole)
        elif field == "data":
            data.append(value.removeprefix(" "))


def rows(dsn: str, message_ids: Iterable[str]) -> Rows:
    """For each id the joined rows as user and what is stored for him."""
    found: Rows = defaultdict(list)
    with psycopg.connect(dsn) as connection:
        for message_id, *row in connection.execute(
            "SELECT message_id, kilo_user_id, posthog_distinct_id FROM microdollar_usage"
            " JOIN microdollar_usage_metadata USING (id) WHERE message_id = ANY(%s)",
            (list(message_ids),),
        ):
            found[message_id].append((row[0], row[1]))
    return found


def rows_in_time(backend: Backend, replies: Iterable[Reply]) -> Rows:
    """The rows of the replies, once each has one."""
    ids = {reply.message_id for reply in replies}
    deadline = time.monotonic() + LIMIT_S
    while (found := rows(backend.dsn, ids)).keys() != ids:
        assert time.monotonic() < deadline, f"no row for {ids - found.keys()}"
        time.sleep(POLL_S)
    return found
