"""The commands around the gate: their exit codes, what they write, and what they keep to themselves."""

import json
import os
import signal
import subprocess
import urllib.request
from pathlib import Path

import psycopg
import pytest

from tests.command import HARNESS, harness_command, started
from tests.fix_gate import of_reference
from tests.fix_stack import StartReplica


def harness(*arguments: str, state: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"XDG_STATE_HOME": str(state)} if state else {})}
    return harness_command(*arguments, env=environment)


async def test_gate_writes_its_reports_and_no_secret(
    start: StartReplica, ready_dsn: str, tmp_path: Path
) -> None:
    options = of_reference(await start(ready_dsn, "after"), ready_dsn)
    assert options.token is not None
    assert options.email is not None
    where = ("--backend-url", options.backend_url, "--database-url", ready_dsn, "--level", "smoke")
    who = ("--free-model", options.free_model, "--auth-token", options.token, "--auth-email", options.email)
    files = {name: tmp_path / f"report.{name}" for name in ("json", "html", "markdown", "junit")}
    wanted = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    done = harness("gate", *where, *who, *wanted, state=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("GO: 16 proven")
    for text in (done.stdout, done.stderr, *(file.read_text() for file in files.values())):
        assert options.token not in text
        assert options.email not in text
    run = json.loads(files["json"].read_text())["sections"]["requests"]["run"]
    cleaned = harness("clean", run, "--database-url", ready_dsn, state=tmp_path)
    assert (cleaned.returncode, cleaned.stderr) == (0, "")
    with psycopg.connect(ready_dsn) as connection:
        left = connection.execute(
            "SELECT count(*) FROM microdollar_usage WHERE kilo_user_id LIKE 'anon:2001:db8:%'"
        ).fetchone()
    assert left == (0,)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--free-model", "m", "--waive", "I1"), 2, "gives no reason"),
        (("--free-model", "m", "--waive", "X1=so"), 2, "cannot waive 'X1'"),
        (("--free-model", "m", "--auth-token", "t"), 2, "go together"),
        ((), 2, "give it with --free-model"),
        (("--free-model", "m", "--backend-url", "https://u:geheim@x"), 2, "without a path"),
        (("--free-model", "m", "--database-url", "postgres//u:geheim@h/db"), 2, "no DSN that libpq can read"),
        (("--free-model", "m", "--json", "/nonexistent/r.json"), 2, "cannot write"),
    ],
)
def test_misuse_of_the_gate_is_one_line(
    arguments: tuple[str, ...], code: int, told: str, tmp_path: Path
) -> None:
    usual = ("--backend-url", "http://127.0.0.1:1", "--database-url", "postgresql://me@127.0.0.1:1/x")
    done = harness("gate", *usual, *arguments, state=tmp_path)
    assert done.returncode == code
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert "geheim" not in done.stderr + done.stdout


def test_a_target_out_of_reach_is_inconclusive(ready_dsn: str, tmp_path: Path) -> None:
    usual = ("--backend-url", "http://127.0.0.1:1", "--database-url", ready_dsn, "--free-model", "m")
    done = harness("gate", *usual, state=tmp_path)
    assert done.returncode == 3
    assert "no connection to 127.0.0.1:1" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("INCONCLUSIVE")


def test_clean_names_the_runs_that_it_knows(tmp_path: Path) -> None:
    done = harness("clean", "20260301-120000-1a2b3c4d", "--database-url", "dbname=x", state=tmp_path)
    assert done.returncode == 2
    assert "no run has left a journal here" in done.stderr


@pytest.mark.parametrize(
    ("limit", "code"), [((), 0), (("--fail-under", "50"), 0), (("--fail-under", "51"), 1)]
)
def test_coverage_ends_with_the_code_of_its_limit(ready_dsn: str, limit: tuple[str, ...], code: int) -> None:
    with psycopg.connect(ready_dsn) as connection:
        connection.execute(
            "UPDATE microdollar_usage SET created_at = now(), kilo_user_id = 'anon:' || id WHERE id IN "
            "(SELECT id FROM microdollar_usage LIMIT 2)"
        )
        connection.execute(
            "UPDATE microdollar_usage_metadata SET posthog_distinct_id = 'vscode-0' WHERE id IN "
            "(SELECT id FROM microdollar_usage WHERE kilo_user_id LIKE 'anon:%' AND created_at = now() LIMIT 1)"
        )
        connection.execute(
            "UPDATE microdollar_usage SET created_at = now() - interval '99 days' WHERE created_at < now()"
        )
    done = harness("coverage", "--database-url", ready_dsn, *limit)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith("50.0 % of 2 anonymous requests in 7 days carry a value (1)")


def test_coverage_of_nothing_is_inconclusive_under_a_limit(ready_dsn: str) -> None:
    with psycopg.connect(ready_dsn) as connection:
        connection.execute("UPDATE microdollar_usage SET created_at = now() - interval '99 days'")
    done = harness("coverage", "--database-url", ready_dsn, "--fail-under", "1")
    assert done.returncode == 3
    assert "no coverage to tell" in done.stdout


def test_the_upstream_stub_serves_until_it_is_told_to_end() -> None:
    words = [*HARNESS, "upstream", "--port", "0"]
    with started(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http://")).rstrip(
            ";"
        )
        body = json.dumps({"model": "some:free", "messages": []}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=60) as reply:  # noqa: S310 - loopback
            assert json.loads(reply.read())["id"].startswith("gen-")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, "")
