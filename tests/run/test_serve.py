"""What `harness serve` shows of a request is what became of it: reply, row, verdict, and what would fail the gate."""

import asyncio
import gc
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from harness import plan
from harness.backend.defects import VARIANTS
from harness.backend.serve import HOST
from harness.clients.exchange import Outcome
from harness.database.server import Server
from harness.errors import UnavailableError
from harness.run.live import row_poller
from harness.run.live.request_log import State
from tests.command import HARNESS, started
from tests.fix_serve import ASK, LIMIT_S, Serve

VALID = b"vscode-0123456789abcdef"


def row_of(dsn: str, usage_id: str | None) -> tuple[Any, ...] | None:
    tables = f"{plan.USAGE_TABLE} JOIN {plan.METADATA_TABLE} USING (id)"
    query = f"SELECT kilo_user_id, {plan.COLUMN} FROM {tables} WHERE id = %s"
    with psycopg.connect(dsn) as connection:
        return connection.execute(query.encode(), (usage_id,)).fetchone()


async def test_request_is_shown_at_once_and_complete_with_its_row(serve: Serve, ready_dsn: str) -> None:
    stack = await serve()
    began = time.monotonic()
    entry = await stack.seen(VALID)
    taken_ms = (time.monotonic() - began) * 1000
    states = [shown.state for shown in stack.view.shown]
    assert states == [State.OPEN, State.ANSWERED, State.STORED]
    assert (entry.status, entry.lines, entry.ruling, entry.faults) == (200, (VALID,), "", ())
    assert entry.client == "127.0.0.1"
    assert entry.as_sent
    assert entry.answered_ms is not None
    assert entry.row_ms is not None
    assert 0 < entry.answered_ms <= entry.row_ms < taken_ms
    (row,) = entry.rows
    assert row_of(ready_dsn, row.usage_id) == ("anon:127.0.0.1", VALID.decode())


@pytest.mark.parametrize(
    ("values", "ruling"),
    [
        ((), "not sent"),
        ((b"",), "empty"),
        ((b"  ",), "empty"),
        ((b"a" * 256,), "too long: 256 > 255"),
        ((b"abc def",), r"character \x20 at position 4"),
        ((b"abc.def",), "character . at position 4"),
        ((b"caf\xe9",), r"character \xe9 at position 4"),
        ((b"a", b"b"), "duplicate lines, joined: character , at position 2"),
    ],
)
async def test_value_that_is_not_stored_is_shown_with_the_reason(
    serve: Serve, values: tuple[bytes, ...], ruling: str
) -> None:
    stack = await serve()
    entry = await stack.seen(*values)
    assert (entry.state, entry.ruling, entry.value, entry.faults) == (State.NULL, ruling, None, ())


async def test_later_policy_shows_what_it_stores(serve: Serve) -> None:
    stack = await serve(policy="length-only")
    entry = await stack.seen(b"caf\xe9 ol\xe9\xa0")
    assert (entry.state, entry.ruling, entry.faults) == (State.STORED, "", ())
    assert (entry.value, entry.as_sent) == ("caf\u00e9 ol\u00e9", False)


@pytest.mark.parametrize(
    ("value", "headers", "status", "ruling"),
    [
        (b"a\x01b", {}, 400, rf"HTTP: character \x01 at position 2 of {plan.HEADER}"),
        (b"a", {"x-other": "a" * 17_000}, 431, "HTTP: the head is too large"),
        (b"a", {"x-other": "a\x7f"}, 400, "HTTP: the head is malformed"),
    ],
)
async def test_request_that_http_refuses_is_shown(
    serve: Serve, value: bytes, headers: dict[str, str], status: int, ruling: str
) -> None:
    stack = await serve()
    reply = await stack.send(value, headers=headers)
    assert (reply.outcome, reply.status) == (Outcome.REFUSED, status)
    entry = await stack.view.ended(1)
    assert (entry.state, entry.status, entry.ruling) == (State.NO_ROW, status, ruling)
    summary = await stack.end()
    assert (summary.rows, summary.counts.none_due, summary.faultless) == (0, 1, True)


