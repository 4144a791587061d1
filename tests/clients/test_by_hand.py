"""The line to copy sends the very bytes of the request, from any shell, with curl or with Python."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.clients.by_hand import line_by_hand
from harness.clients.exchange import Request
from harness.clients.request_bytes import request_bytes
from harness.clients.request_spec import plan_spec
from harness.clients.shape import PLAIN, Connection
from harness.probing.values import hard_values, valid_values
from harness.report.escape import masked
from harness.rule.accepted_values import AcceptedValues
from harness.rule.cases import fixed_cases
from harness.rule.policy import STRICT
from tests.clients.servers import WAIT_S, Talk, server

NAME = b"x-posthog-distinct-id"
BODY = b'{"model": "some:free", "stream": false}'


def recording(seen: list[bytes]) -> Talk:
    """Keeps the bytes of one request and answers it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().rpartition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0])
        seen.append(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nheard")
        await writer.drain()
        await reader.read()  # until the other side has gone

    return talk


async def sent_by(line: str, seen: list[bytes], shell: str, folder: Path, **variables: str) -> bytes:
    """What a server receives of a line that is run by a shell, which must print the reply."""
    (folder / "python3").unlink(missing_ok=True)
    (folder / "python3").symlink_to(sys.executable)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", **variables}
    ran = await asyncio.to_thread(
        subprocess.run, [shell, "-c", line], capture_output=True, text=True, timeout=WAIT_S, env=environment
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "200" in ran.stdout
    assert "heard" in ran.stdout
    return seen.pop()


def asked(*values: bytes, path: str = "/api/openrouter/chat/completions") -> Request:
    return Request(path, ((b"content-type", b"application/json"), *((NAME, value) for value in values)), BODY)


CURL = [
    asked(b"vscode-0123456789abcdef"),
    asked(),
    asked(b"a b  c"),
    asked(b'it\'s "quoted" $HOME `id` \\ !x'),
    asked(b"a", b"b"),
    asked(b"a" * 255),
    asked(b"100%25 {a,b} [1-3]", path="/a/../b/{x,y}[1-2]?q=%20"),
    asked(b"; drop"),
    Request("/p", ((b"X-Kilo_Code", b"x"), (b"connection", b"close"), (b"user-agent", b"me")), b"{}"),
    plan_spec().request(PLAIN._replace(auth="junk token"), {"model": "m"}, address="192.0.2.1"),
    plan_spec().request(PLAIN._replace(connection=Connection.CLOSED), {"model": "m"}, address="::1"),
]
PYTHON = [
    asked(b""),
    asked(b" "),
    asked(b" a"),
    asked(b"a "),
    asked(b"a\tb"),
    asked(b"a\x00b"),
    asked(b"\xff\xfe'\"\\"),
    asked("é中".encode()),
    asked(b"me@example.com"),
    Request("/p", ((NAME, b"a\r\n b"), (b"x odd", b"1")), b"body'%\\\x80"),
    Request("/p", ((b"te", b"trailers"),), b"{}"),
    Request("/p", ((NAME, b"a"),), b"@file"),
    Request("/p", ((NAME, b"a"),), b"a\nb"),
    Request("/p", ((NAME, b"a"),), b"{}", "PUT"),
    plan_spec().request(PLAIN._replace(body="bodies/parts.json"), {"model": "m"}, address="192.0.2.1"),
]


@pytest.mark.parametrize("request_", [*CURL, *PYTHON])
async def test_the_printed_line_sends_the_same_bytes(request_: Request, tmp_path: Path) -> None:
    seen: list[bytes] = []
    async with server(recording(seen)) as (host, port):
        line = line_by_hand(request_, f"http://{host}:{port}")
        assert line.isascii()
        assert line.isprintable()
        assert line.startswith("curl " if request_ in CURL else "python3 ")
        for shell in ("sh", "bash"):
            assert await sent_by(line, seen, shell, tmp_path) == request_bytes(request_, f"{host}:{port}")


@pytest.mark.parametrize("value", [b"a", b"\xff"])
async def test_a_secret_is_a_variable_of_the_shell(value: bytes, tmp_path: Path) -> None:
    secret = (b"authorization", b"Bearer geheim"), (b"x-bypass", b"ge heim")
    request_ = Request("/p", (*secret, (NAME, value)), BODY)
    hidden = {b"authorization": b"Bearer $TOKEN", b"x-bypass": b"$X_BYPASS"}
    seen: list[bytes] = []
    async with server(recording(seen)) as (host, port):
        line = line_by_hand(request_, f"http://{host}:{port}/", hidden)
        assert "heim" not in line
        assert masked(line) == line
        received = await sent_by(line, seen, "sh", tmp_path, TOKEN="geheim", X_BYPASS="ge heim")
    assert received == request_bytes(request_, f"{host}:{port}")


def test_line_for_https_checks_the_certificate() -> None:
    assert line_by_hand(asked(b"a"), "https://x.example.com").startswith("curl -sgi")
    line = line_by_hand(asked(b""), "https://x.example.com")
    assert 'create_connection(("x.example.com",443)' in line
    assert 'ssl.create_default_context().wrap_socket(c,server_hostname="x.example.com")' in line
    assert r"\r\nHost: x.example.com\r\n" in line


def test_masking_changes_no_line() -> None:
    valid = valid_values(STRICT, AcceptedValues(STRICT, plan_spec().rollout.header))
    values = [
        *hard_values(STRICT, valid),
        *valid,
        *(v for case in fixed_cases() for v in case.values),
    ]
    changed = [value for value in values if masked(line := line_by_hand(asked(value), "http://x:1")) != line]
    assert changed == []
