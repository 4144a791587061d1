"""The report as Markdown: a parser sees what was meant, and nothing that a finding brought along."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from harness.report.escape import visible
from harness.report.markdown import SIZE_MAX, to_markdown
from tests.report.sample import HOSTILE, judgement, report, whole_report

TAGS = {"<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>"}
"""All HTML that the report itself writes."""
BREAKERS = (
    "`",
    "```",
    "``````",
    "~~~",
    "|",
    "<!--",
    "</summary>",
    "\n\n# x\n\n",
    "\n```\n",
    "[x](y)",
    "https://x.example",
)


def tokens(markdown: str) -> Iterator[Token]:
    for token in MarkdownIt("gfm-like", {"linkify": False}).enable("table").parse(markdown):
        yield token
        yield from token.children or ()


@pytest.mark.parametrize("value", [HOSTILE, *BREAKERS])
def test_findings_bring_no_element_no_link_and_no_heading(value: str) -> None:
    harmless = list(tokens(to_markdown(whole_report("harmless"))))
    found = list(tokens(to_markdown(whole_report(value))))
    assert [token.type for token in found if token.type != "text"] == [
        token.type for token in harmless if token.type != "text"
    ]
    html = [token.content for token in found if token.type in ("html_inline", "html_block")]
    assert {
        tag for text in html for tag in text.replace("<", "\n<").replace(">", ">\n").split("\n") if "<" in tag
    } <= TAGS


@pytest.mark.parametrize("value", [HOSTILE, "`" * 7, "\n```\n", "~~~"])
def test_block_holds_the_finding_as_it_was(value: str) -> None:
    blocks = [token.content for token in tokens(to_markdown(whole_report(value))) if token.type == "fence"]
    assert any(visible(value) in block for block in blocks)


def test_text_of_a_cell_is_what_was_said() -> None:
    claim = replace(whole_report().judgements[0].claim, sentence="a | ` *c* <d> _e_ f_g &amp; \\ ~h~")
    cells = [token.content for token in tokens(to_markdown(report(judgement(claim)))) if token.type == "text"]
    assert claim.sentence in "".join(cells)


def test_text_between_backticks_is_code_of_a_cell() -> None:
    claim = replace(whole_report().judgements[0].claim, sentence="any `after` replica, `<b>`")
    shown = to_markdown(report(judgement(claim)))
    assert "any <code>after</code> replica, <code>&#60;b&#62;</code>" in shown
    assert "`" not in shown.replace("```", "")


def test_verdict_and_its_counts_come_first() -> None:
    first, _, second, *_ = to_markdown(whole_report()).splitlines()
    assert first.startswith("## ❌ NO-GO: ")
    assert "1 refuted, 1 unknown, 1 waived" in first
    assert second == "At least one claim is refuted. Do not release."


def test_summary_says_what_it_left_out() -> None:
    claim = whole_report().judgements[0].claim
    text = to_markdown(report(judgement(claim), remarks=("é" * SIZE_MAX,)))
    assert len(text.encode()) <= SIZE_MAX
    assert "1 parts are left out" in text
    assert text.startswith("## ✅ GO")
