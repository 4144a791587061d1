"""The reference is like the real backend where it was found not to be: bodies of refusals, and columns of the rows."""

import json
from typing import Any

import httpx
import psycopg
import pytest

from harness import plan
from harness.backend.admission import Refusal, check_path, client_address, parse_body, prompts
from harness.backend.tokens import issue_token
from harness.clients.extension import FREE_MODEL
from harness.database.relations import of_users
from harness.rule.operations import take_units
from tests.backend.test_app import ASK, ask, rows
from tests.fix_stack import SECRET, StartReplica

USER = "(SELECT i.http_ip FROM http_ip i WHERE i.http_ip_id = m.http_ip_id)"
SYSTEM = (
    "(SELECT s.system_prompt_prefix FROM system_prompt_prefix AS s "
    "WHERE s.system_prompt_prefix_id = m.system_prompt_prefix_id)"
)


def refused(body: bytes) -> tuple[int, dict[str, Any]]:
    with pytest.raises(Refusal) as caught:
        parse_body(body)
    return caught.value.status, caught.value.body


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b'"text"', b"7", b"true", b"nan", b"\xff", b"{'a': 1}", b"[1"]
)
def test_body_that_is_no_json_object_is_an_invalid_request(body: bytes) -> None:
    status, document = refused(body)
    assert (status, document["error"]) == (400, "Invalid request")
    assert "valid JSON" in document["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"model": null}',
        b'{"model": 7}',
        b'{"model": ""}',
        b'{"model": "\\ufeff "}',
        b"[1, 2]",
    ],
)
def test_body_without_a_model_is_a_model_not_found(body: bytes) -> None:
    assert refused(body) == (
        404,
        {"error": "Model not found", "message": "The requested model could not be found."},
    )


@pytest.mark.parametrize(
    "path", ["/api/openrouter/models", "/api/gateway/", "/api/openrouter/chat/completions/x"]
)
def test_path_beside_the_route_says_which_one_it_is(path: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_path(path, "POST")
    assert (caught.value.status, caught.value.body["error"]) == (400, "Invalid path")
    assert "/chat/completions" in caught.value.body["message"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "::1", "2001:db8::1", "192.0.2.1"])
def test_user_without_the_header_is_the_listeners_peer(address: str) -> None:
    assert client_address([], (address, 4000)) == address


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udc00", "\ufffd"),
        ("\ud83e-", "\ufffd-"),
        ("\udd94\ud83e", "\ufffd\ufffd"),
        ("\ud83e\udd94", "\U0001f994"),
        ("\ud800\ud83e\udd94\udc00", "\ufffd\U0001f994\ufffd"),
        ("\U0001f994", "\U0001f994"),
        ("a" * 99 + "\U0001f994", "a" * 99 + "\ufffd"),
        ("a" * 98 + "\U0001f994", "a" * 98 + "\U0001f994"),
        ("", ""),
        ("\u00e9" * 101, "\u00e9" * 100),
    ],
)
def test_text_is_cut_and_written_as_node_does(text: str, stored: str) -> None:
    assert take_units(100, text) == stored


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (None, ("", "")),
        ([], ("", "")),
        ("no list", ("", "")),
        (7, ("", "")),
        ([{"role": "user", "content": None}], ("", "")),
        ([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], ("", "b")),
        ([{"role": "system", "content": "a"}, {"role": "developer", "content": "b"}], ("a\nb", "")),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}, 7]}], ("", "a")),
        (
            [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
            ("", "a\nb"),
        ),
        ([{"role": "user", "content": "a"}, {"role": "user", "content": 7}], ("", "")),
    ],
)
def test_prompts_are_the_texts_of_messages(messages: object, expected: tuple[str, str]) -> None:
    assert prompts({"messages": messages}) == expected


@pytest.mark.parametrize(
    ("member", "seen"),
    [
        ({"messages": [{"role": "user", "content": "a\ud800b"}]}, "a\ufffdb"),
        ({"messages": [{"role": "user", "content": "\udc00\ud83e\udd94"}]}, "\ufffd\U0001f994"),
        ({"messages": [{"role": "system", "content": "\ud83e"}]}, ""),
        ({"model": f"\ud800/{FREE_MODEL}"}, "hello"),
        ({"tools": [{"name": "\udfff"}]}, "hello"),
        ({"\ud800": "\ud800"}, "hello"),
    ],
)
async def test_row_of_a_body_with_a_lone_surrogate_is_stored(
    base_dsn: str, start: StartReplica, member: dict[str, Any], seen: str | None
) -> None:
    process = await start(base_dsn, build="before")
    assert (await ask(process, ASK | member)).status_code == 200
    await process.stop()
    assert rows(base_dsn, "m.user_prompt_prefix") == [(seen,)]


async def test_columns_are_those_of_the_real_backend(base_dsn: str, start: StartReplica) -> None:
    process = await start(base_dsn, build="before")
    own = {"x-kilocode-organizationid": "6d3f5a52-6a0b-4b7e-9c34-0d8f0d4ad7b1"}
    for document, headers in (
        (ASK, {}),
        ({"model": FREE_MODEL}, {"x-forwarded-for": "192.0.2.7, 10.0.0.1"}),
        (ASK | {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "y"}]}, own),
    ):
        assert (await ask(process, document, headers=headers)).status_code == 200
    await process.stop()
    columns = (
        "u.organization_id, u.provider, m.cancelled, u.kilo_user_id, "
        f"{USER}, m.user_prompt_prefix, {SYSTEM}, u.inference_provider"
    )
    assert rows(base_dsn, columns) == [
        (None, "openrouter", None, "anon:127.0.0.1", "127.0.0.1", "hello", "", "stub"),
        (None, "openrouter", None, "anon:192.0.2.7", "192.0.2.7, 10.0.0.1", "", "", "stub"),
        (None, "openrouter", None, "anon:127.0.0.1", "127.0.0.1", "y", "x", "stub"),
    ]


async def test_prompts_are_null_within_an_organization_alone(base_dsn: str, start: StartReplica) -> None:
    with psycopg.connect(base_dsn) as connection:
        found = connection.execute(of_users("first_user", plan.USERS)).fetchone()
    assert found is not None
    process = await start(base_dsn, build="before")
    signed_in = {"x-forwarded-for": "192.0.2.7", "authorization": f"Bearer {issue_token(found[0], SECRET)}"}
    own = {"x-kilocode-organizationid": "6d3f5a52-6a0b-4b7e-9c34-0d8f0d4ad7b1"}
    for headers in (signed_in, signed_in | own):
        assert (await ask(process, {"model": FREE_MODEL}, headers=headers)).status_code == 200
    await process.stop()
    columns = f"u.organization_id::text, m.user_prompt_prefix, {SYSTEM}"
    assert rows(base_dsn, columns) == [
        (None, "", ""),
        (own["x-kilocode-organizationid"], None, None),
    ]


async def test_refusals_are_answered_with_the_real_bodies(base_dsn: str, start: StartReplica) -> None:
    process = await start(base_dsn, build="before")
    async with httpx.AsyncClient(base_url=process.origin, trust_env=False, timeout=60) as client:
        replies = [await client.post(plan.ROUTES[0], content=body) for body in (b"{", b"{}")]
    tokens = await ask(process, ASK | {"max_tokens": 10**12})
    paid = await ask(process, ASK | {"stub": {"status": 402}})
    await process.stop()
    assert [json.loads(reply.content)["error"] for reply in replies] == ["Invalid request", "Model not found"]
    assert tokens.json() == paid.json()
    assert tokens.json()["error"] == "Service Unavailable"
