"""Where a backend breaks the rule, a report says what it does: faults of each operator, over the wire."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from harness.backend.defects import find_build
from harness.backend.slips import slips
from harness.data import fixture_path
from harness.database.server import Server
from harness.errors import UsageError
from harness.report.document import Report, from_json, to_json
from harness.report.html import to_html
from harness.report.junit import to_junit
from harness.report.markdown import to_markdown
from harness.report.text import print_report
from harness.rollout import load_rollout
from harness.rule.policy import STRICT, policy_of
from harness.rule.suite import Level
from harness.rule.telling import telling_headers
from harness.run.counterexample import describe_counterexample, store_counterexample
from harness.run.fuzz import fuzz
from harness.run.options.fuzz import FuzzedOptions, FuzzOptions
from harness.run.options.prove import ProveOptions
from harness.run.prove import prove
from harness.stages.environment import BuildPair
from harness.verdict import Status, Verdict
from tests.fix_gate import Judge, said, with_status

TEN = {
    "bound": "slip-1-to-256-characters-not-1-to-255-characters",
    "class": "slip-a-dot-is-accepted",
    "class, fewer": "slip-the-letter-z-is-refused",
    "anchor": "slip-the-expression-is-not-anchored-at-its-end",
    "found": "slip-of-a-text-the-part-that-fits-is-stored",
    "cut": "slip-a-longer-text-is-cut-to-255-characters-before-it-is-matched",
    "lost": "slip-not-done-a-za-z0-9-1-255",
    "reading": "slip-of-several-lines-the-first-counts",
    "reading, undone": "slip-percent-encoding-is-undone",
    "storing": "slip-what-is-accepted-is-stored-lower-case",
}


def test_ten_faults_are_of_every_operator_of_the_rule() -> None:
    operators = {slips(STRICT)[name][0].operator for name in TEN.values()}
    assert operators == {slip[0].operator for slip in slips(STRICT).values()}


@pytest.mark.catalogue
@pytest.mark.parametrize("operator", TEN)
async def test_gate_says_which_slip_a_backend_makes(judge_build: Judge, operator: str) -> None:
    report = await judge_build(TEN[operator])
    assert report.verdict is Verdict.NO_GO
    told = report.sections.behaviour
    assert told is not None
    assert told.slip == slips(STRICT)[TEN[operator]][0].sentence
    assert (told.candidates, told.others, told.contradicting) == (1, (), ())
    assert 0 < told.asked < told.answers
    assert report.sections.requests is not None
    assert told.answers <= report.sections.requests.sent
    refuted = with_status(report, Status.REFUTED) & {"V1", "V2", "V3"}
    (first,) = [each for each in report.judgements if each.id == min(refuted)]
    assert told.summary in first.detail
    assert all(told.slip in form(report).replace("`", "") or "`" in told.slip for form in FORMS.values())


async def test_another_fault_than_of_the_rule_is_not_explained(judge_build: Judge) -> None:
    report = await judge_build("member-names")
    assert report.sections.behaviour is None or report.sections.behaviour.pattern == ""


def test_prove_says_which_slip_a_backend_makes(server: Server) -> None:
    options = ProveOptions(Level.SMOKE, postgres=server.dsn("postgres"))
    builds = BuildPair(after=TEN["class"])
    report = prove(options, said, builds=builds, only=frozenset({"V1", "V2", "V3"}))
    told = report.sections.behaviour
    assert told is not None
    assert told.summary == (
        f"behaves as `[A-Za-z0-9._-]{{1,255}}`: a dot is accepted; explains all {told.answers:,} answers; "
        "the rule is `[A-Za-z0-9_-]{1,255}`"
    )
    assert any(told.summary in judgement.detail for judgement in report.judgements)


@pytest.mark.catalogue
@pytest.mark.parametrize(
    ("rollout", "build"),
    [
        ("machine-id", "slip-499-units-are-taken-not-500"),
        ("machine-id", "slip-only-the-left-end-is-trimmed"),
        ("feature", "slip-letters-become-upper-case"),
        ("feature", "slip-the-word-cli-is-not-known"),
        ("feature", "slip-done-the-other-way-round-in-lower-case-vscode-extension-jet"),
    ],
)
def test_prove_says_it_of_other_rollouts(server: Server, rollout: str, build: str) -> None:
    folder = fixture_path(f"rollouts/{rollout}")
    options = ProveOptions(Level.SMOKE, postgres=server.dsn("postgres"), rollout=folder)
    report = prove(options, said, builds=BuildPair(after=build), only=frozenset({"V1", "V2", "V3"}))
    assert report.verdict is Verdict.NO_GO
    told = report.sections.behaviour
    assert told is not None
    policy = policy_of(load_rollout(folder))
    made = slips(policy)[build][0]
    (said_to_be,) = [slip[0] for slip in slips(policy).values() if slip[0].sentence == told.slip]
    pool = telling_headers(made.behaviour)
    assert list(map(said_to_be.function(), pool)) == list(
        map(made.function(), pool)
    )  # it, or one that is the same


def test_fuzz_says_which_slip_a_backend_makes(server: Server, tmp_path: Path) -> None:
    backend = FuzzedOptions(postgres=server.dsn("postgres"), build=TEN["class"])
    found = fuzz(FuzzOptions(backend, examples=60, example_db=str(tmp_path / "examples")), said, said)
    assert found is not None
    assert found.behaviour.startswith("behaves as `[A-Za-z0-9._-]{1,255}`: a dot is accepted; explains all ")
    assert f"    backend  {found.behaviour}" in describe_counterexample(
        store_counterexample(found, backend, tmp_path)
    )


def _text(report: Report) -> str:
    written = io.StringIO()
    print_report(report, Console(file=written, width=10_000))
    return written.getvalue()


FORMS: dict[str, Callable[[Report], str]] = {
    "text": _text,
    "Markdown": to_markdown,
    "HTML": to_html,
    "JUnit": lambda report: to_junit(report).decode(),
    "JSON": lambda report: to_json(from_json(to_json(report))),
}


def test_unknown_generated_fault_is_refused_with_those_near_it() -> None:
    with pytest.raises(UsageError, match="slip-a-dot-is-accepted"):
        find_build("slip-a-dot-is-acceptd")
