"""The report as JUnit XML: what Jenkins's schema allows, whatever the findings hold; nothing unproven passes."""

import xml.etree.ElementTree as ElementTree
from xml.etree.ElementTree import Element

from harness.report.junit import to_junit
from harness.verdict import Status
from tests.report.sample import HOSTILE, finding, judgement, report, whole_report

ALLOWED = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set[str](), {"property"}),
    "property": ({"name", "value"}, set[str]()),
    "testcase": (
        {"name", "classname", "time", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "skipped": ({"message", "type"}, set[str]()),
    "failure": ({"message", "type"}, set[str]()),
    "error": ({"message", "type"}, set[str]()),
    "system-out": (set[str](), set[str]()),
}
"""Attributes and children of each element, as junit-10.xsd of the Jenkins xunit plugin has them."""


def parsed(document: bytes) -> Element:
    return ElementTree.fromstring(document)  # noqa: S314 - our own text


def outcomes(root: Element) -> dict[str, str]:
    kinds = ("failure", "error", "skipped")
    return {
        (case.get("name") or "").split()[0]: next((k for k in kinds if case.find(k) is not None), "passed")
        for case in root.iter("testcase")
    }


def test_each_claim_is_one_case_and_only_proven_ones_pass() -> None:
    told = whole_report()
    found = outcomes(parsed(to_junit(told)))
    expected = {one.claim.id: "passed" for one in told.judgements}
    assert found == expected | {"V2": "failure", "V3": "error", "V4": "skipped"}


def test_counts_are_those_of_the_cases() -> None:
    suite = parsed(to_junit(whole_report())).find("testsuite")
    assert suite is not None
    told = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert told == [str(len(suite.findall("testcase"))), "1", "1", "1"]
    assert suite.get("timestamp") == "2026-03-01T12:00:00"


def test_waived_claim_tells_its_reason() -> None:
    skipped = parsed(to_junit(whole_report())).find(".//skipped")
    assert skipped is not None
    assert (skipped.get("message") or "").startswith("waived: no test account")


def test_refuted_claim_fails_even_if_it_was_waived() -> None:
    claim = whole_report().judgements[0].claim
    told = report(
        judgement(claim, Status.REFUTED, findings=(finding("V1"),), refuting=1, waived="never mind")
    )
    assert outcomes(parsed(to_junit(told))) == {"V1": "failure"}


def test_failure_holds_request_reply_row_and_replay() -> None:
    failure = parsed(to_junit(whole_report())).find(".//failure")
    assert failure is not None
    assert failure.get("message", "").startswith("stored")
    for part in ("1 of 1,234", "request", "reply      200", "row", "replay     harness replay"):
        assert part in (failure.text or "")


def test_document_is_valid_for_jenkins_whatever_findings_hold() -> None:
    root = parsed(to_junit(whole_report(HOSTILE)))
    for element in root.iter():
        attributes, children = ALLOWED[element.tag]
        assert set(element.attrib) <= attributes, element.tag
        assert {child.tag for child in element} <= children, element.tag
    text = " ".join(root.itertext())
    assert r"\x00\x1b[31m\ud800\u202e\ufffe" in text
    assert "]]>" in text


def test_document_is_utf_8_without_a_byte_that_xml_forbids() -> None:
    document = to_junit(whole_report(HOSTILE + "é")).decode("utf-8")
    assert all(char in "\n\t" or char >= " " for char in document)
    assert "é" in document
