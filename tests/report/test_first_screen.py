"""What a reader sees first: what a NO-GO means, and what it was reached on."""

import io
import re
from dataclasses import replace

import pytest
from msgspec import structs
from rich.console import Console

from harness.report.contents import Sections
from harness.report.document import Report, from_json, to_json
from harness.report.html import to_html
from harness.report.junit import to_junit
from harness.report.markdown import to_markdown
from harness.report.text import print_report
from harness.verdict import Claim, Status
from tests.report.sample import finding, judgement, report, whole_report

MEANS = "Every request loses its usage row behind a 200."


def printed(shown: Report) -> str:
    stream = io.StringIO()
    print_report(shown, Console(file=stream))
    return stream.getvalue()


def test_the_consequence_stands_first_in_every_format() -> None:
    shown = structs.replace(whole_report(), consequence=MEANS)
    assert printed(shown).startswith(f"{MEANS}\n")
    assert to_markdown(shown).split("\n\n")[1] == f"**{MEANS}**"
    assert to_html(shown).index(MEANS) < to_html(shown).index("At least one claim is refuted")
    assert MEANS in to_junit(shown).decode()
    assert from_json(to_json(shown)).consequence == MEANS


def test_every_format_says_first_what_it_is_about() -> None:
    shown = structs.replace(whole_report(), label="release 4.141 <b>")
    heads = (
        printed(shown)[:500],
        to_markdown(shown)[:1000],
        to_html(shown).partition("<main")[0].partition("<header")[2],
        to_junit(shown).decode().partition("<testcase")[0],
    )
    for head in heads:
        for wanted in (
            "staging.example",
            "2026-03-01T12:00:00",
            "standard",
            "7",
            "0.1.0",
            "16.14",
            "release 4.141",
        ):
            assert wanted.replace(":", "&#58;") in head or wanted in head
        assert "<b>" not in head or head is heads[0]
    assert from_json(to_json(shown)).label == shown.label


def test_claims_come_by_kind_and_number_in_every_format() -> None:
    ids = ["E1", "Q1", "O2", "V10", "M3", "R1", "V2", "I1", "C2", "V1", "C1", "D1"]
    shown = report(*(judgement(Claim(name, f"Sentence of {name}.", "", "")) for name in ids))
    wanted = ["V1", "V2", "V10", "C1", "C2", "I1", "R1", "M3", "O2", "E1", "D1", "Q1"]
    for text in (printed(shown), to_markdown(shown), to_html(shown), to_junit(shown).decode()):
        places = [re.search(rf"Sentence of {name}\b", text) for name in wanted]
        assert [place and place.start() for place in places] == sorted(
            place.start() for place in places if place
        )


@pytest.mark.parametrize("is_go", [True, False])
def test_sentences_of_the_plan_stand_apart_in_a_go(is_go: bool) -> None:
    claim = whole_report().judgements[0].claim
    (slip,) = whole_report().sections.audit
    proven = Status.PROVEN
    holds = structs.replace(slip, id="A2", sentence="Another holds.", status=proven, expected=proven)
    worse = structs.replace(slip, id="A3", sentence="A third was thought to hold.", expected=proven)
    shown = report(
        judgement(claim, *([] if is_go else [Status.REFUTED])),
        sections=Sections(audit=(slip, holds, worse)),
    )
    for text in (printed(shown), to_markdown(shown), to_html(shown)):
        assert ("The plan as written" in text) is is_go
        tried, apart = text.rsplit("The plan as written", 1) if is_go else ("", "")
        if is_go:
            assert "does not hold" in apart
            assert "The coverage query answers" in apart
            assert "refuted" not in apart.partition('<section id="run"')[0]
            assert "A third was thought to hold" in tried


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
