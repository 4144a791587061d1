"""Requests go to this machine, to a host that is allowed, or where a person says yes; a dry run sends none at all."""

import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from harness.cli.hosts import check_host
from harness.errors import UsageError
from harness.rule.suite import Level
from harness.run.gate_forecast import forecast
from harness.run.gate_suite import REQUESTS_USUAL
from harness.run.options.gate import GateOptions
from harness.sut.external import site_of
from harness.sut.hosts import is_loopback, target_options
from tests.command import harness_command
from tests.fix_gate import Judge, requests_of

ELSEWHERE = "127.1"
"""This machine, in a form that only a resolver knows: so nothing leaves it whatever is said."""
NOWHERE = "postgresql://me@127.0.0.1:1/x"
USUAL = {
    "gate": ("gate", "--database-url", NOWHERE, "--free-model", "m", "--level", "smoke", "--backend-url"),
    "fuzz": ("fuzz", "--database-url", NOWHERE, "--free-model", "m", "--target"),
    "replay": ("replay", "--line", "a: b", "--database-url", NOWHERE, "--free-model", "m", "--target"),
}


def harness(*arguments: str, stdin: int = subprocess.DEVNULL, **environment: str) -> tuple[int, str, str]:
    done = harness_command(*arguments, env=os.environ | environment, stdin=stdin)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("localhost.", True),
        ("api.localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0:0:0:0:0:0:0:1", True),
        ("::ffff:127.0.0.1", True),
        ("127.1", False),
        ("2130706433", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("notlocalhost", False),
        ("127.0.0.1.example.com", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%lo", False),
        ("", False),
    ],
)
def test_this_machine_is_known_by_its_name_or_address(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("staging.example.com", "staging.example.com"),
        ("staging.example.com", "STAGING.example.com."),
        ("Staging.Example.com", "staging.example.com"),
        ("2001:db8::1", "[2001:db8::1]"),
        ("2001:db8:0:0::1", "2001:DB8::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("127.0.0.1", "staging.example.com"),
    ],
)
def test_a_host_is_allowed_however_it_is_written(host: str, allowed: str) -> None:
    check_host(host, ("other.example", allowed))


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://127.0.0.1:3000", "--target http://127.0.0.1:3000"),
        (
            "http://staging.example.com",
            "--target http://staging.example.com --allow-host staging.example.com",
        ),
        ("http://[2001:db8::1]:3000", "--target 'http://[2001:db8::1]:3000' --allow-host 2001:db8::1"),
    ],
)
def test_a_line_to_copy_allows_its_own_host(url: str, options: str) -> None:
    assert target_options(url) == options


@pytest.mark.parametrize(
    "allowed",
    ["example.com", "*.example.com", "staging.example.com:443", "https://staging.example.com", "", " "],
)
def test_another_host_a_pattern_and_a_url_allow_nothing(
    allowed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(os.devnull) as nobody, monkeypatch.context() as patched:  # noqa: PTH123
        patched.setattr(sys, "stdin", nobody)
        with pytest.raises(UsageError, match=r"--allow-host"):
            check_host("staging.example.com", (allowed,))


@pytest.mark.parametrize("command", USUAL)
def test_nobody_to_ask_is_misuse_that_names_the_option(command: str) -> None:
    code, out, error = harness(*USUAL[command], f"http://{ELSEWHERE}:1")
    assert (code, out, error.count("\n")) == (2, "", 1), error
    assert f"add --allow-host {ELSEWHERE}" in error
    code, _, error = harness(*USUAL[command], f"http://{ELSEWHERE}:1", "--allow-host", ELSEWHERE)
    assert code == 3
    assert "--allow-host" not in error
    assert harness(*USUAL[command], "http://127.0.0.1:1")[0] == 3


@pytest.mark.parametrize(("answer", "code"), [("y\n", 3), ("n\n", 2), ("\n", 2)])
@pytest.mark.parametrize("command", ["gate", "fuzz"])
def test_a_person_is_asked_once_and_no_is_the_default(command: str, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        found, _, error = harness(*USUAL[command], f"http://{ELSEWHERE}:1", stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert found == code, error
    assert error.count(f"Send requests to {ELSEWHERE}?") == 1
    assert error.count("[y/N]") == 1


def test_what_sends_nothing_asks_nobody(ready_dsn: str) -> None:
    gate = ("gate", "--backend-url", f"http://{ELSEWHERE}:1", "--database-url", ready_dsn, "--level", "smoke")
    assert harness(*gate, "--read-only")[0] == 3
    assert harness(*gate, "--free-model", "m", "--dry-run")[0] == 0


def test_a_dry_run_connects_to_nothing_and_writes_nothing(tmp_path: Path) -> None:
    reports = tmp_path / "report.json"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        code, out, error = harness(
            "gate", "--backend-url", f"http://127.0.0.1:{port}", "--database-url",
            f"postgresql://me@127.0.0.1:{port}/x", "--free-model", "m", "--level", "smoke", "--dry-run",
            "--json", str(reports), XDG_STATE_HOME=str(tmp_path),
        )  # fmt: skip
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert (code, error) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "requests", "addresses", "rows", "look-ups", "events",
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--read-only",), "leave one out"),
        (("--backend-url", "ftp://x"), "without a path"),
        (("--free-model", ""), "give it with --free-model"),
        (("--auth-token", "t"), "go together"),
    ],
)
def test_a_dry_run_of_a_wrong_call_is_misuse(arguments: tuple[str, ...], told: str) -> None:
    code, out, error = harness(*USUAL["gate"], "http://127.0.0.1:1", "--dry-run", *arguments)
    assert (code, out) == (2, "")
    assert told in error


@pytest.mark.parametrize("token", [None, "t"])
@pytest.mark.parametrize("url", ["http://a.example", "https://a.example"])
def test_a_forecast_follows_the_options(url: str, token: str | None) -> None:
    options = GateOptions(url, "dbname=x", "m", token, token, level=Level.SMOKE)
    found = forecast(options, site_of(url))
    assert abs(found.requests - REQUESTS_USUAL[Level.SMOKE]) < 100
    assert (found.signed_in > 0) == (token is not None)
    assert found.rows <= found.requests
    assert len(found.accepted) <= len(found.addresses) <= found.requests


def test_a_forecast_ends_at_the_most_that_may_be_sent() -> None:
    options = GateOptions("http://a.example", "dbname=x", "m", max_requests=50)
    assert forecast(options, site_of(options.backend_url)).requests == 50


def test_a_backend_without_the_change_starts_no_event() -> None:
    options = GateOptions("http://a.example", "dbname=x", "m", level=Level.SMOKE, build="before")
    assert forecast(options, site_of(options.backend_url)).accepted == set()


async def test_a_run_leaves_about_what_its_forecast_says(reference: GateOptions, run_gate: Judge) -> None:
    def counted() -> tuple[int, ...]:
        tables = ("microdollar_usage", "microdollar_usage_metadata", "http_ip", "http_user_agent")
        with psycopg.connect(reference.database_url) as connection:
            found = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in tables]
        return tuple(row[0] for row in found if row is not None)

    said = forecast(reference, site_of(reference.backend_url))
    before = counted()
    report = await run_gate(reference)
    usage, metadata, addresses, agents = (now - then for now, then in zip(counted(), before, strict=True))
    assert requests_of(report).sent <= said.requests_max
    assert 0.9 * said.rows < usage < 1.1 * said.rows
    assert metadata == usage
    assert 0.9 * len(said.addresses) < addresses < 1.1 * len(said.addresses)
    assert agents <= len(said.values[b"user-agent"])
