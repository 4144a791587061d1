"""A claim of a user's own is judged by gate and prove, stands in every report, and is refused where it cannot be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Observation, Report, RunningStage, UsageError, Verdict, check
from harness.checks.user_checks import load_checks, user_claims
from harness.report.document import from_json, to_json
from harness.report.junit import to_junit
from harness.rule.level import Level
from harness.run.options.prove import ProveOptions
from harness.run.prove import prove
from harness.verdict import Status

OURS = """
import harness

@harness.check("X1", "No value is longer than 100 characters.", least=5)
def short(seen):
    too_long = [row for row in seen.rows if len(row.value or "") > 100]
    return f"stored {len(too_long[0].value)} characters" if too_long else None

@harness.check("X2", "Every request is served by a replica that says which it is.")
def served(seen):
    return None if seen.served_by == "after" else f"served by {seen.served_by}"

@harness.check("X3", "A claim whose check is broken.")
def broken(seen):
    return 1 / 0
"""


pytestmark = pytest.mark.usefixtures("own_registry")


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "theirs.py"
    file.write_text(OURS)
    return file


def test_a_users_claims_are_judged_by_the_gate(
    rollout_gate: Callable[..., Report], rollout_stage: RunningStage, theirs: Path
) -> None:
    load_checks([theirs])
    report = rollout_gate(waive={"X3": "known to be broken"})
    assert report.verdict is Verdict.NO_GO
    own = {judgement.id: judgement for judgement in report.judgements if judgement.id.startswith("X")}
    assert {name: judgement.status for name, judgement in own.items()} == {
        "X1": Status.REFUTED,
        "X2": Status.PROVEN,
        "X3": Status.UNKNOWN,
    }
    assert own["X1"].findings[0].effect == "stored 127 characters"  # the lightest of those that refute
    assert rollout_stage.url in own["X1"].findings[0].replay  # sent by hand: replay judges our claims alone
    assert own["X2"].observed > 100
    assert own["X3"].detail.startswith("its check failed: ZeroDivisionError")
    assert report.judged_by is not None
    assert {claim.whose for claim in report.judged_by.claims if claim.id.startswith("X")} == {"user"}
    assert from_json(to_json(report)).judgements == report.judgements
    assert b"No value is longer than 100 characters." in to_junit(report)


def test_a_users_claims_are_judged_by_prove(theirs: Path) -> None:
    load_checks([theirs])
    report = prove(ProveOptions(level=Level.SMOKE), lambda _: None, only=frozenset({"X1", "X2"}))
    assert {judgement.id: judgement.status for judgement in report.judgements} == {
        "X1": Status.REFUTED,
        "X2": Status.PROVEN,
    }
    assert report.plan == ("only: headers over the wire",)
    assert {finding.replay for judgement in report.judgements for finding in judgement.findings} == {""}


@pytest.mark.parametrize(
    ("claim", "problem"),
    [("V1", "is X and a number"), ("X0", "is X and a number"), ("X1", "registered already")],
)
def test_an_id_that_is_taken_or_none_is_refused(claim: str, problem: str) -> None:
    @check("X1", "A claim.")
    def mine(seen: Observation) -> str | None:
        return None if seen.rows else "no row"

    with pytest.raises(UsageError, match=problem):
        check(claim, "Another.")(mine)
    assert [each.id for each in user_claims()] == ["X1"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [(None, "No such file"), ("1 / 0", "does not run: ZeroDivisionError"), ("x = 1", "registers no claim")],
)
def test_a_file_without_claims_is_refused(tmp_path: Path, text: str | None, problem: str) -> None:
    file = tmp_path / "none.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=problem):
        load_checks([file])
