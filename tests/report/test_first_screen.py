"""What a reader sees first: what a NO-GO means, and what it was reached on."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from harness.report.document import Report, from_json, to_json
from harness.report.html import to_html
from harness.report.junit import to_junit
from harness.report.markdown import to_markdown
from harness.report.text import print_report
from tests.report.sample import finding, judgement, report, whole_report

MEANS = "Every request loses its usage row behind a 200."


def printed(shown: Report) -> str:
    stream = io.StringIO()
    print_report(shown, Console(file=stream))
    return stream.getvalue()


def test_the_consequence_stands_first_in_every_format() -> None:
    shown = replace(whole_report(), consequence=MEANS)
    assert printed(shown).startswith(f"{MEANS}\n")
    assert to_markdown(shown).split("\n\n")[1] == f"**{MEANS}**"
    assert to_html(shown).index(MEANS) < to_html(shown).index("At least one claim is refuted")
    assert MEANS in to_junit(shown).decode()
    assert from_json(to_json(shown)).consequence == MEANS


def test_without_one_nothing_stands_in_its_place() -> None:
    assert "****" not in to_markdown(whole_report())
    assert to_html(whole_report()).count('<p class="meaning">') == 1


@pytest.mark.parametrize(("times", "told"), [(1, "1 of 1,234"), (1200, "1,200 alike of 1,234")])
def test_folded_findings_tell_their_count(times: int, told: str) -> None:
    claim = whole_report().judgements[1].claim
    one = replace(finding(claim.id), times=times)
    shown = report(replace(whole_report().judgements[1], findings=(one,)), judgement(claim))
    for text in (printed(shown), to_markdown(shown), to_html(shown), to_junit(shown).decode()):
        assert told in text
    assert from_json(to_json(shown)).judgements[0].findings == (one,)
    assert (
        from_json(to_json(shown).replace(f',\n          "times": {times}', ""))
        .judgements[0]
        .findings[0]
        .times
        == 1
    )
