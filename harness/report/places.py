"""Findings that have a place in a file: as annotations of a pull request, and as SARIF for code scanning. Pure.

A finding has a place where its condition begins with `file:line: ` or `file:first-last: `, the file below the checkout.
Source: SARIF 2.1.0 (OASIS); GitHub, "Workflow commands", and the escapes that it asks for.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from harness.report.document import Report, cleaned
from harness.report.escape import visible
from harness.verdict import Status

_PLACE: Final = re.compile(r"(?P<file>[^:\n]+):(?P<line>\d+)(?:-(?P<last>\d+))?: (?P<what>.*)", re.DOTALL)
SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


class PlacedFinding(NamedTuple):
    """A finding with its file and lines."""

    claim: str
    file: str
    line: int
    line_last: int
    text: str


def placed_findings(report: Report, prefix: str = "") -> Iterator[PlacedFinding]:
    """Findings that have a place, secrets masked; `prefix` is the checkout's own path below what is scanned."""
    for judgement in cleaned(report).judgements:
        for finding in judgement.findings:
            if match := _PLACE.fullmatch(finding.condition):
                line = max(1, int(match["line"]))
                edit = f" To mend it: {finding.workaround}" if finding.workaround else ""
                text = f"{match['what']}: {finding.effect}.{edit}"
                last = max(line, int(match["last"] or line))
                yield PlacedFinding(judgement.id, f"{prefix}{match['file']}", line, last, visible(text))


def annotations(report: Report, prefix: str = "") -> Iterator[str]:
    """A line for each finding that GitHub shows beside the code."""
    for found in placed_findings(report, prefix):
        place = f"file={_property(found.file)},line={found.line},endLine={found.line_last}"
        yield f"::error {place},title={_property(found.claim)}::{_data(found.text)}"


def to_sarif(report: Report, prefix: str = "") -> str:
    """The report as SARIF: a rule for each claim, a result for each finding, a notification for what is unknown."""
    shown = cleaned(report)
    rules = [
        {"id": judgement.id, "shortDescription": {"text": visible(judgement.sentence)}}
        for judgement in shown.judgements
    ]
    unknown = [
        {"level": "warning", "message": {"text": visible(f"{judgement.id} is unknown: {judgement.detail}")}}
        for judgement in shown.judgements
        if judgement.status is Status.UNKNOWN
    ]
    driver = {"name": "rollout-harness", "version": shown.harness, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": unknown}],
        "results": [_result(found) for found in placed_findings(report, prefix)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(found: PlacedFinding) -> dict[str, Any]:
    region = {"startLine": found.line, "endLine": found.line_last}
    where = {"artifactLocation": {"uri": quote(found.file)}, "region": region}
    return {
        "ruleId": found.claim,
        "level": "error",
        "message": {"text": found.text},
        "locations": [{"physicalLocation": where}],
    }


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
