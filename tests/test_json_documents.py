"""What a command prints with --json: one document of its own shape, as the reference tells it, and nothing else."""

import subprocess
from pathlib import Path
from typing import TypeVar

import click
import msgspec
import psycopg
import pytest
from click.testing import CliRunner

from harness.cli import COMMANDS, app
from harness.cli.fuzz import fuzz, replay
from harness.cli.streams import document_text
from harness.data import sql_path
from harness.report.diff import ReportDiff
from harness.report.document import to_json
from harness.run.clean import CleanDocument
from harness.run.coverage import CoverageDocument
from harness.run.migrate import MigrateDocument
from harness.run.replay import ReplayDocument, Replayed
from harness.run.rollout_new import NewRolloutDocument
from harness.run.rollout_show import RolloutDocument
from harness.run.schema import SchemaDocument
from harness.run.signing import KeysDocument
from harness.run.tally import FuzzDocument
from harness.verdict import Verdict
from tests.command import harness_command
from tests.reference_json import DOCUMENTS
from tests.report.sample import judgement, report, whole_report
from tests.run.test_fuzz import FOUND

REPORTS = {"check", "gate", "prove", "rehearse", "report merge", "selftest"}
"""Commands that write their report to a file."""
NO_RESULT = {"report", "serve", "upstream"}
"""What renders what is JSON already, what has --json-lines, and what only serves."""
Document = TypeVar("Document")


def read(done: subprocess.CompletedProcess[str], kind: type[Document], code: int = 0) -> Document:
    """The one document of standard output, read strictly; the exit code is this one."""
    assert done.returncode == code, done.stderr
    return msgspec.json.decode(done.stdout.encode(), type=kind)


def called(command: click.Command, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a command prints and returns, called in this process."""
    done = CliRunner().invoke(command, [*arguments, "--json"], standalone_mode=False)
    return subprocess.CompletedProcess(arguments, done.return_value, done.stdout, done.stderr)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_with_a_result_has_json(name: str) -> None:
    command = app.get_command(click.Context(app), name)
    assert command is not None
    options = {word for parameter in command.params for word in parameter.opts}
    assert ("--json" in options) is (name not in NO_RESULT)
    assert (name in DOCUMENTS) is (name not in REPORTS | NO_RESULT)


def test_no_secret_is_in_a_document() -> None:
    made = KeysDocument(key="1", private="postgresql://me:geheim@db/x", public="\x1b[31m")
    text = document_text(made)
    assert "geheim" not in text
    assert "\x1b" not in text


def test_keys_and_rollouts(tmp_path: Path) -> None:
    keys = read(harness_command("keys", "new", str(tmp_path / "gate"), "--json"), KeysDocument)
    assert Path(keys.private).is_file()
    assert Path(keys.public).is_file()
    words = ["--header", "x-a", "--path", "/a", "--table", "a", "--column", "b", "--reply-column", "c"]
    made = read(harness_command("rollout", "new", str(tmp_path / "r"), *words, "--json"), NewRolloutDocument)
    assert all(Path(file).is_file() for file in made.files)
    shown = read(
        harness_command("rollout", "show", "--rollout", str(tmp_path / "r"), "--json"), RolloutDocument
    )
    assert shown.file["header"]["name"] == "x-a"
    assert "V1" in shown.claims


def test_a_database_is_told_of(base_dsn: str) -> None:
    at = ["--database-url", base_dsn, "--json"]
    before = read(harness_command("schema", *at, "--migrations", str(sql_path("up"))), SchemaDocument, 1)
    assert [difference.found for difference in before.differences][:1] == ["there is no such column"]
    assert before.faults == ()
    done = read(harness_command("migrate", *at, "--to", "ready"), MigrateDocument)
    assert (done.before, done.after) == ("base", "ready")
    assert [statement.file for statement in done.statements] == sorted(one.file for one in done.statements)
    assert done.column is not None
    assert read(harness_command("migrate", *at, "--to", "ready"), MigrateDocument).statements == ()
    assert read(harness_command("schema", *at), SchemaDocument).differences == ()
    nobodys = read(harness_command("clean", "--all-runs", *at), CleanDocument, 3)
    assert (nobodys.runs, nobodys.deleted) == ((), None)
    assert nobodys.half > 0
    assert nobodys.select.startswith("SELECT ")
    with psycopg.connect(base_dsn) as connection:
        connection.execute("UPDATE microdollar_usage SET created_at = now()")
    found = read(harness_command("coverage", *at, "--fail-under", "50"), CoverageDocument, 1)
    assert found.verdict is Verdict.NO_GO
    assert found.requests == found.coverage.requests > 0


def test_a_find_and_its_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found and what comes of a replay is given here; tests.run.test_fuzz has both for real."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.run.fuzz.fuzz", lambda *_: FOUND)
    found = read(called(fuzz, "--build", "limit-256"), FuzzDocument, 1)
    assert found.found is not None
    assert found.found.findings[0].claim == "V1"
    assert found.found.replay == f"harness replay {found.found.stored}"
    outcomes = iter([Replayed("limit-256", FOUND.findings), Replayed("after", ())])
    monkeypatch.setattr("harness.run.replay.replay", lambda *_: next(outcomes))
    failing = read(called(replay, found.found.stored), ReplayDocument, 1)
    assert failing.findings[0].claim == "V1"
    fixed = read(called(replay, found.found.stored, "--build", "after"), ReplayDocument)
    assert (fixed.fixed, fixed.findings) == (True, ())


def test_differences_of_reports(tmp_path: Path) -> None:
    good = report(*(judgement(one.claim) for one in whole_report().judgements))
    for name, stored in (("old", good), ("new", whole_report())):
        (tmp_path / name).write_text(to_json(stored))
    done = harness_command("report", "diff", str(tmp_path / "old"), str(tmp_path / "new"), "--json")
    assert {difference.name for difference in read(done, ReportDiff, 1).differences} >= {"verdict", "V2"}


def test_a_wrong_call_prints_no_document() -> None:
    done = harness_command("coverage", "--json", "--database-url", "postgresql://me:geheim@127.0.0.1:1/x")
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1
