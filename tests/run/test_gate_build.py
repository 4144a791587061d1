"""Which build was judged: as the user says, as the backend says at the start, and still so at the end."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from harness.errors import UsageError
from harness.report.document import JudgedBuild
from harness.run import gate_build
from harness.run.gate_build import DeployedBuild
from harness.run.gate_option_checks import check
from harness.run.options.gate import GateOptions
from harness.sut.external import site_of
from harness.verdict import Verdict
from tests.fix_gate import Judge

SHA = "6f1c" * 10
OTHER = "0a" * 20


@contextmanager
def backend(answers: Iterator[tuple[dict[str, str], str]]) -> Iterator[str]:
    """A server whose replies have these headers and bodies, one after the other."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers, body = next(answers)
            self.send_response(404)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def looked(url: str, source: str, deployed: str = "") -> tuple[str | None, str | None, JudgedBuild | None]:
    """What is said at the start and at the end, and what the report would say."""
    options = GateOptions(url, "dbname=x", "m", deployed=deployed, deployed_from=source)
    build = DeployedBuild(options, site_of(url))

    async def look() -> tuple[str | None, str | None]:
        return await build.at_the_start(), await build.at_the_end()

    return (*asyncio.run(look()), build.deployed)


def of_header(*values: str) -> Iterator[tuple[dict[str, str], str]]:
    return iter([({"X-Build": value}, "") for value in values])


def of_body(*bodies: str) -> Iterator[tuple[dict[str, str], str]]:
    return iter([({}, body) for body in bodies])


@pytest.mark.parametrize(
    ("source", "answers"),
    [
        ("header:x-build", lambda: of_header(SHA.upper(), SHA)),
        ("json:/api/version#build.commit", lambda: of_body(*(f'{{"build": {{"commit": "{SHA}"}}}}',) * 2)),
    ],
    ids=["header", "json"],
)
def test_the_backend_says_which_build_it_is(
    source: str, answers: Callable[[], Iterator[tuple[dict[str, str], str]]]
) -> None:
    with backend(answers()) as url:
        assert looked(url, source, SHA) == (None, None, JudgedBuild(SHA, source))


def test_two_answers_and_another_one_than_expected_are_told() -> None:
    with backend(of_header(SHA, OTHER)) as url:
        start, end, deployed = looked(url, "header:x-build")
    assert (start, deployed) == (None, JudgedBuild(SHA, "header:x-build"))
    assert end == f"the backend said {SHA} at the start, and {OTHER} at the end"
    with backend(of_header(OTHER, OTHER)) as url:
        start, _, _ = looked(url, "header:x-build", SHA)
    assert start == f"the backend says that it is {OTHER}, and --deployed says {SHA}"


@pytest.mark.parametrize(
    ("source", "body", "told"),
    [
        ("header:x-build", "", "GET / was answered 404 without x-build"),
        ("json:/v#commit", "<html>", "GET /v was answered 404 without a JSON field commit"),
        ("json:/v#a.b", '{"a": "text"}', "without a JSON field a.b"),
        ("json:/v#commit", '{"commit": "6f1c6f1"}', 'says that it is "6f1c6f1", which is no whole commit'),
    ],
)
def test_what_is_no_answer_is_told(source: str, body: str, told: str) -> None:
    with backend(of_body(body)) as url:
        start, end, deployed = looked(url, source)
    assert told in str(start)
    assert (end, deployed) == (None, None)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"deployed": "6f1c6f1"}, "is no whole commit"),
        ({"deployed_from": "header: x"}, "says neither header nor field"),
        ({"deployed_from": "json:/v"}, "says neither header nor field"),
        ({"deployed_from": "header:x", "read_only": True}, "--read-only sends nothing"),
    ],
)
def test_what_names_no_build_is_misuse(more: dict[str, str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        check(replace(GateOptions("http://127.0.0.1", "dbname=x", "m"), **more))  # type: ignore[arg-type]


async def test_a_build_that_changes_makes_no_verdict(
    reference: GateOptions, run_gate: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = await run_gate(reference, deployed=SHA, max_requests=20)
    assert report.deployed == JudgedBuild(SHA)
    assert report.rollout.startswith("sha256:")
    answers = iter([SHA, OTHER])

    async def answer(*_: object) -> str:
        return next(answers)

    monkeypatch.setattr(gate_build, "read_build", answer)
    report = await run_gate(reference, deployed_from="header:x-build")
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.remarks[0] == f"the backend said {SHA} at the start, and {OTHER} at the end"
    monkeypatch.undo()
    silent = await run_gate(reference, deployed_from="json:/nowhere#x")
    assert (silent.verdict, silent.deployed, silent.sections.requests) == (Verdict.INCONCLUSIVE, None, None)
