"""The report as JUnit XML for CI servers: one test case a claim. Pure.

A refuted claim is a failure, an unknown one an error, so that neither passes for good; a claim that was waived is
skipped with the reason. Attributes and order of elements are those that the Jenkins schema allows.
Source: https://github.com/jenkinsci/xunit-plugin, junit-10.xsd.
"""

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from harness.report.document import Report
from harness.report.escape import visible
from harness.report.phrases import (
    evidence,
    is_waived,
    plain_parts,
    presentable,
    share,
    verdict_line,
    without_backticks,
)
from harness.verdict import Judgement, Status

SUITE: Final = "harness"


def to_junit(report: Report) -> bytes:
    """The report as an XML document in UTF-8; what XML cannot hold is written as visible text."""
    shown = presentable(report)
    counted = _counts(shown.judgements)
    suites = Element("testsuites", {"name": SUITE, **counted, "time": f"{shown.seconds:.3f}"})
    suite = SubElement(
        suites,
        "testsuite",
        {
            "name": SUITE,
            **counted,
            "skipped": str(sum(map(is_waived, shown.judgements))),
            "time": f"{shown.seconds:.3f}",
            "timestamp": visible(shown.started.removesuffix("+00:00")),
        },
    )
    properties = SubElement(suite, "properties")
    for name in ("harness", "command", "target", "server", "policy", "level", "seed", "label"):
        SubElement(properties, "property", {"name": name, "value": _prose(str(getattr(shown, name)))})
    for judgement in shown.judgements:
        _add_case(suite, judgement)
    lines = [*filter(None, [shown.consequence]), verdict_line(shown), *shown.remarks]
    SubElement(suite, "system-out").text = _prose("\n".join(lines))
    ElementTree.indent(suites)
    document: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _counts(judgements: Sequence[Judgement]) -> dict[str, str]:
    """How many cases there are, failed and could not be judged; the schema knows no `skipped` of all suites."""
    unjudged = [
        judgement
        for judgement in judgements
        if judgement.status is Status.UNKNOWN and not is_waived(judgement)
    ]
    return {
        "tests": str(len(judgements)),
        "failures": str(sum(judgement.status is Status.REFUTED for judgement in judgements)),
        "errors": str(len(unjudged)),
    }


def _add_case(suite: Element, judgement: Judgement) -> None:
    name = _prose(f"{judgement.id} {judgement.sentence}")
    case = SubElement(
        suite, "testcase", {"classname": f"{SUITE}.{visible(judgement.id)}", "name": name, "time": "0"}
    )
    if is_waived(judgement):
        SubElement(case, "skipped", {"message": _prose(f"waived: {judgement.waived}")})
    elif judgement.status is Status.REFUTED:
        effect = visible(judgement.findings[0].effect) if judgement.findings else _prose(judgement.detail)
        _add_trouble(case, "failure", "refuted", effect, _evidence(judgement))
    elif judgement.status is Status.UNKNOWN:
        _add_trouble(case, "error", "unknown", _prose(judgement.detail), _prose(evidence(judgement)))
    SubElement(case, "system-out").text = _prose(evidence(judgement))


def _add_trouble(case: Element, kind: str, type_: str, message: str, text: str) -> None:
    SubElement(case, kind, {"type": type_, "message": message}).text = text


def _evidence(judgement: Judgement) -> str:
    """The quote from the plan and every finding that was kept, in lines."""
    lines = [f'plan, {judgement.section}: "{judgement.quote}"']
    for number, finding in enumerate(judgement.findings, start=1):
        lines += ["", f"{share(judgement, number)}: {finding.effect}"]
        lines += [f"{name:<10} {text}" for name, text in plain_parts(finding)]
    return visible("\n".join(lines))


def _prose(text: str) -> str:
    """A sentence as visible text, without the backticks around code; bytes of the wire keep theirs."""
    return visible(without_backticks(text))
