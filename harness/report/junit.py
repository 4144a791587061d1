"""The report as JUnit XML for CI servers: one test case a claim. Pure.

A refuted claim is a failure, an unknown one an error, so that neither passes for good; a claim that was waived is
skipped with the reason. Attributes and order of elements are those that the Jenkins schema allows.
Source: https://github.com/jenkinsci/xunit-plugin, junit-10.xsd.
"""

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from harness.report.document import Report, cleaned
from harness.report.escape import visible
from harness.report.words import evidence, is_waived, ordered, parts, share, verdict_line
from harness.verdict import Judgement, Status

SUITE: Final = "harness"


def to_junit(report: Report) -> bytes:
    """The report as an XML document in UTF-8; what XML cannot hold is written as visible text."""
    told = ordered(cleaned(report))
    counted = _counts(told.judgements)
    suites = Element("testsuites", {"name": SUITE, **counted, "time": f"{told.seconds:.3f}"})
    suite = SubElement(
        suites,
        "testsuite",
        {
            "name": SUITE,
            **counted,
            "skipped": str(sum(map(is_waived, told.judgements))),
            "time": f"{told.seconds:.3f}",
            "timestamp": visible(told.started.removesuffix("+00:00")),
        },
    )
    facts = SubElement(suite, "properties")
    for name in ("harness", "command", "target", "server", "policy", "level", "seed", "label"):
        SubElement(facts, "property", {"name": name, "value": visible(str(getattr(told, name)))})
    for judgement in told.judgements:
        _add_case(suite, judgement)
    lines = [*filter(None, [told.consequence]), verdict_line(told), *told.remarks]
    SubElement(suite, "system-out").text = visible("\n".join(lines))
    ElementTree.indent(suites)
    document: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _counts(judgements: Sequence[Judgement]) -> dict[str, str]:
    """How many cases there are, failed and could not be judged; the schema knows no `skipped` of all suites."""
    errors = sum(one.status is Status.UNKNOWN and not is_waived(one) for one in judgements)
    return {
        "tests": str(len(judgements)),
        "failures": str(sum(one.status is Status.REFUTED for one in judgements)),
        "errors": str(errors),
    }


def _add_case(suite: Element, judgement: Judgement) -> None:
    claim = judgement.claim
    name = visible(f"{claim.id} {claim.sentence}")
    case = SubElement(
        suite, "testcase", {"classname": f"{SUITE}.{visible(claim.id)}", "name": name, "time": "0"}
    )
    if is_waived(judgement):
        SubElement(case, "skipped", {"message": visible(f"waived: {judgement.waived}")})
    elif judgement.status is Status.REFUTED:
        effect = judgement.findings[0].effect if judgement.findings else judgement.detail
        _add_trouble(case, "failure", "refuted", effect, _evidence(judgement))
    elif judgement.status is Status.UNKNOWN:
        _add_trouble(case, "error", "unknown", judgement.detail, evidence(judgement))
    SubElement(case, "system-out").text = visible(evidence(judgement))


def _add_trouble(case: Element, kind: str, type_: str, message: str, text: str) -> None:
    SubElement(case, kind, {"type": type_, "message": visible(message)}).text = visible(text)


def _evidence(judgement: Judgement) -> str:
    """The quote from the plan and every finding that was kept, in lines."""
    claim = judgement.claim
    lines = [f'plan, {claim.section}: "{claim.quote}"']
    for number, finding in enumerate(judgement.findings, start=1):
        lines += ["", f"{share(judgement, number)}: {finding.effect}"]
        lines += [f"{name:<10} {value}" for name, value in parts(finding)]
    return "\n".join(lines)
