"""The reference proxy answers and accounts as the real route was measured to; over sockets, on a real database."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from harness import plan
from harness.backend.completion import read_completion
from harness.backend.serve import HOST, Process
from harness.backend.tokens import issue_token
from harness.clients.extension import FREE_MODEL
from tests.fix_stack import SECRET, StartReplica

ROUTE, ALIAS = plan.ROUTES
ASK: dict[str, Any] = {"model": FREE_MODEL, "messages": [{"role": "user", "content": "hello"}]}
ADDRESS = {"x-forwarded-for": "192.0.2.7"}
PAID = ASK | {"model": "vendor/costly"}


async def ask(process: Process, document: object = ASK, path: str = ROUTE, **more: Any) -> httpx.Response:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    more.setdefault("headers", ADDRESS)
    async with httpx.AsyncClient(base_url=process.origin, trust_env=False, timeout=60) as client:
        return await client.post(path, content=content, **more)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - it comes true in another process; the timeout bounds the wait
            await asyncio.sleep(0.01)


def listens(process: Process) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, process.port)) == 0


def rows(dsn: str, columns: str) -> list[tuple[Any, ...]]:
    query = (
        f"SELECT {columns} FROM microdollar_usage u JOIN microdollar_usage_metadata m ON u.id = m.id "
        "WHERE m.message_id LIKE 'gen-%' OR m.message_id = '<missing>' ORDER BY m.created_at"
    )
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()


async def test_proxy_refuses_with_measured_status_in_measured_order(
    base_dsn: str, start: StartReplica
) -> None:
    process = await start(base_dsn, build="before")
    refusals: list[tuple[int, object, dict[str, Any]]] = [
        (400, ASK, {"path": "/api/openrouter/models"}),
        (400, b"{", {}),
        (400, None, {}),
        (400, "text", {}),
        (400, 7, {}),
        (400, True, {}),
        (404, [], {}),
        (404, {"messages": []}, {}),
        (404, ASK | {"model": 7}, {}),
        (404, ASK | {"model": "  "}, {}),
        (400, PAID, {"headers": {"x-forwarded-for": ""}}),
        (400, PAID, {"headers": {"x-forwarded-for": ", 192.0.2.7"}}),
        (401, PAID | {"max_tokens": 10**12}, {}),
        (401, ASK | {"model": FREE_MODEL + " "}, {}),
        (503, ASK | {"max_tokens": 10**12}, {}),
        (503, ASK | {"max_tokens": 1e12}, {}),
        (400, json.dumps(ASK | {"top_p": float("nan")}).encode(), {}),  # no JSON to JavaScript
        (400, json.dumps(ASK).encode("utf-16"), {}),
        (400, b"[" * 100_000, {}),
        (404, ASK | {"model": "\ufeff\u00a0"}, {}),  # blank to String.prototype.trim
        (401, ASK | {"model": "\x1c\x85"}, {}),  # blank to str.strip only
    ]
    got = [(await ask(process, document, **more)).status_code for _, document, more in refusals]
    assert got == [status for status, _, _ in refusals]
    paid = (await ask(process, PAID)).json()
    assert paid["error"]["code"] == "PAID_MODEL_AUTH_REQUIRED"
    async with httpx.AsyncClient(base_url=process.origin, trust_env=False) as client:
        assert (await client.get(ROUTE)).status_code == 405
    await process.stop()
    assert rows(base_dsn, "1") == []


async def test_proxy_knows_the_user_by_token_else_by_first_address(
    ready_dsn: str, start: StartReplica
) -> None:
    process = await start(ready_dsn)
    with psycopg.connect(ready_dsn) as connection:
        found = connection.execute(
            "SELECT id, google_user_email FROM kilocode_users ORDER BY id LIMIT 1"
        ).fetchone()
    assert found is not None
    user, email = found
    header = {plan.HEADER: "vscode-0123456789abcdef"}
    for headers in (
        {"x-forwarded-for": "2001:db8::1 , 192.0.2.1"} | header,
        ADDRESS | header | {"authorization": "Bearer not-provided"},
        ADDRESS | header | {"authorization": f"Bearer {issue_token(user, SECRET)}"},
        ADDRESS | header | {"authorization": f"Bearer {issue_token(user, SECRET[::-1])}"},
        ADDRESS | header | {"authorization": f"Bearer {issue_token('nobody', SECRET)}"},
        {},
    ):
        assert (await ask(process, headers=headers)).status_code == 200
    assert (await ask(process, path=ALIAS)).status_code == 200
    await process.stop()
    value = header[plan.HEADER]
    assert sorted(rows(ready_dsn, "u.kilo_user_id, m.posthog_distinct_id"), key=str) == sorted(
        [
            ("anon:2001:db8::1", value),
            ("anon:192.0.2.7", value),
            (user, email),
            ("anon:192.0.2.7", value),
            ("anon:192.0.2.7", value),
            ("anon:127.0.0.1", None),
            ("anon:192.0.2.7", None),
        ],
        key=str,
    )


async def test_proxy_reads_headers_as_javascript_does(ready_dsn: str, start: StartReplica) -> None:
    process = await start(ready_dsn)
    with psycopg.connect(ready_dsn) as connection:
        found = connection.execute("SELECT id FROM kilocode_users ORDER BY id LIMIT 1").fetchone()
    assert found is not None
    bearer = f"Bearer {issue_token(found[0], SECRET)}".encode()
    asked: list[list[tuple[bytes, bytes]]] = [
        [(b"x-forwarded-for", b"192.0.2.8\xa0, 192.0.2.9"), (b"x-kilocode-editorname", b"a\xa0")],
        [(b"x-forwarded-for", b"192.0.2.8\x85"), (b"x-kilocode-editorname", b"a\x85")],
        [(b"x-forwarded-for", b"192.0.2.8"), (b"authorization", bearer), (b"authorization", b"Bearer junk")],
    ]
    for headers in asked:
        assert (await ask(process, headers=headers)).status_code == 200
    refused = [(b"x-forwarded-for", b"\xa0,192.0.2.9")]
    assert (await ask(process, headers=refused)).status_code == 400
    await process.stop()
    editor = "(SELECT editor_name FROM editor_name e WHERE e.editor_name_id = m.editor_name_id)"
    seen = rows(ready_dsn, f"u.kilo_user_id, {editor}")
    assert sorted(seen, key=str) == sorted(
        [("anon:192.0.2.8", "a"), ("anon:192.0.2.8\x85", "a\x85"), (found[0], None)], key=str
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_completion_is_read_from_a_stream_with_any_line_ends(end: bytes) -> None:
    stream = end.join([b": hello", b"", b'data: {"id": "x"}', b"", b"data: [DONE]", b"", b""])
    completion = read_completion(stream, streamed=True)
    assert completion is not None
    assert completion.id == "x"


async def test_proxy_accounts_only_for_what_the_real_one_accounts_for(
    base_dsn: str, start: StartReplica
) -> None:
    process = await start(base_dsn, build="before")
    asked: list[tuple[dict[str, Any], int]] = [
        ({"stub": {"status": 402}}, 503),
        ({"stub": {"status": 500}}, 500),
        ({"stub": {"malformed": True}}, 200),
        ({"stub": {"malformed": True}, "stream": True}, 200),
        ({"stub": {"no_id": True}}, 200),
        ({"stream": True}, 200),
        ({}, 200),
    ]
    for document, status in asked:
        assert (await ask(process, ASK | document)).status_code == status
    await process.stop()
    found = rows(base_dsn, "m.message_id = '<missing>', m.status_code, m.streamed, u.has_error, m.cancelled")
    assert sorted(found, key=str) == sorted(
        [
            (True, 500, False, True, None),
            (True, 200, False, False, None),
            (False, 200, True, False, None),
            (False, 200, False, False, None),
        ],
        key=str,
    )


@pytest.mark.parametrize(("hold", "expected"), [("hold", []), ("hold_middle", [(True, None)])])
async def test_client_abort_leaves_a_row_only_after_the_answer(
    base_dsn: str, start: StartReplica, stub: Process, hold: str, expected: list[tuple[Any, ...]]
) -> None:
    process = await start(base_dsn, build="before")
    asking = asyncio.create_task(ask(process, ASK | {"stream": True, "stub": {hold: "abort"}}))
    async with httpx.AsyncClient(base_url=stub.origin, trust_env=False, timeout=60) as client:
        await client.get("/stub/held", params={"gate": "abort", "count": 1})
        asking.cancel()
        await asyncio.wait([asking])
        await until(lambda: process.aborts() == 1)
        await client.post("/stub/release", params={"gate": "abort"})
    await process.stop()
    assert rows(base_dsn, "u.has_error, m.cancelled") == expected


async def test_lost_row_is_hidden_behind_a_200_without_the_column(base_dsn: str, start: StartReplica) -> None:
    process = await start(base_dsn, build="after")
    reply = await ask(process)
    assert reply.status_code == 200
    await process.stop()
    assert rows(base_dsn, "1") == []
    assert [(loss.message_id, loss.sqlstate) for loss in process.losses()] == [(reply.json()["id"], "42703")]


async def test_stopped_replica_serves_and_accounts_for_what_it_holds(
    ready_dsn: str, start: StartReplica, stub: Process
) -> None:
    process = await start(ready_dsn)
    asking = asyncio.create_task(ask(process, ASK | {"stub": {"hold": "drain"}}))
    async with httpx.AsyncClient(base_url=stub.origin, trust_env=False, timeout=60) as client:
        await client.get("/stub/held", params={"gate": "drain", "count": 1})
        stopping = asyncio.create_task(process.stop())
        await until(lambda: not listens(process))
        await client.post("/stub/release", params={"gate": "drain"})
    assert (await asking).status_code == 200
    await stopping
    assert len(rows(ready_dsn, "1")) == 1
