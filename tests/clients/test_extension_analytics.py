"""The analytics stand-in takes what the official package sends, over HTTP, and joins what is aliased."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from harness.clients.analytics import Analytics, AnalyticsEvent, alias, analytics, capture, send
from harness.clients.id_client import plans_client
from harness.clients.json_server import BODY_BYTES_MAX
from harness.errors import UnavailableError

CLIENT = plans_client()


async def test_events_of_the_official_package_arrive_under_their_ids() -> None:
    async with analytics(CLIENT) as server:
        await send(
            CLIENT, server.origin, [capture("Task Created", "a-machine"), alias("a-machine", "vscode-1")]
        )
    assert server.events == [
        AnalyticsEvent("Task Created", "a-machine", None),
        AnalyticsEvent("$create_alias", "a-machine", "vscode-1"),
    ]


async def test_events_arrive_whatever_the_environment_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("POSTHOG_CAPTURE_MODE", "v1")
    async with analytics(CLIENT) as server:
        await send(CLIENT, server.origin, [capture("Task Created", "a-machine")])
    assert [event.subject_id for event in server.events] == ["a-machine"]


async def test_compressed_batch_is_taken() -> None:
    batch = {"api_key": "k", "batch": [{"event": "e", "distinct_id": "i", "properties": {}}]}
    async with (
        analytics(CLIENT) as server,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        body = gzip.compress(json.dumps(batch).encode())
        for content in (body, in_chunks(body)):
            reply = await http.post(
                f"{server.origin}/batch/", content=content, headers={"content-encoding": "gzip"}
            )
            assert reply.status_code == 200
        cut = await http.post(
            f"{server.origin}/batch/", content=body[:-1], headers={"content-encoding": "gzip"}
        )
        assert cut.status_code == 400
    assert server.events == [AnalyticsEvent("e", "i", None)] * 2


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for byte in body:
        yield bytes([byte])


@pytest.mark.parametrize(
    ("method", "path", "size", "status"),
    [
        ("POST", "/batch", 0, 404),
        ("GET", "/batch/", 0, 405),
        ("POST", "/batch/", BODY_BYTES_MAX + 1, 413),
        ("POST", "/batch/", BODY_BYTES_MAX, 400),
    ],
)
async def test_what_the_service_has_not_is_refused(method: str, path: str, size: int, status: int) -> None:
    async with analytics(CLIENT) as server, httpx.AsyncClient(trust_env=False) as http:
        reply = await http.request(method, server.origin + path, content=b"x" * size)
    assert reply.status_code == status


async def test_what_is_no_http_ends_the_connection() -> None:
    async with analytics(CLIENT) as server:
        host, _, port = server.origin.rpartition("/")[2].partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"no HTTP\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"batch": 1}', b'{"batch": [1]}', b'{"batch": [{"event": "e"}]}']
)
async def test_body_that_is_no_batch_is_refused_and_leaves_nothing(body: bytes) -> None:
    async with (
        analytics(CLIENT) as server,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        assert (await http.post(f"{server.origin}/batch/", content=body)).status_code == 400
    assert server.events == []


async def test_sending_to_nobody_cannot_run() -> None:
    async with analytics(CLIENT) as server:
        gone = server.origin
    with pytest.raises(UnavailableError, match=r"could not send its events: .*[Cc]onnection"):
        await send(CLIENT, gone, [capture("Task Created", "a-machine")])


async def test_sending_that_takes_too_long_is_ended() -> None:
    async with analytics(CLIENT) as server:
        with pytest.raises(UnavailableError, match=r"not done with its calls after 0\.001 s"):
            await send(CLIENT, server.origin, [capture("Task Created", "a-machine")], seconds_max=0.001)


def test_person_has_every_id_that_aliases_join_and_no_other() -> None:
    server = Analytics("", CLIENT.consumer)
    server.events += [
        AnalyticsEvent("$create_alias", "a", "b"),
        AnalyticsEvent("$create_alias", "c", "b"),
        AnalyticsEvent("$create_alias", "x", "y"),
        AnalyticsEvent("Task Created", "c", None),
    ]
    assert server.person("a") == {"a", "b", "c"}
    assert server.person("y") == {"x", "y"}
    assert server.person("z") == {"z"}
    assert [event.subject_id for event in server.events_of("a")] == ["c"]
    assert server.events_of("x") == [], "an alias is no event"


def test_package_is_not_loaded_into_the_harness() -> None:
    assert logging.getLogger("posthog").handlers == [], "its logging set-up would be ours"
