"""Both independent backends keep the contract: ids, rows, the rule of the header, and replies that it never changes."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import psycopg
import pytest

from harness.database.server import Server
from tests.backends.defects import KINDS, Kind
from tests.backends.traffic import ADDRESS, LIMIT_S, Request, connection_to, events, rows_in_time, sent
from tests.fix_backends import Backend, independent

ROUTE = "/api/openrouter/chat/completions"


@pytest.fixture(scope="module")
def backends(server: Server) -> Iterator[dict[Kind, Backend]]:
    """Both backends with nothing wrong with them, whose rows come soon."""
    with ExitStack() as stack:
        yield {
            kind: stack.enter_context(
                independent(kind, stack.enter_context(server.database()), late_ms=(1, 40))
            )
            for kind in KINDS
        }


@pytest.fixture(params=KINDS)
def backend(request: pytest.FixtureRequest, backends: dict[Kind, Backend]) -> Backend:
    """One after the other."""
    return backends[request.param]


def usage_count(dsn: str) -> int:
    """How many usage rows there are."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM microdollar_usage").fetchone()
    assert row is not None
    return int(row[0])


def test_rows_follow_the_rule_for_every_sort_of_header(backend: Backend) -> None:
    expected: dict[Request, str | None] = {
        Request(): None,
        Request(("Z",)): "Z",
        Request((" \t a-b_9 \t",)): "a-b_9",
        Request(("v" * 255,)): "v" * 255,
        Request(("v" * 256,)): None,
        Request(("v" * 3000,)): None,
        Request(("",)): None,
        Request((" \t ",)): None,
        Request(("a b",)): None,
        Request(("a\tb",)): None,
        Request(("a.b",)): None,
        Request(("é",)): None,
        Request(("\xc3\xa9",)): None,
        Request(("a", "a")): None,
        Request(("a", "")): None,
        Request(("a,b",)): None,
        Request(("STREAMED",), stream=True): "STREAMED",
        Request(("a b",), stream=True): None,
        Request(("named",), name="X-POSTHOG-DISTINCT-ID"): "named",
        Request(("underscored",), name="x_posthog_distinct_id"): None,
    }
    replies = sent(backend, *expected)
    found = rows_in_time(backend, replies)
    assert [reply.status for reply in replies] == [200] * len(expected)
    assert [found[reply.message_id] for reply in replies] == [
        [(f"anon:{ADDRESS}", link)] for link in expected.values()
    ]


def test_signed_in_rows_hold_the_email_whatever_the_header_says(backend: Backend) -> None:
    replies = sent(
        backend,
        *(
            Request(lines, signed_in=True, stream=stream)
            for lines in ((), ("x",), ("a b",))
            for stream in (False, True)
        ),
    )
    found = rows_in_time(backend, replies)
    (user,) = {user for each in found.values() for user, _ in each}
    assert not user.startswith("anon:")
    assert [[link for _, link in found[reply.message_id]] for reply in replies] == [[backend.email]] * 6


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [(" \t192.0.2.7 , 10.0.0.1", "192.0.2.7"), ("2001:DB8::0:1", "2001:DB8::0:1"), ("left,right", "left")],
)
def test_anonymous_id_is_the_first_forwarded_item(backend: Backend, forwarded: str, address: str) -> None:
    replies = sent(backend, Request(("linked",), forwarded=forwarded))
    assert rows_in_time(backend, replies)[replies[0].message_id] == [(f"anon:{address}", "linked")]


