"""A finished report goes to every file that was asked for, and a stored one can be rendered again."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from harness.cli.report import report as report_command
from harness.data import sql_path
from harness.errors import UnavailableError, UsageError
from harness.report.document import from_json, to_json
from harness.run.options.shared import Outputs
from harness.run.report import inputs, publish
from harness.run.report_reading import read_report
from tests.command import harness_command
from tests.report.sample import HOSTILE, whole_report


def harness(*arguments: str, summary: str = "") -> subprocess.CompletedProcess[str]:
    return harness_command(*arguments, env={"PATH": "/usr/bin:/bin", "GITHUB_STEP_SUMMARY": summary})


def everything(folder: Path) -> Outputs:
    return Outputs(
        json=folder / "report.json",
        junit=folder / "report.xml",
        markdown=folder / "report.md",
        html=folder / "report.html",
    )


def test_report_goes_to_every_file_and_is_the_same_if_stored(tmp_path: Path) -> None:
    outputs = everything(tmp_path)
    publish(whole_report(HOSTILE), outputs)
    assert all(file.stat().st_size > 1000 for file in outputs.files)
    assert outputs.json is not None
    stored = read_report(outputs.json)
    publish(stored, Outputs(html=tmp_path / "again.html"))
    assert (tmp_path / "again.html").read_text() == (tmp_path / "report.html").read_text()


def test_summary_of_the_job_is_added_to_what_is_there(tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    summary.write_text("before\n")
    publish(whole_report(), Outputs(), summary=str(summary))
    assert summary.read_text().startswith("before\n## ❌ NO-GO")


def test_file_not_written_after_all_is_told_with_the_verdict(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="verdict NO-GO"):
        publish(whole_report(), Outputs(html=tmp_path / "gone" / "report.html"))


@pytest.mark.parametrize("outputs", [Outputs(json=Path("/nonexistent/r.json")), Outputs(html=Path("/"))])
def test_file_that_cannot_be_written_is_refused_before_the_work(outputs: Outputs) -> None:
    with pytest.raises(UsageError, match="cannot write /"):
        outputs.check()


def test_two_formats_in_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two formats"):
        Outputs(json=tmp_path / "r", html=tmp_path / "r").check()


def test_inputs_name_every_sql_file_and_the_rule_of_the_policy() -> None:
    names = [each.name for each in inputs("strict")]
    assert len([name for name in names if name.startswith("sql/")]) == len(list(sql_path("").rglob("*.sql")))
    assert "fixtures/rollouts/kilo/0000_baseline.sql" in names
    assert "fixtures/rollouts/posthog-distinct-id/rule.js" in names
    assert {each.sha256 for each in inputs("strict")} != {each.sha256 for each in inputs("length-only")}


def test_command_renders_a_stored_report_and_judges_nothing(tmp_path: Path) -> None:
    stored, page, summary = tmp_path / "r.json", tmp_path / "r.html", tmp_path / "summary"
    stored.write_text(to_json(whole_report()))
    done = harness("report", str(stored), "--html", str(page), summary=str(summary))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("NO-GO: ")
    assert "2001:db8::1" in done.stdout
    assert "<h1>" in page.read_text()
    assert summary.read_text().startswith("## ❌ NO-GO")


@pytest.mark.parametrize("text", ["", "{}", "\x00", '{"schema": "harness.report/9"}'])
def test_command_refuses_what_is_no_report_in_one_line(text: str, tmp_path: Path) -> None:
    stored = tmp_path / "r.json"
    stored.write_text(text)
    done = harness("report", str(stored))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"harness: cannot render {stored}: ")


def test_changed_report_is_refused(tmp_path: Path) -> None:
    stored = tmp_path / "r.json"
    stored.write_text(json.dumps(json.loads(to_json(whole_report())) | {"verdict": "GO"}))
    assert "was changed since" in harness("report", str(stored)).stderr
    assert from_json(to_json(whole_report())).verdict == "NO-GO"


def test_label_is_shown_by_a_stored_report_and_may_be_given_anew(tmp_path: Path) -> None:
    stored, page = tmp_path / "r.json", tmp_path / "r.md"
    publish(replace(whole_report(), label="nightly"), Outputs(json=stored))
    assert "label nightly; " in CliRunner().invoke(report_command, [str(stored)]).output
    told = CliRunner().invoke(
        report_command, [str(stored), "--label", " release 4 ", "--markdown", str(page)]
    )
    assert told.output.startswith("label release 4; target ")
    assert "- Label: release 4\n" in page.read_text()
