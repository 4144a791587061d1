"""The report as a page, as text: nothing from elsewhere, a strict policy, and findings that stay text."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from harness.report.html import stage_rows, ticked, to_html
from tests.fix_stages import STAGES
from tests.report.sample import HOSTILE, report, whole_report

ALLOWED = {
    "html", "head", "meta", "link", "title", "style", "script", "body", "header", "main", "nav", "section",
    "article", "figure", "figcaption", "blockquote", "div", "p", "span", "a", "h1", "h2", "h3", "ul", "li", "dl",
    "dt", "dd", "pre", "code", "button", "details", "summary", "strong", "label", "input", "fieldset", "legend",
    "table", "caption", "thead", "tbody", "tr", "th", "td", "img", "svg", "defs", "marker", "path", "g", "text",
    "rect", "circle",
}  # fmt: skip


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def test_page_has_the_same_elements_whatever_the_findings_hold() -> None:
    hostile = Elements(to_html(whole_report(HOSTILE))).found
    assert [tag for tag, _ in hostile] == [tag for tag, _ in Elements(to_html(whole_report("x"))).found]
    assert {tag for tag, _ in hostile} <= ALLOWED
    assert not [
        name for _, attributes in hostile for name in attributes if name.startswith("on") or name == "style"
    ]


def test_page_refers_to_nothing_outside_of_itself() -> None:
    found = Elements(to_html(whole_report())).found
    targets = [
        value
        for _, attributes in found
        for name, value in attributes.items()
        if name in ("src", "href", "action", "srcset", "data", "poster")
    ]
    assert targets
    assert [value for value in targets if not value.startswith(("#", "data:"))] == []


def test_policy_allows_just_the_pages_style_and_script() -> None:
    page = to_html(whole_report(HOSTILE))
    (policy,) = [
        attributes["content"]
        for tag, attributes in Elements(page).found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    for kind in ("style", "script"):
        (inline,) = re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_links_within_the_page_lead_somewhere() -> None:
    found = Elements(to_html(whole_report())).found
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {attributes["href"][1:] for tag, attributes in found if tag == "a"}
    assert links <= set(ids)


def test_page_can_be_written_as_utf_8_whatever_the_findings_hold() -> None:
    page = to_html(whole_report(HOSTILE)).encode()
    assert b"\x00" not in page
    assert b"\x1b" not in page


def test_empty_report_is_a_page() -> None:
    assert "INCONCLUSIVE" in to_html(report())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("an `after` one", "an <code>after</code> one"),
        ("`<b>`", "<code>&lt;b&gt;</code>"),
        ("one ` alone", "one ` alone"),
        ("\x1b`\x00`", r"\x1b<code>\x00</code>"),
    ],
)
def test_text_between_backticks_is_code_and_still_text(text: str, expected: str) -> None:
    assert ticked(text) == expected


def test_stages_are_a_table_of_replicas_by_schema() -> None:
    orders = whole_report().sections.orders
    assert orders is not None
    rows = stage_rows(orders.stage_safety)
    assert [replicas for replicas, _ in rows] == [
        "before and before", "before and after", "after and before", "after and after",
    ]  # fmt: skip
    assert all(len(cell) == 2 for _, cells in rows for cell in cells)
    assert sum(len(cell) for _, cells in rows for cell in cells) == len(STAGES)
