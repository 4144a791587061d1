"""What the contract says of a request, its reply and its rows, told apart from how any build does it."""

import json
import re
from dataclasses import replace
from typing import Any

import psycopg

from tests.foreign.client import Observation, Reply, Send
from tests.foreign.launch import Backend

RULE = re.compile(r"[a-zA-Z0-9_-]+")
INDEX = "idx_microdollar_usage_metadata_posthog_distinct_id"
COLUMN = "posthog_distinct_id"


def expected_value(send: Send, backend: Backend) -> str | None:
    """What the plan stores for a request."""
    if send.caller == "signed in":
        return backend.email
    if send.value is None:
        return None
    value = send.value if isinstance(send.value, str) else ", ".join(one.strip(" \t") for one in send.value)
    value = value.strip(" \t")
    return value if len(value) <= 255 and RULE.fullmatch(value) else None


def expected_user(send: Send, backend: Backend) -> str:
    """Whom the usage row is to be charged to."""
    return backend.user_id if send.caller == "signed in" else f"anon:{send.address.split(',')[0].strip()}"


def said(reply: Reply) -> str:
    """The text of a reply, streamed or not."""
    if not reply.content_type.startswith("text/event-stream"):
        return str(json.loads(reply.text)["choices"][0]["message"]["content"])
    chunks = [line[6:] for line in reply.text.split("\n") if line.startswith("data: {")]
    deltas = [choice["delta"] for chunk in chunks for choice in json.loads(chunk).get("choices", [])]
    return "".join(delta.get("content") or "" for delta in deltas)


def _reply_faults(send: Send, reply: Reply) -> list[str]:
    if send.stream and not reply.text.rstrip().endswith("data: [DONE]"):
        return ["the stream has no end"]
    wanted = "text/event-stream" if send.stream else "application/json"
    if not reply.content_type.startswith(wanted):
        return [f"content type {reply.content_type}"]
    return [] if said(reply) else ["the reply says nothing"]


def _row_faults(send: Send, row: dict[str, Any], backend: Backend, status: int) -> list[str]:
    wanted = {
        "metadata_id": row["usage_id"],
        "kilo_user_id": expected_user(send, backend),
        COLUMN: expected_value(send, backend),
        "streamed": send.stream,
        "has_tools": send.tools,
        "has_error": status >= 400,
        "status_code": status,
        "cost": 0,
        "http_ip": send.address,
        "abuse_classification": 0,
    }
    return [f"{key} is {row[key]!r}, not {value!r}" for key, value in wanted.items() if row[key] != value]


def violations(seen: Observation, backend: Backend) -> list[str]:
    """Where replies or rows are not as the contract says."""
    found: list[str] = []
    statuses = {
        replace(send, value=None, connection=0): reply.status
        for send, reply in zip(seen.sends, seen.replies, strict=True)
        if send.value is None
    }
    known = {reply.message_id for reply in seen.replies} - {None}
    for position, (send, reply) in enumerate(zip(seen.sends, seen.replies, strict=True)):
        faults = []
        if reply.status == 200:
            faults = _reply_faults(send, reply)
        elif statuses.get(replace(send, value=None, connection=0)) != reply.status:
            faults = [f"status {reply.status}"]
        if reply.message_id is not None:
            rows = [row for row in seen.rows if row["message_id"] == reply.message_id]
            faults += [f"{len(rows)} metadata rows"] if len(rows) != 1 else []
            for row in rows:
                faults += _row_faults(send, row, backend, reply.status)
        found += [f"request {position}: {fault}" for fault in faults]
    strangers = [row for row in seen.rows if row["message_id"] not in known]
    return found + [f"{len(strangers)} rows belong to no reply"] * bool(strangers)


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


def index_serves(dsn: str) -> bool:
    """Whether the rollout's index can be what a look-up by value uses, and refuses no row."""
    with psycopg.connect(dsn) as connection:
        kept = connection.execute(
            """SELECT indisvalid AND indisready AND NOT indisunique AND amname = 'btree' AND attname = %s
            FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
            LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
            WHERE indexrelid = to_regclass(%s)""",
            (COLUMN, INDEX),
        ).fetchone()
        if kept is None or not kept[0]:
            return False
        connection.execute("SET LOCAL enable_seqscan = off")
        plan = connection.execute(
            f"EXPLAIN (FORMAT JSON) SELECT id FROM microdollar_usage_metadata WHERE {COLUMN} = 'a-value'::text"
        ).fetchone()
    assert plan is not None
    nodes = _nodes(plan[0][0]["Plan"])
    conditions = [node["Index Cond"] for node in nodes if "Index Cond" in node]
    scanned = any(node["Node Type"] == "Seq Scan" for node in nodes)
    return bool(conditions) and not scanned and all(COLUMN in condition for condition in conditions)