async def test_signed_in_user_is_named_and_not_counted_for_coverage(serve: Serve) -> None:
    stack = await serve()
    entry = await stack.seen(VALID, headers={"authorization": f"Bearer {stack.address.user.token}"})
    assert (entry.value, entry.faults) == (stack.address.user.email, ())
    await stack.seen(VALID)
    await stack.seen()
    summary = await stack.end()
    assert summary.counts.coverage == 50.0
    assert (summary.counts.stored, summary.counts.null, summary.rows) == (2, 1, 3)


@pytest.mark.parametrize(
    ("build", "value", "fault"),
    [
        ("limit-256", b"a" * 256, "V2: stored "),
        ("without-9", b"9", 'V1: stored NULL, expected "9"'),
        ("no-end", b"a!", 'V3: stored "a!"'),
        ("insert-unchanged", b"a", 'V1: stored NULL, expected "a"'),
        ("id-from-header", b"a", "I2: accounted to anon:a"),
        ("loses-invalid", b"!", "R1: expected one usage row with its metadata row, found none"),
        ("doubles", b"a", "R1: expected one usage row with its metadata row, found 2"),
    ],
)
async def test_what_would_fail_the_gate_is_named_by_its_claim(
    serve: Serve, build: str, value: bytes, fault: str
) -> None:
    stack = await serve(build=build, wait_s=0.2)
    await stack.send(value)
    await stack.view.until(lambda: any(entry.faults for entry in stack.view.shown))
    entry = stack.view.entries[1]
    assert entry.faults[0].startswith(fault)
    summary = await stack.end()
    assert summary.counts.faulty == 1
    assert not summary.faultless


@pytest.mark.parametrize("build", [variant.name for variant in VARIANTS])
async def test_harmless_variant_is_not_marked(serve: Serve, build: str) -> None:
    stack = await serve(build=build)
    await asyncio.gather(
        *(stack.send(*values) for values in ((), (VALID,), (b"!",), (b"a", b"b"), (b"\x01",)))
    )
    summary = await stack.end()
    assert (summary.rows, summary.counts.stored, summary.counts.null) == (4, 1, 3)
    assert summary.faultless


async def test_old_backend_is_expected_to_store_nothing(serve: Serve) -> None:
    stack = await serve(build="before")
    entry = await stack.seen(VALID)
    assert (entry.status, entry.state, entry.faults) == (200, State.NULL, ())
    assert (await stack.end()).faultless


@pytest.mark.parametrize(
    ("build", "value", "fault"),
    [
        ("refuses-invalid", b"!", "V4: answered 400 for the header's sake"),
        ("refuses-unknown", b"a", "C1: answered 400 for the header's sake"),
        ("echoes", b"a", f"V4: the reply carries {plan.HEADER}"),
    ],
)
async def test_header_that_changes_the_reply_is_a_fault(
    serve: Serve, build: str, value: bytes, fault: str
) -> None:
    stack = await serve(build=build)
    assert (await stack.seen(value)).faults == (fault,)
    assert not (await stack.end()).faultless


@pytest.mark.parametrize(
    "more", [{"path": "/api/openrouter/models"}, {"model": 7}, {"headers": {"x-forwarded-for": ","}}]
)
async def test_request_that_the_route_refuses_is_no_fault(serve: Serve, more: dict[str, Any]) -> None:
    stack = await serve()
    entry = await stack.seen(VALID, **more)
    assert (entry.state, entry.faults) == (State.NO_ROW, ())
    assert entry.status in (400, 404)
    assert entry.note


async def test_late_row_is_missing_until_it_comes_and_stays_a_fault(serve: Serve) -> None:
    stack = await serve(build="late-rows", wait_s=0.1)
    entry = await stack.seen(VALID)
    assert (entry.state, entry.faults[0][:3]) == (State.LOST, "R1:")
    summary = await stack.end()
    assert (stack.view.entries[1].state, stack.view.entries[1].note) == (State.STORED, "its row came late")
    assert (summary.counts.stored, summary.counts.lost, summary.faultless) == (1, 0, False)


