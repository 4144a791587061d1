"""A client of the backend: what it sends, and what came of it in the reply and in the rows."""

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

from tests.foreign.launch import Backend

HEADER = "x-posthog-distinct-id"
SECONDS = 20.0
JUNK_TOKEN = "not-provided"

ROWS = """
SELECT usage.id AS usage_id, metadata.id AS metadata_id, kilo_user_id, cost, input_tokens, output_tokens,
    cache_write_tokens, cache_hit_tokens, provider, model, requested_model, has_error, abuse_classification,
    organization_id, inference_provider, project_id, message_id, http_user_agent, http_ip, editor_name, finish_reason,
    system_prompt_prefix, vercel_ip_latitude, vercel_ip_longitude, user_prompt_prefix, system_prompt_length, max_tokens,
    has_middle_out_transform, status_code, upstream_id, is_byok, is_user_byok, streamed, cancelled, has_tools,
    machine_id, feature, posthog_distinct_id
FROM microdollar_usage AS usage
FULL JOIN microdollar_usage_metadata AS metadata ON metadata.id = usage.id
LEFT JOIN http_user_agent USING (http_user_agent_id)
LEFT JOIN http_ip USING (http_ip_id)
LEFT JOIN editor_name USING (editor_name_id)
LEFT JOIN finish_reason USING (finish_reason_id)
LEFT JOIN system_prompt_prefix USING (system_prompt_prefix_id)
"""


@dataclass(frozen=True)
class Send:
    """One request."""

    value: str | tuple[str, ...] | None = None  # of our header; several make several headers
    path: Literal["openrouter", "gateway"] = "openrouter"
    caller: Literal["anonymous", "signed in", "junk"] = "anonymous"
    stream: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    address: str = "203.0.113.7"
    connection: int = 0  # requests of the same number share a connection; 0 has one of its own
    model: str = ""  # the backend's free model
    tools: bool = False
    turns: int = 1  # messages; the second is the assistant's
    padding: int = 0  # characters of the last message
    says: str = ""  # before what the last message says
    usage: bool = False  # asks a stream for its usage
    query: str = ""
    settle: bool = False  # waits until nothing is left to write before the next request


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    content_type: str
    cookie: str | None
    text: str
    message_id: str | None

    def comparable(self) -> object:
        """The reply without what differs between any two requests."""
        text = self.text.replace(self.message_id, "ID") if self.message_id else self.text
        events = [_without_time(event) for event in text.split("\n\n")]
        return self.status, self.content_type, self.cookie, events


@dataclass(frozen=True)
class Observation:
    """All replies, and all rows that are there afterwards."""

    sends: tuple[Send, ...]
    replies: tuple[Reply, ...]
    rows: list[dict[str, Any]] = field(repr=False)

    def comparable(self) -> object:
        """What any two runs on the same build have in common."""
        number = {
            reply.message_id: str(place) for place, reply in enumerate(self.replies) if reply.message_id
        }
        return [reply.comparable() for reply in self.replies], comparable_rows(self.rows, number)


def comparable_rows(rows: list[dict[str, Any]], number: dict[str, str]) -> list[str]:
    """The rows in a fixed order, with replies' numbers for their ids."""
    made = []
    for row in rows:
        paired = row["usage_id"] == row["metadata_id"]
        rest = {
            key: value for key, value in row.items() if key not in ("usage_id", "metadata_id", "message_id")
        }
        made.append(
            repr((number.get(row["message_id"], row["message_id"]), paired, row["usage_id"] is None, rest))
        )
    return sorted(made)


def _without_time(event: str) -> object:
    data = event.removeprefix("data: ")
    try:
        document = json.loads(data)
    except ValueError:
        return event
    if isinstance(document, dict):
        document.pop("created", None)
    return document


def body_of(send: Send, backend: Backend) -> bytes:
    """The JSON of a request."""
    messages = [
        {"role": "assistant" if turn % 2 else "user", "content": f"turn {turn}"} for turn in range(send.turns)
    ]
    if send.padding:
        messages[-1]["content"] += "x" * send.padding
    messages[-1]["content"] = send.says + messages[-1]["content"]
    document: dict[str, Any] = {"model": send.model or backend.free_model, "messages": messages}
    if send.stream:
        document["stream"] = True
    if send.usage:
        document["stream_options"] = {"include_usage": True}
    if send.tools:
        document["tools"] = [
            {"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}}
        ]
    return json.dumps(document).encode()


def headers_of(send: Send, backend: Backend) -> list[tuple[str, str]]:
    """The headers of a request, ours last."""
    headers = [("content-type", "application/json"), ("user-agent", "Kilo-Code/4.101.0"), *send.headers]
    headers.append(("x-forwarded-for", send.address))
    if send.caller != "anonymous":
        token = backend.token if send.caller == "signed in" else JUNK_TOKEN
        headers.append(("authorization", f"Bearer {token}"))
    values = (send.value,) if isinstance(send.value, str) else send.value or ()
    return headers + [(HEADER, value) for value in values]


def _message_id(text: str) -> str | None:
    for event in text.split("\n\n"):
        document = _without_time(event)
        if isinstance(document, dict) and isinstance(document.get("id"), str):
            return str(document["id"])
    return None


def exchange(connection: http.client.HTTPConnection, send: Send, backend: Backend) -> Reply:
    """Sends one request and reads its reply to the end."""
    body = body_of(send, backend)
    connection.putrequest(
        "POST",
        f"/api/{send.path}/chat/completions{'?' if send.query else ''}{send.query}",
        skip_accept_encoding=True,
    )
    for name, value in headers_of(send, backend):
        connection.putheader(name, value.encode("latin-1"))
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    text = response.read().decode()
    return Reply(
        response.status,
        response.getheader("content-type") or "",
        response.getheader("set-cookie"),
        text,
        _message_id(text),
    )


def read_rows(dsn: str) -> list[dict[str, Any]]:
    """Every row of both tables, paired by id where there is a pair."""
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(ROWS).fetchall()


def observe(backend: Backend, sends: Sequence[Send]) -> Observation:
    """Empties the tables, sends everything in turn, and reads what is there once nothing waits."""
    backend.drain()
    with psycopg.connect(backend.dsn, autocommit=True) as database:
        database.execute("DELETE FROM microdollar_usage_metadata")
        database.execute("DELETE FROM microdollar_usage")
    place = urlsplit(backend.url)
    kept: dict[int, http.client.HTTPConnection] = {}
    replies = []
    try:
        for position, send in enumerate(sends):
            key = send.connection or -position - 1
            if key not in kept:
                kept[key] = http.client.HTTPConnection(place.hostname or "", place.port, timeout=SECONDS)
            replies.append(exchange(kept[key], send, backend))
            if send.connection == 0:
                kept.pop(key).close()
            if send.settle:
                backend.drain()
    finally:
        for connection in kept.values():
            connection.close()
    backend.drain()
    return Observation(tuple(sends), tuple(replies), read_rows(backend.dsn))
