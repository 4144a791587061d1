"""Annotations and SARIF: each finding at its line, what it holds escaped, secrets masked."""

import json

from harness.report.document import Report
from harness.report.places import annotations, placed_findings, to_sarif
from harness.verdict import Claim, Finding, Results, decide


def report(*findings: Finding, reason: str = "") -> Report:
    results = Results((Claim("F1", "One.", "", ""), Claim("F2", "Two.", "", "")))
    results.observed("F1")
    for finding in findings:
        results.refute(finding)
    if reason:
        results.inconclusive("F2", reason)
    judgements = results.judgements()
    return Report(
        harness="0", verdict=decide(judgements), command="harness check", server="none", policy="strict",
        level="smoke", seed=0, started="", seconds=0.0, judgements=judgements,
    )  # fmt: skip


def test_an_annotation_has_file_lines_and_the_edit() -> None:
    finding = Finding("F1", "src/a,b.ts:3-5: a hop is missing", "NULL\nfor ever", workaround="add 100% of it")
    (line,) = annotations(report(finding), "back:end/")
    assert line.startswith(
        "::error file=back%3Aend/src/a%2Cb.ts,line=3,endLine=5,title=F1::a hop is missing: NULL"
    )
    assert "100%25 of it" in line
    assert "\n" not in line


def test_a_finding_without_a_place_is_no_annotation() -> None:
    assert list(placed_findings(report(Finding("F1", "provider called with {}", "x")))) == []


def test_sarif_has_results_and_what_is_unknown() -> None:
    finding = Finding("F1", "src/[...path]/route.ts:7: it is not read", "postgresql://me:secret@host/x")
    document = json.loads(to_sarif(report(finding, reason="no file")))
    (run,) = document["runs"]
    (result,) = run["results"]
    assert result["ruleId"] == "F1"
    where = result["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "src/%5B...path%5D/route.ts"
    assert where["region"] == {"startLine": 7, "endLine": 7}
    assert "secret" not in json.dumps(document)
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["message"]["text"].startswith("F2 is unknown: no file")
