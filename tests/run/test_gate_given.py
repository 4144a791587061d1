"""A protected site is reached by a header of the user's own, of whose value there is no trace."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from harness.backend.serve import Process
from harness.cli.gate import gate as gate_command
from harness.cli.streams import command_line
from harness.clients.extra_headers import ExtraHeaders
from harness.errors import UnavailableError
from harness.report.document import to_json
from harness.report.html import to_html
from harness.report.markdown import to_markdown
from harness.rule.cases import NAME, HeaderCase, Kind
from harness.run.counterexample import Counterexample, describe_counterexample, store_counterexample
from harness.run.options.fuzz import FuzzedOptions
from harness.run.options.gate import GateOptions
from harness.run.replay import describe_replay, replay
from harness.run.reproduction import Reproduction
from harness.verdict import Finding, Status, Verdict
from tests.fix_gate import Judge, of_reference, with_status
from tests.fix_stack import StartReplica
from tests.sut.test_external import serving

SECRET = "s3cret-of-the-door"
LINE = f"x-vercel-protection-bypass: {SECRET}"
DENIED = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"


@asynccontextmanager
async def guarded(process: Process, echo: bytes = b"") -> AsyncIterator[tuple[str, list[bool]]]:
    """URL of a door before a backend: without the header 401; `echo`: a header of each reply. Who had the header."""
    had: list[bool] = []
    tasks: set[asyncio.Task[None]] = set()

    async def back(theirs: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await theirs.read(65536):
            if echo and data.startswith(b"HTTP/1.1 "):
                data = data.replace(b"\r\n", b"\r\n%b\r\n" % echo, 1)
            writer.write(data)
        writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        theirs, ours = await asyncio.open_connection("127.0.0.1", process.port)
        answers = asyncio.create_task(back(theirs, writer))
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(
                    int(head.lower().split(b"content-length: ")[-1].split(b"\r\n")[0])
                )
                line = f"\r\n{LINE}".encode()
                had.append(line in head)
                if not had[-1]:
                    writer.write(DENIED)
                    continue
                ours.write(head.replace(line, b"", 1) + body)
        answers.cancel()
        await asyncio.gather(answers, return_exceptions=True)
        ours.close()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", had
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def texts_in(folder: Path) -> list[str]:
    """What the files of a folder hold."""
    return [file.read_text() for file in folder.iterdir()]


@pytest.mark.parametrize("build", ["after", "limit-256"])
async def test_a_protected_site_is_judged_and_no_trace_is_left(
    build: str, start: StartReplica, ready_dsn: str, run_gate: Judge, tmp_path: Path
) -> None:
    process = await start(ready_dsn, build)
    async with guarded(process, f"x-echo: {SECRET}".encode()) as (url, had):
        options = replace(of_reference(process, ready_dsn), backend_url=url, request_headers=(LINE,))
        report = await run_gate(options, max_requests=160)
    assert (report.verdict is Verdict.NO_GO) is (build == "limit-256")
    assert with_status(report, Status.REFUTED) == (set() if build == "after" else {"V2"})
    assert all(had)
    assert len(had) > 100
    assert all(SECRET not in text for text in (to_json(report), to_markdown(report), to_html(report)))
    assert all(SECRET not in text for text in texts_in(tmp_path))
    if build == "limit-256":
        assert '--request-header \\"x-vercel-protection-bypass: $X_VERCEL_PROTECTION_BYPASS\\"' in to_json(
            report
        )


async def test_a_protected_site_without_the_header_is_told_as_such(
    start: StartReplica, ready_dsn: str, run_gate: Judge
) -> None:
    process = await start(ready_dsn, "after")
    async with guarded(process) as (url, _):
        report = await run_gate(replace(of_reference(process, ready_dsn), backend_url=url))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert any("401 text/html" in remark and "--request-header" in remark for remark in report.remarks)
    assert with_status(report, Status.REFUTED) == set()


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (
            b"307 Moved\r\nLocation: https://sso.example.com/in?nonce=geheim",
            'a redirect to "https://sso.example.com/in"',
        ),
        (b"308 Moved\r\nLocation: https://x.example.com/", "give the URL that it redirects to"),
        (b"200 OK\r\nContent-Encoding: gzip", 'compressed (content-encoding "gzip")'),
        (b"200 OK\r\nContent-Type: text/html", "pass what lets you in with --request-header"),
    ],
)
async def test_a_redirect_or_a_compressed_reply_is_told_as_such(
    head: bytes, told: str, reference: GateOptions, run_gate: Judge
) -> None:
    answer = b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\n\x1f\x8b" % head
    async with serving(lambda _: answer) as (port, _):
        report = await run_gate(replace(reference, backend_url=f"http://127.0.0.1:{port}"))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert any(
        "no plain request was served with an id" in remark and told in remark for remark in report.remarks
    )
    assert "geheim" not in to_json(report)


async def test_replay_reaches_a_protected_site_and_keeps_no_value(
    start: StartReplica, ready_dsn: str, tmp_path: Path
) -> None:
    process = await start(ready_dsn, "after")
    example = ((HeaderCase(((NAME, b"abc"),), Kind.VALID),),)
    async with guarded(process) as (url, had):
        options = FuzzedOptions(url, ready_dsn, request_headers=(LINE,))
        replayed = await asyncio.to_thread(replay, Reproduction(example), options)
        assert all(had)
    assert describe_replay(replayed)[0].startswith("FIXED")
    found = Counterexample(example, (Finding("V1", "", f"stored {SECRET}"),))
    lines = describe_counterexample(store_counterexample(found, options, tmp_path))
    (stored,) = texts_in(tmp_path)
    assert SECRET not in "\n".join(lines) + stored
    assert json.loads(stored)["target"] == url
    assert any(line.startswith("    replay ") and f"--target {url}" in line for line in lines)
    assert any('-H "x-vercel-protection-bypass: $X_VERCEL_PROTECTION_BYPASS"' in line for line in lines)
    assert urlsplit(url).port


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--request-header", "x-a: geheim"), "--request-header 'x-a: ***'"),
        (("--request-header=x-a: ge:heim",), "'--request-header=x-a: ***'"),
        (("--request-header", "x-a:geheim"), "--request-header 'x-a: ***'"),
        (("--request-header", "x-a: it's geheim"), "--request-header 'x-a: ***'"),
        (("--request-header", "--rate"), "--request-header '--rate: ***'"),
        (("--auth-token", "it's geheim"), "--auth-token ***"),
        (("--auth-token=geheim",), "'--auth-token=***'"),
        (("--auth-token", "$GEHEIM"), "--auth-token ***"),
        (("--auth-email", "geheim@example.com"), "--auth-email '***'"),
        (("--waive", "I1=no geheim here"), "--waive 'I1=no *** here'"),
        (("--database-url", "postgresql://me:geheim@h/x"), "--database-url 'postgresql://me:***@h/x'"),
        (("--database-url", "host=h password='ge heim'"), "password=***"),
    ],
)
def test_the_command_is_told_without_secrets(
    words: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["harness", "gate", *words, "--seed", "1"])
    command = command_line("geheim", "it's geheim", "$GEHEIM", "geheim@example.com")
    assert told in command
    assert "heim" not in command.lower()
    assert command.endswith(" --seed 1")


@pytest.mark.parametrize(
    ("words", "environment", "names"),
    [
        ((), {}, []),
        ((), {"HARNESS_REQUEST_HEADERS": "\n"}, []),
        ((), {"HARNESS_REQUEST_HEADERS": "a: one two\r\n\nb: 2\n"}, [b"a", b"b"]),
        (("--request-header", "c: 3"), {"HARNESS_REQUEST_HEADERS": "a: 1\nC: 4"}, [b"c", b"a"]),
        (("--request-header=c: 3", "--request-header", "d: 4"), {}, [b"c", b"d"]),
    ],
)
def test_lines_come_from_the_command_and_from_the_environment(
    words: tuple[str, ...], environment: dict[str, str], names: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[ExtraHeaders] = []

    def take(options: GateOptions, *_: object) -> None:
        taken.append(options.given)
        raise UnavailableError("nothing is sent")

    monkeypatch.setattr("harness.run.gate.gate", take)
    usual = ["--backend-url", "http://127.0.0.1:1", "--database-url", "dbname=x", "--free-model", "m"]
    CliRunner().invoke(gate_command, [*usual, *words], env=environment)
    assert [name for name, _ in taken[0].lines] == names
