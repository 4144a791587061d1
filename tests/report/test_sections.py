"""The further parts of a report: read where they have their form, shown as they are where they have not."""

from typing import Any

import pytest

from harness import plan
from harness.checks.audit import AuditedSentence, section
from harness.checks.order_evidence import OrdersEvidence
from harness.checks.violations import SafetyEvidence
from harness.report import sections
from harness.report.html import to_html
from harness.report.junit import to_junit
from harness.report.markdown import to_markdown
from harness.report.sections import ROWS_MAX
from harness.stages.model import STAGES
from harness.stages.orders import FORWARD, survey
from harness.stages.safety import Unsafe, analyse
from tests.report.sample import report, whole_report
from tests.report.sample import sections as all_sections

NAMES = ("orders", "timeline", "selftest", "audit")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "part", [1, "text", [1], {"a": 1}, [[]], [{"id": {}}], {"trials": [{}], "claims": "abc"}, None, {}]
)
def test_report_renders_with_a_part_of_any_shape(name: str, part: Any) -> None:
    told = report(sections={name: part})
    assert to_html(told).startswith("<!doctype html>")
    assert to_markdown(told)
    assert to_junit(told)


@pytest.mark.parametrize("name", NAMES)
def test_report_renders_without_a_part(name: str) -> None:
    told = whole_report()
    del told.sections[name]
    assert f'id="{name}"' not in to_html(told)
    assert to_markdown(told)


def test_part_of_another_shape_is_shown_as_it_is() -> None:
    told = report(sections={"orders": {"to": "follow"}, "weather": {"in": "Lisbon"}, "empty": []})
    assert sections.orders(told) is None
    assert list(sections.others(told)) == ["orders", "weather"]
    page = to_html(told)
    assert "&#34;to&#34;: &#34;follow&#34;" in page
    assert "&#34;in&#34;: &#34;Lisbon&#34;" in page


def test_list_of_objects_is_a_table_of_bounded_length() -> None:
    row = {"id": None, "stream": False, "lines": ["a: b", "a: c"]}
    told = report(sections={"requests": [{"n": n} | row for n in range(ROWS_MAX + 7)]})
    table = sections.tables(told)["requests"]
    assert table.columns == ("n", "id", "stream", "lines")
    assert (len(table.rows), table.rows[3]) == (ROWS_MAX, ("3", "", "no", "a: b\na: c"))
    assert table.notes == ("7 more are in the JSON",)


def test_list_of_objects_among_facts_is_a_table_with_the_facts_as_its_title() -> None:
    table = sections.tables(whole_report("x"))["requests"]
    assert (table.title, table.rows) == ("run 20260301-1, sent 2", (("2001:db8::1", "x"),))


def test_table_whose_rows_do_not_fit_is_shown_as_it_is() -> None:
    fitting = {"title": "t", "columns": ["a"], "rows": [["1"]], "notes": []}
    told = report(sections={"good": fitting, "bad": fitting | {"rows": [["1", "2"]]}})
    assert list(sections.tables(told)) == ["good"]
    assert list(sections.others(told)) == ["bad"]


def test_orders_are_read_as_those_who_judge_them_write_them() -> None:
    covered = SafetyEvidence(frozenset(STAGES[:7]), frozenset(), ())
    evidence = OrdersEvidence(survey(FORWARD), covered, (), analyse((), Unsafe()))
    found = sections.orders(report(sections={"orders": evidence.section()}))
    assert found is not None
    assert found.counts[:2] == ("624 of 624 orders enumerated", "7 of 40 stages stood up")
    assert [machine.name for machine in found.machines] == ["schema", "replica 1", "replica 2", "extension"]
    assert sum(place.seen for place in found.places) == 7
    assert found.mermaid.startswith("stateDiagram-v2")


def test_audit_is_read_as_those_who_judge_it_write_it() -> None:
    claim, expected, workaround = plan.EXTENSION_AUDIT[0]
    written = section([AuditedSentence(claim, expected, expected, "as seen", workaround)])
    (item,) = sections.audit(report(sections={"audit": written}))
    assert (item.id, item.status, item.evidence, item.workaround) == (
        claim.id,
        expected,
        "as seen",
        workaround,
    )


def test_selftest_tells_both_rates_with_their_counts() -> None:
    found = sections.selftest(report(sections={"selftest": all_sections("x")["selftest"]}))
    assert found is not None
    assert found.words == (
        "1 of 2 defects refuted by the claim meant for them, 0 false alarms in 1 harmless variants"
    )
