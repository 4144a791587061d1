"""What faulty and harmless builds do to rows and replies once a request is served; over sockets, on a real database."""

import asyncio
import json
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest

from harness import plan
from harness.backend.defects import VARIANTS, find_build
from harness.backend.tokens import issue_token
from harness.clients.exchange import Outcome, Reply
from harness.data import sql_text
from harness.database.relations import of_users
from harness.polling import poll_until
from tests.backend.asks import EMAIL, ID, JUNK, Ask, ask
from tests.backend.shown_by import TELLING
from tests.fix_stack import SECRET, StartReplica

pytestmark = pytest.mark.catalogue

Row = tuple[Any, ...]

PAIRS = """SELECT u.kilo_user_id, m.message_id, m.posthog_distinct_id
FROM microdollar_usage u FULL JOIN microdollar_usage_metadata m ON u.id = m.id
WHERE coalesce(u.created_at, m.created_at) > now() - interval '1 hour'
ORDER BY coalesce(u.created_at, m.created_at)"""
ROWS_S_MAX = 20.0
USER = "anon:192.0.2.7"


def users(dsn: str) -> tuple[str, str]:
    """Id and e-mail of a user that has an account."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute(of_users("first_user", plan.USERS)).fetchone()
    assert found is not None
    return str(found[0]), str(found[1])


def prepare(dsn: str, build: str) -> None:
    prelude = find_build(build).prelude
    if prelude is not None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(sql_text(prelude).encode())


def rows(dsn: str, query: str = PAIRS) -> list[Row]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode()).fetchall()


async def served(dsn: str, start: StartReplica, build: str, asks: list[Ask]) -> list[httpx.Response]:
    """The replies to the requests, one after the other; the replica has ended and was drained."""
    prepare(dsn, build)
    token = issue_token(users(dsn)[0], SECRET)
    process = await start(dsn, build=build)
    replies: list[httpx.Response] = []
    async with httpx.AsyncClient(base_url=process.origin, trust_env=False, timeout=60) as client:
        for request, email in asks:
            before = len(rows(dsn))
            headers = [line for line in request.headers if email is None or line[0] != b"authorization"]
            headers += [(b"authorization", f"Bearer {token}".encode())] if email else []
            replies.append(await client.post(request.path, content=request.body, headers=headers))
            is_last = len(replies) == len(asks)
            if not is_last and replies[-1].status_code == 200:  # its rows are there before the next one's
                assert await asyncio.to_thread(poll_until, partial(more_rows, dsn, before), ROWS_S_MAX)
    await process.stop()
    assert process.losses() == ()
    return replies


def more_rows(dsn: str, before: int) -> bool:
    return len(rows(dsn)) > before


def ids(replies: list[httpx.Response]) -> list[str | None]:
    return [Reply(Outcome.REPLY, reply.status_code, body=reply.content).upstream_id for reply in replies]


ROWS_LEFT: list[tuple[str, list[tuple[bool, int | None, str | None]]]] = [
    ("metadata-twin", [(True, 0, ID), (False, 0, ID)]),
    ("no-metadata-streamed", [(True, None, None)]),
    ("no-metadata-invalid", [(True, None, None)]),
    ("no-usage-junk-token", [(False, 0, ID)]),
    ("no-usage-headerless", [(False, 0, None)]),
    ("pair-again-late", [(True, 0, ID), (True, 0, ID)]),
    ("metadata-again-late", [(True, 0, ID), (False, 0, ID)]),
    ("pair-for-same-value", [(True, 0, ID), (True, 1, ID), (True, 1, ID)]),
    ("nulls-later", [(True, 0, None)]),
    ("lower-cases-later", [(True, 0, "vscode")]),
    ("overwrites-earlier", [(True, 0, "another-id"), (True, 1, "another-id")]),
    ("fills-earlier", [(True, 0, ID), (True, 1, ID)]),
    ("stores-once", [(True, 0, ID), (True, 1, None)]),
    ("metadata-first", [(True, 0, ID)]),
]
"""By build: of each row whether it has a usage row, which request its metadata row names, and the value."""


@pytest.mark.parametrize(("build", "left"), ROWS_LEFT, ids=[build for build, _ in ROWS_LEFT])
async def test_rows_are_left_as_the_build_says(
    ready_dsn: str, start: StartReplica, build: str, left: list[tuple[bool, int | None, str | None]]
) -> None:
    sent = ids(await served(ready_dsn, start, build, TELLING.get(build, [ask()])))
    found = [
        (user is not None, None if message is None else sent.index(message), value)
        for user, message, value in rows(ready_dsn)
    ]
    assert sorted(found, key=str) == sorted(left, key=str)


async def test_late_usage_row_of_a_signed_in_user_has_no_metadata(
    ready_dsn: str, start: StartReplica
) -> None:
    (sent,) = ids(await served(ready_dsn, start, "usage-again-late", [ask(email=EMAIL)]))
    user, email = users(ready_dsn)
    assert sorted(rows(ready_dsn), key=str) == sorted([(user, sent, email), (user, None, None)], key=str)


async def test_halves_of_two_requests_change_places(ready_dsn: str, start: StartReplica) -> None:
    asks = [ask(address="192.0.2.8"), ask("another-id", stream=True)]
    first, second = ids(await served(ready_dsn, start, "swaps-halves", asks))
    assert rows(ready_dsn) == [("anon:192.0.2.8", second, ID), (USER, first, "another-id")]


async def test_user_becomes_another_one_later(ready_dsn: str, start: StartReplica) -> None:
    await served(ready_dsn, start, "reassigns-later", [ask()])
    assert [row[0] for row in rows(ready_dsn)] == [plan.ANONYMOUS_PREFIX + ID]


async def test_other_columns_change_with_the_header_only(ready_dsn: str, start: StartReplica) -> None:
    columns = """SELECT u.cost, u.model, u.input_tokens, m.has_tools, m.status_code, m.user_prompt_prefix,
        u.organization_id IS NULL, u.project_id, agent.http_user_agent
        FROM microdollar_usage u JOIN microdollar_usage_metadata m ON u.id = m.id
        JOIN http_user_agent agent USING (http_user_agent_id) WHERE m.message_id LIKE 'gen-%' ORDER BY u.created_at"""
    agent = ("user-agent", "agent")
    plain = (0, "harness/stub:free", 12, False, 200, "hello", True, None, "agent")
    expected = {
        "costs-with-header": (0, 1),
        "bare-model": (1, "harness/stub"),
        "token-for-header": (2, 13),
        "tools-with-header": (3, True),
        "status-with-header": (4, 202),
        "prompt-from-header": (5, ID),
        "organization-from-header": (6, False),
        "project-from-header": (7, ID),
        "agent-from-header": (8, ID),
    }
    seen = 0
    for build, (place, value) in expected.items():
        await served(ready_dsn, start, build, [ask(None, headers=(agent,)), ask(headers=(agent,))])
        changed = (*plain[:place], value, *plain[place + 1 :])
        assert rows(ready_dsn, columns)[seen:] == [plain, changed], build
        seen += 2


async def test_stream_ends_as_the_build_says(ready_dsn: str, start: StartReplica) -> None:
    ends = {
        "done-missing": [b"data: {"],
        "comment-added": [b"data: {", b": ok", b"data: [DONE]"],
        "event-added": [b"data: {", b'data: {"object":"identified"}', b"data: [DONE]"],
        "event-named": [b"event: message\ndata: {", b"event: message\ndata: [DONE]"],
    }
    for build, expected in ends.items():
        asks = [ask(None, stream=True), ask(stream=True)]
        plain, told = [reply.content for reply in await served(ready_dsn, start, build, asks)]
        assert plain.endswith(b"}\n\ndata: [DONE]\n\n")
        events = told.removesuffix(b"\n\n").split(b"\n\n")[-len(expected) :]
        assert [event[: len(end)] for event, end in zip(events, expected, strict=True)] == expected
    assert len(rows(ready_dsn)) == 2 * len(ends)  # what the client gets less is accounted for all the same


async def test_whole_replies_keep_a_length_that_is_right(ready_dsn: str, start: StartReplica) -> None:
    for build in ("usage-dropped", "member-added", "newline-added", "shuffles-members"):
        plain, told = await served(ready_dsn, start, build, [ask(None), ask()])
        for reply in (plain, told):
            assert int(reply.headers["content-length"]) == len(reply.content)
            assert "transfer-encoding" not in reply.headers
        assert json.loads(plain.content).keys() >= {"id", "usage", "choices"}
        assert set(told.json()) ^ set(plain.json()) == {
            "usage-dropped": {"usage"},
            "member-added": {"distinct_id"},
        }.get(build, set())


async def test_reply_headers_are_added_or_replaced(ready_dsn: str, start: StartReplica) -> None:
    plain, told = await served(ready_dsn, start, "charset-changed", [ask(None), ask()])
    assert plain.headers["content-type"] == "application/json"
    assert told.headers.get_list("content-type") == ["application/json; charset=utf-8"]


async def test_classes_of_requests_are_refused(ready_dsn: str, start: StartReplica) -> None:
    plain, told = await served(ready_dsn, start, "requires-header", [ask(None), ask()])
    assert (plain.status_code, told.status_code) == (400, 200)
    plain, told = await served(ready_dsn, start, "fails-streamed", [ask(None, stream=True), ask(stream=True)])
    assert (plain.status_code, told.status_code) == (200, 500)


@pytest.mark.parametrize("build", [variant.name for variant in VARIANTS])
async def test_harmless_variants_leave_the_rows_of_the_reference(
    ready_dsn: str, start: StartReplica, build: str
) -> None:
    asks = [ask(), ask("a b"), ask(None), ask(email=EMAIL), ask(stream=True), ask(headers=(JUNK,))]
    sent = ids(await served(ready_dsn, start, build, asks))
    user, email = users(ready_dsn)
    values = [(USER, ID), (USER, None), (USER, None), (user, email), (USER, ID), (USER, ID)]
    expected = [(who, message, value) for (who, value), message in zip(values, sent, strict=True)]
    assert sorted(rows(ready_dsn), key=str) == sorted(expected, key=str)
