"""The report as text: whole lines in a pipe, wrapped ones on a terminal, no escape sequence of a stranger."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from harness.report.phrases import without_backticks
from harness.report.text import print_report
from harness.verdict import Status
from tests.report.sample import HOSTILE, judgement, report, whole_report


def printed(value: str = "a" * 300, *, terminal: bool = False, width: int = 80) -> str:
    stream = io.StringIO()
    print_report(whole_report(value), Console(file=stream, force_terminal=terminal, width=width))
    return stream.getvalue()


def test_piped_text_has_each_claim_and_part_on_one_line() -> None:
    lines = printed().splitlines()
    (claim,) = [
        line for line in lines if line.endswith("A header of 255 characters is stored, one of 256 is not.")
    ]
    assert claim.split()[:2] == ["refuted", "V2"]
    assert any(line.startswith("    row ") and "a" * 300 in line for line in lines)
    assert "\x1b" not in printed()


def test_last_line_is_the_verdict_with_what_is_in_its_way() -> None:
    last = printed().splitlines()[-1]
    assert last.startswith("NO-GO: ")
    assert ", 1 refuted (V2), 1 unknown (V3), 1 waived (V4); " in last


def test_a_reason_that_claims_share_is_told_once() -> None:
    reason = "cannot connect to the database: connection refused"
    claims = [replace(one.claim, id=f"V{number}") for number, one in enumerate(whole_report().judgements, 1)]
    gone = [judgement(claim, Status.UNKNOWN, detail=reason) for claim in claims]
    stream = io.StringIO()
    print_report(report(*gone, remarks=(reason,)), Console(file=stream, width=80))
    assert len(gone) > 2
    assert stream.getvalue().count(reason) == 1
    assert stream.getvalue().count("as for V1") == len(gone) - 1


def test_text_on_a_terminal_is_wrapped_within_its_width() -> None:
    table = printed("short", terminal=True).split("V2 refuted")[0]
    plain = [line for line in table.splitlines() if "\x1b" not in line]
    assert all(len(line.rstrip()) <= 80 for line in plain)


def test_nothing_is_cut_on_a_narrow_terminal() -> None:
    text = printed("short", terminal=True, width=40)
    assert "…" not in text
    for claim in whole_report("short").judgements:
        words = without_backticks(claim.sentence).split()
        assert all(word in text for word in words), claim.id  # each line that is broken keeps its words


def test_no_color_leaves_no_colour_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[31m" in printed(terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in printed(terminal=True)
    assert "\x1b[32m" not in printed(terminal=True)


def test_control_bytes_of_a_finding_reach_no_terminal() -> None:
    text = printed(HOSTILE)
    assert r"\x00\x1b[31m\ud800\u202e\ufffe" in text
    assert all(char == "\n" or char.isprintable() for char in text)


def test_sections_are_told() -> None:
    text = printed("harmless")
    assert "rule derived: add the column before any after replica" in text
    assert "shortest unsafe sequence:" in text
    assert "1 of 2 defects refuted by the claim meant for them, 0 false alarms" in text
    assert "workaround: divide by NULLIF(COUNT(*), 0)" in text


def test_empty_report_is_told_as_inconclusive() -> None:
    stream = io.StringIO()
    print_report(report(), Console(file=stream))
    assert stream.getvalue().splitlines()[-1].startswith("INCONCLUSIVE: no claim")
