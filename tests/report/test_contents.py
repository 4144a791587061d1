"""The further parts of a report: rendered where they are there, left out where they are not."""

from io import StringIO

import pytest
from msgspec import structs
from rich.console import Console

from harness import plan
from harness.checks.audit import audited
from harness.report.contents import SentRequest
from harness.report.html import to_html
from harness.report.junit import to_junit
from harness.report.markdown import to_markdown
from harness.report.phrases import coverage
from harness.report.tables import ROWS_MAX, requests_table, tables_of
from harness.report.text import BREAKS_MAX, print_report
from tests.report.sample import judgement, report, requests, sections, whole_report

NAMES = ("orders", "breaks", "timeline", "selftest", "audit", "requests")


@pytest.mark.parametrize("name", NAMES)
def test_report_renders_without_a_part(name: str) -> None:
    whole = whole_report()
    left = structs.replace(whole.sections, **{name: type(whole.sections)().__getattribute__(name)})
    shown = structs.replace(whole, sections=left)
    assert f'id="{name}"' not in to_html(shown)
    assert to_markdown(shown)
    assert to_junit(shown)


def test_requests_are_a_table_of_bounded_length() -> None:
    one = SentRequest(7, "192.0.2.1", "anonymous", False, "valid", ("a: b", "a: c"), None, None)
    table = requests_table(structs.replace(requests(), listed=(one,) * (ROWS_MAX + 7)))
    assert table.columns[:3] == ("request", "address", "auth")
    assert len(table.rows) == ROWS_MAX
    assert table.rows[3] == ("7", "192.0.2.1", "anonymous", "no", "valid", "a: b\na: c", "", "")
    assert table.notes == ("7 more are in the JSON",)


def test_requests_are_titled_with_their_number_and_run() -> None:
    table = tables_of(whole_report("x"))["requests"]
    assert table.title == "sent 5000, run 20260301-1, journal runs/20260301-1.jsonl"
    assert table.rows[0][1] == "2001:db8::1"


def test_coverage_of_orders_has_its_counts() -> None:
    orders = sections("x").orders
    assert orders is not None
    assert coverage(orders)[:2] == ("624 of 624 orders enumerated", "39 of 40 stages run")
    assert coverage(orders)[-1] == "152 orders are safe"


def test_steps_at_which_orders_break_are_in_every_form() -> None:
    whole = whole_report("x")
    console = Console(file=StringIO(), width=200)
    print_report(whole, console)
    assert isinstance(console.file, StringIO)
    for text in (console.file.getvalue(), to_markdown(whole), to_html(whole)):
        assert "174 unsafe orders first break at one step" in text
    breaks = whole.sections.breaks
    assert breaks is not None
    many = structs.replace(breaks, rows=breaks.rows * (BREAKS_MAX + 1))
    print_report(structs.replace(whole, sections=structs.replace(whole.sections, breaks=many)), console)
    assert "101 rows, on the page and in the JSON" in console.file.getvalue()


def test_audited_sentence_holds_its_claim_and_what_was_recorded() -> None:
    claim, expected, workaround = plan.EXTENSION_AUDIT[0]
    (sentence,) = audited([judgement(claim, expected)], plan.EXTENSION_AUDIT[:1], ())
    assert (sentence.id, sentence.status, sentence.expected, sentence.workaround) == (
        claim.id,
        expected,
        expected,
        workaround,
    )


def test_selftest_tells_both_rates_with_their_counts() -> None:
    assert str(sections("x").selftest) == (
        "1 of 2 defects refuted by the claim meant for them, 0 false alarms in 1 harmless variants"
    )


def test_empty_report_renders() -> None:
    assert to_html(report()).startswith("<!doctype html>")
