"""The analytics stand-in takes what the official package sends, over HTTP, and joins what is aliased."""

import logging

import aiohttp
import pytest

from harness.clients.analytics import Analytics, AnalyticsEvent, alias, analytics, capture, send
from harness.clients.id_client import plans_client
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
    body = {"api_key": "k", "batch": [{"event": "e", "distinct_id": "i", "properties": {}}]}
    async with (
        analytics(CLIENT) as server,
        aiohttp.ClientSession() as session,
        session.post(f"{server.origin}/batch/", json=body, compress="gzip") as reply,
    ):
        assert reply.status == 200
    assert server.events == [AnalyticsEvent("e", "i", None)]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"batch": 1}', b'{"batch": [1]}', b'{"batch": [{"event": "e"}]}']
)
async def test_body_that_is_no_batch_is_refused_and_leaves_nothing(body: bytes) -> None:
    async with (
        analytics(CLIENT) as server,
        aiohttp.ClientSession() as session,
        session.post(f"{server.origin}/batch/", data=body) as reply,
    ):
        assert reply.status == 400
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