async def test_row_given_up_is_shown_with_the_servers_reason(serve: Serve, ready_dsn: str) -> None:
    stack = await serve(wait_s=60.0)
    with psycopg.connect(ready_dsn, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {plan.METADATA_TABLE} DROP COLUMN {plan.COLUMN} CASCADE".encode())
    entry = await stack.seen(VALID)
    assert entry.state is State.LOST
    assert "gave its row up: 42703" in entry.note


@pytest.mark.parametrize(
    ("error", "status", "state", "note"),
    [
        ("402", 503, State.NO_ROW, "Service Unavailable"),
        ("500", 500, State.STORED, "the stub was asked to fail"),
        ("malformed", 200, State.NO_ROW, "the upstream's reply cannot be read"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_failing_upstream_is_no_fault_of_the_backend(
    serve: Serve, error: str, status: int, state: State, note: str, stream: bool
) -> None:
    stack = await serve(upstream_error=error)
    entry = await stack.seen(VALID, stream=stream)
    assert (entry.status, entry.state, entry.note, entry.faults) == (status, state, note, ())
    assert (await stack.end()).faultless


async def test_rows_without_an_id_are_given_to_one_request_each(serve: Serve) -> None:
    stack = await serve(upstream_error="500", wait_s=60.0)
    values = [f"id-{number % 4}".encode() for number in range(20)]
    await asyncio.gather(*(stack.send(value) for value in values))
    summary = await stack.end()
    entries = stack.view.entries.values()
    assert all(entry.as_sent for entry in entries)
    assert len({entry.rows for entry in entries}) == 20
    assert (summary.rows, summary.faultless) == (20, True)


@contextmanager
def rows_held_back(dsn: str, value: str) -> Iterator[Callable[[], None]]:
    """Rows with this value are committed once the caller lets them: the yielded function is called, or it exits."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        body = "BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END"
        connection.execute(
            f"CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS '{body}'".encode()
        )
        connection.execute(
            f"CREATE TRIGGER held BEFORE INSERT ON {plan.METADATA_TABLE} FOR EACH ROW "
            f"WHEN (NEW.{plan.COLUMN} = '{value}') EXECUTE FUNCTION wait_for_test()".encode()
        )
        connection.execute("SELECT pg_advisory_lock(1)")
        yield connection.close


async def test_late_row_without_an_id_is_not_replaced_by_anothers(
    serve: Serve, ready_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_poller, "SECOND_ROW_S", 0.0)
    stack = await serve(upstream_error="500", wait_s=60.0)
    await stack.seen(b"a")  # what the rows refer to is there: nobody waits for who writes it first
    with rows_held_back(ready_dsn, "late") as let_go:
        await stack.send(b"late")
        await stack.seen(b"a")
        await stack.send(b"late")
        await stack.seen(b"a")
        assert stack.view.entries[2].state is State.ANSWERED
        let_go()
    summary = await stack.end()
    assert all(entry.as_sent for entry in stack.view.entries.values())
    assert (summary.rows, summary.faultless) == (5, True)


async def test_wrong_value_is_seen_without_an_upstream_id_too(serve: Serve) -> None:
    stack = await serve(upstream_error="500", build="insert-unchanged", wait_s=0.2)
    assert (await stack.seen(b"a")).faults == ('V1: stored NULL, expected "a" of length 1',)


async def test_second_row_that_comes_after_the_first_is_a_fault(serve: Serve, ready_dsn: str) -> None:
    stack = await serve()
    entry = await stack.seen(VALID)
    with psycopg.connect(ready_dsn) as connection:
        for table in (plan.USAGE_TABLE, plan.METADATA_TABLE):
            row = f"SELECT jsonb_populate_record(one, %s) AS other FROM {table} AS one WHERE id = %s"
            copy = f"INSERT INTO {table} SELECT (other).* FROM ({row}) AS copies"
            changed = Jsonb({"id": str(uuid.UUID(int=1))})
            connection.execute(copy.encode(), (changed, entry.rows[0].usage_id))
    await stack.view.until(lambda: bool(stack.view.entries[1].faults))
    assert stack.view.entries[1].faults[0].endswith("found 2")
    assert len(stack.view.entries[1].rows) == 2


async def test_client_that_leaves_is_shown_as_having_left(serve: Serve) -> None:
    stack = await serve(upstream_error="hang")
    sending = asyncio.create_task(stack.send(VALID))
    await stack.view.until(lambda: 1 in stack.view.entries)
    sending.cancel()
    entry = await stack.view.ended(1)
    assert (entry.state, entry.status) == (State.NO_ROW, 0)
    assert "the client left" in entry.note


async def test_end_waits_for_the_open_request_and_its_row(serve: Serve) -> None:
    stack = await serve(slow_ms=300)
    sending = asyncio.create_task(stack.send(VALID))
    await stack.view.until(lambda: 1 in stack.view.entries)
    summary = await stack.end()
    assert (await sending).status == 200
    assert (summary.rows, summary.counts.stored, summary.counts.waiting) == (1, 1, 0)


@pytest.mark.parametrize("options", [{"slow_ms": 30_000}, {"upstream_error": "hang"}])
async def test_end_that_is_urged_cuts_open_requests_off(
    serve: Serve, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    stack = await serve(**options)
    sending = asyncio.create_task(stack.send(VALID))
    await stack.view.until(lambda: 1 in stack.view.entries)
    stack.shutdown.request()
    summary = await stack.end()
    assert (await sending).status != 200
    assert stack.view.entries[1].note == "cut off when the harness ended"
    assert (summary.rows, summary.counts.none_due) == (0, 1)
    gc.collect()  # a task that failed unheard is told of when it is collected
    assert caplog.messages == []


async def test_database_that_goes_away_ends_it_with_one_line(
    serve: Serve, server: Server, ready_dsn: str
) -> None:
    stack = await serve()
    name = psycopg.conninfo.conninfo_to_dict(ready_dsn)["dbname"]
    with psycopg.connect(server.admin_dsn, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
    await stack.send(VALID)
    with pytest.raises(UnavailableError, match="database of the reference stack has gone"):
        async with asyncio.timeout(LIMIT_S):
            await stack.running


async def test_many_requests_at_once_each_get_their_own_row(serve: Serve) -> None:
    stack = await serve()
    values = [f"id-{number}".encode() for number in range(200)]
    await asyncio.gather(*(stack.send(value) for value in values))
    await stack.view.until(lambda: all(entry.ended for entry in stack.view.entries.values()))
    summary = await stack.end()
    assert all(entry.as_sent and entry.due for entry in stack.view.entries.values())
    assert (summary.rows, summary.counts.stored, summary.faultless) == (200, 200, True)


async def test_page_is_strict_and_answers_loopback_names_only(serve: Serve) -> None:
    stack = await serve()
    async with httpx.AsyncClient(base_url=stack.address.url, trust_env=False) as client:
        page = await client.get("/harness")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        for name in re.findall(r'(?:src|href)="(/[^"]*)"', page.text):
            assert (await client.get(name)).status_code == 200
        assert "//" not in re.sub(r"<!doctype.*?>", "", page.text)
        foreign = await client.get("/harness/events", headers={"host": "evil.example:3000"})
        assert foreign.status_code == 400
    assert stack.view.entries == {}


async def test_events_hold_the_stack_what_came_before_and_the_end(serve: Serve) -> None:
    stack = await serve()
    await stack.seen(b"<b>\x80")
    async with (
        httpx.AsyncClient(base_url=stack.address.url, trust_env=False, timeout=LIMIT_S) as client,
        client.stream("GET", "/harness/events") as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        told: list[tuple[str, Any]] = []
        name = ""
        async for line in stream.aiter_lines():
            kind, _, text = line.partition(": ")
            if kind == "event":
                name = text
            elif kind == "data":
                told.append((name, json.loads(text)))
                if name == "counts" and not stack.running.done():
                    stack.shutdown.request()
    assert told[0][0] == "stack"
    assert told[-1][0] == "ended"
    (entry,) = told[1][1]
    assert entry["header"] == [r'"<b>\x80"']
    assert told[0][1]["curl"] == stack.address.curl
    assert dict(told)["counts"]["requests"] == 1


@contextmanager
def command(*arguments: str, server: Server) -> Iterator[subprocess.Popen[str]]:
    """`harness serve` in a process, killed at the end if it still runs."""
    words = [*HARNESS, "serve", "--port", "0", *arguments, "--postgres", server.dsn("postgres")]
    with started(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process


def lines_until(process: subprocess.Popen[str], end: str) -> list[str]:
    """What it prints, up to the line that holds this."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if end in line:
            return lines
    raise AssertionError(f"{end!r} was not printed: {lines}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_curl_from_its_own_output_shows_its_line_and_its_row(server: Server, number: signal.Signals) -> None:
    with command(server=server) as process:
        told = lines_until(process, "Ctrl-C ends it")
        facts = dict(re.findall(r"^  (\S.*?)  +(\S+)", "\n".join(told), re.MULTILINE))
        assert {"page", "base URL", "DSN", "free model", "token"} <= set(facts)
        line = told[told.index("Try it:") + 1].strip()
        sent = subprocess.run(line, shell=True, capture_output=True, timeout=LIMIT_S, check=True)  # noqa: S602 - its own line, as a person pastes it
        assert json.loads(sent.stdout)["object"] == "chat.completion"
        (ended,) = lines_until(process, "#1 ")
        assert re.search(r'^#1  .* "vscode-[0-9a-f]{16}"  accepted  200', ended)
        found = re.search(r"200 in \d+ ms  stored as sent  row ([0-9a-f-]{36})$", ended)
        assert found is not None
        process.send_signal(number)
        rest, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    assert errors == ""
    assert "requests  1, of which 0 without a row due" in rest
    assert "rows      1 in the database: 1 stored, 0 NULL" in rest
    assert "coverage  100.0 %, 1 of 1 anonymous requests" in rest


def test_fault_is_told_in_the_line_the_summary_and_the_exit_code(server: Server) -> None:
    with command("--build", "insert-unchanged", server=server) as process:
        line = lines_until(process, "  curl ")[-1].strip()
        subprocess.run(line, shell=True, capture_output=True, timeout=LIMIT_S, check=True)  # noqa: S602 - as above
        assert "V1: stored NULL, expected" in lines_until(process, "#1 ")[-1]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=LIMIT_S)
    assert "gate      would fail: 1 request shown in red" in rest
    assert process.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_terminal_completes_the_line_and_shows_bytes_escaped(server: Server) -> None:
    ours, theirs = os.openpty()
    words = [*HARNESS, "serve", "--port", "0", "--postgres", server.dsn("postgres")]
    terminal = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    with started(*words, stdin=theirs, stdout=theirs, env=terminal, start_new_session=True) as process:
        os.close(theirs)
        told = read_until(ours, b"Ctrl-C ends it.")
        (port,) = re.findall(rb"http://127\.0\.0\.1:(\d+)/harness", told)
        body = json.dumps(ASK).encode()
        with socket.create_connection((HOST, int(port)), LIMIT_S) as client:
            client.sendall(
                b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%b: [red]\x9b31m\r\n\r\n%b"
                % (plan.ROUTES[0].encode(), len(body), plan.HEADER.encode(), body)
            )
            told = read_until(ours, b"coverage")
        process.send_signal(signal.SIGINT)
        told += read_until(ours, b"nothing seen that would fail it")
        process.wait(LIMIT_S)
    os.close(ours)
    assert b"\x9b31m" not in told
    assert re.search(
        rb'"\[red\]\\x9b31m".*character \[ at position 1.*200 in .*stored NULL.*row [0-9a-f-]{36}', told
    )


def read_until(descriptor: int, end: bytes) -> bytes:
    """What a terminal is sent, up to this."""
    told = b""
    deadline = time.monotonic() + LIMIT_S
    while end not in told:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, told
        told += os.read(descriptor, 65536)
    return told


def test_port_that_is_taken_is_told_in_one_line() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = str(taken.getsockname()[1])
        words = [sys.executable, "-m", "harness", "serve", "--port", port]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith(f"harness: cannot listen on {HOST}:{port}: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("--build", "nonsense"), ("--upstream-error", "418"), ("--slow", "-1")]
)
def test_option_that_does_not_exist_is_told_in_one_line(arguments: tuple[str, ...]) -> None:
    words = [sys.executable, "-m", "harness", "serve", "--port", "0", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