@pytest.mark.parametrize(
    "line",
    [
        b"x: a\x00b",
        b"x: a\x01b",
        b"x: a\x7fb",
        b"x: a\rb",
        b"x: a\nb",
        b"x: a\r\n b",
        b"x : ab",
        b"x\x00: ab",
    ],
    ids=["nul", "control", "delete", "bare-cr", "bare-lf", "fold", "blank-in-name", "nul-in-name"],
)
def test_malformed_header_line_is_refused_and_leaves_no_row(backend: Backend, line: bytes) -> None:
    good = Request(("after",)).bytes_for(backend)
    bad = good.replace(b"x-posthog-distinct-id:after", line.replace(b"x", b"x-posthog-distinct-id", 1))
    rows_in_time(backend, sent(backend, good))
    before = usage_count(backend.dsn)
    refused, served = sent(backend, bad, good)
    rows_in_time(backend, [served])
    assert (refused.status, refused.headers["connection"], refused.message_id) == (400, "close", "")
    assert usage_count(backend.dsn) == before + 1


@pytest.mark.parametrize("stream", [False, True])
def test_reply_keeps_its_shape_whatever_the_header(backend: Backend, stream: bool) -> None:
    replies = sent(backend, *(Request(lines, stream=stream) for lines in ((), ("ok",), ("a b",), ("",))))
    assert len({reply.status for reply in replies}) == 1
    assert len({frozenset(reply.headers) for reply in replies}) == 1
    assert len({frozenset(reply.chunks[0]) for reply in replies}) == 1
    assert len({reply.body for reply in replies}) == len({reply.message_id for reply in replies}) == 4
    assert all("id" in chunk for reply in replies for chunk in reply.chunks)
    assert len({reply.headers["set-cookie"] for reply in replies}) == 4


def test_httpx_reads_both_sorts_of_reply(backend: Backend) -> None:
    asked = {"model": backend.free_model, "messages": [{"role": "user", "content": "hi"}]}
    with httpx.Client(base_url=backend.url, timeout=LIMIT_S) as client:
        whole = client.post(ROUTE, json=asked)
        streamed = client.post(ROUTE, json={**asked, "stream": True})
    chunks = list(events(streamed.text))
    assert isinstance(whole.json()["id"], str)
    assert len(chunks) >= 2
    assert {chunk["id"] for chunk in chunks} != {whole.json()["id"]}


def test_other_models_are_for_signed_in_users_only(backend: Backend) -> None:
    asked = {"model": "grand/opus", "messages": []}
    with httpx.Client(base_url=backend.url, timeout=LIMIT_S) as client:
        refused = client.post(ROUTE, json=asked)
        served = client.post(ROUTE, json=asked, headers={"Authorization": f"Bearer {backend.token}"})
        unreadable = client.post(ROUTE, content=b"{")
        elsewhere = client.post("/api/other/chat/completions", json=asked)
    assert refused.status_code in (401, 403)
    assert served.status_code == 200
    assert unreadable.status_code in (400, 422)
    assert elsewhere.status_code == 404


def test_schemas_have_only_the_column_and_index_in_common(backends: dict[Kind, Backend]) -> None:
    shapes = []
    for backend in backends.values():
        with psycopg.connect(backend.dsn) as connection:
            shapes.append(
                {
                    (table, column): (type_name, nullable)
                    for table, column, type_name, nullable in connection.execute(
                        "SELECT table_name, column_name, data_type, is_nullable"
                        " FROM information_schema.columns WHERE table_schema = 'public'"
                    )
                }
            )
            valid = connection.execute(
                "SELECT indisvalid FROM pg_index WHERE indexrelid ="
                " 'idx_microdollar_usage_metadata_posthog_distinct_id'::regclass"
            ).fetchone()
            assert valid == (True,)
    assert set(shapes[0].items()) & set(shapes[1].items()) == {
        (("microdollar_usage", "cost"), ("numeric", "NO")),
        (("microdollar_usage", "created_at"), ("timestamp with time zone", "NO")),
        (("microdollar_usage_metadata", "posthog_distinct_id"), ("text", "YES")),
    }


def test_node_ends_when_the_process_that_runs_it_is_killed(empty_dsn: str) -> None:
    with independent("node", empty_dsn) as backend, connection_to(backend) as connection:
        os.kill(backend.pid, signal.SIGKILL)
        with suppress(ConnectionError):
            assert connection.recv(1) == b""
        with pytest.raises(ConnectionError):
            sent(backend, Request())
