"""What differs between two reports: nothing of the same, each change with its direction, no figure within its noise."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from harness.report.contents import Sections, Table
from harness.report.diff import moved, report_diff, time_moved
from harness.report.document import JudgedBuild, JudgedBy, Report, to_json
from harness.report.html import to_diff_html
from harness.run.gate_claims import claims_of
from harness.verdict import Judgement, Method, Status, decide
from tests.command import harness_command
from tests.report.sample import HOSTILE, finding, judgement, report, whole_report

JUDGED = tuple(judgement(claim) for claim in claims_of("after"))


def good(*changed: Judgement, without: str = "", **more: Any) -> Report:
    """A GO with some claims exchanged."""
    by_id = {each.id: each for each in changed}
    kept = tuple(by_id.get(each.id, each) for each in JUDGED if each.id != without)
    return report(*kept, **more)


def claim(name: str, **more: Any) -> Judgement:
    return replace(next(each for each in JUDGED if each.id == name), **more)


def told(old: Report, new: Report) -> tuple[list[str], bool]:
    found = report_diff(old, new)
    return [str(each) for each in found.differences], found.worse


def test_a_report_does_not_differ_from_itself() -> None:
    assert told(whole_report(), whole_report()) == ([], False)
    assert report_diff(whole_report(), whole_report()).context == ()


REFUTED = claim("V2", status=Status.REFUTED, findings=(finding("V2"),), refuting=1)
WAIVED = claim("I1", status=Status.UNKNOWN, waived="no account")


@pytest.mark.parametrize(
    ("old", "new", "line", "worse"),
    [
        (good(), good(REFUTED), "changed  V2: proven -> refuted (worse)", True),
        (good(REFUTED), good(), "changed  V2: refuted -> proven", False),
        (good(), good(WAIVED), "changed  I1: proven -> unknown (waived) (worse)", True),
        (good(), good(without="V9"), "gone     V9: proven (worse)", True),
        (good(without="V9"), good(), "new      V9: proven", False),
        (good(without="V2"), good(REFUTED), "new      V2: refuted (worse)", True),
        (good(), good(claim("V1", observed=4000)), "moved    V1, observed: 4,321 -> 4,000 (worse)", True),
        (good(), good(claim("V1", observed=4700)), "moved    V1, observed: 4,321 -> 4,700", False),
        (
            good(claim("V1", method=Method.COMPLETE)),
            good(),
            "moved    V1, evidence: complete -> sampled (worse)",
            True,
        ),
        (good(), good(seconds=200.0), "moved    took: 12.3 s -> 200.0 s", False),
    ],
)
def test_a_change_is_told_with_its_direction(old: Report, new: Report, line: str, worse: bool) -> None:
    lines, is_worse = told(old, new)
    assert line in lines
    assert is_worse is worse


def test_within_noise_nothing_is_told() -> None:
    assert told(good(), good(claim("V1", observed=4200), seconds=20.0)) == ([], False)
    assert (moved(100, 142), moved(100, 160)) == (False, True)
    assert (time_moved(1, 9), time_moved(100, 199), time_moved(100, 201), time_moved(201, 100)) == (
        False,
        False,
        True,
        True,
    )


def stalls(stall: str) -> Sections:
    table = Table("Write stalls", ("approach", "stall", "build"), (("corrected", stall, "-"),))
    return Sections(stalls=table)


def test_a_longer_stall_is_worse_and_a_shorter_one_is_not() -> None:
    quick, slow = good(sections=stalls("12.0")), good(sections=stalls("1,250"))
    line = "moved    corrected, stall: 12.0 ms -> 1,250.0 ms (worse)"
    assert told(quick, slow) == ([line], True)
    assert told(slow, quick)[1] is False


def test_counts_of_other_levels_are_not_compared() -> None:
    found = report_diff(
        good(), good(claim("V1", observed=30), level="smoke", deployed=JudgedBuild("0a" * 20))
    )
    assert found.differences == ()
    assert found.context == (
        "level standard -> smoke",
        f"deployed (none) -> {'0a' * 20}",
        "counts are not compared, since the levels differ",
    )


def test_counts_of_other_extra_states_are_not_compared() -> None:
    found = report_diff(good(), good(claim("V1", observed=30), extra_states=1))
    assert found.differences == ()
    assert found.context == (
        "extra states (none) -> 1",
        "counts are not compared, since the numbers of extra states differ",
    )


def test_the_page_shows_hostile_texts_as_texts() -> None:
    old, new = whole_report(), structs.replace(whole_report(HOSTILE), target=HOSTILE)
    page = to_diff_html(old, new, report_diff(old, new))
    assert "<img src" not in page
    assert "script-src" not in page
    assert page.count("<script") == 0
    assert "default-src &#39;none&#39;" in page
    assert "&lt;img src" in page


def test_the_command_ends_in_1_where_anything_got_worse(tmp_path: Path) -> None:
    files = {}
    for name, judged in {"good": good(), "bad": good(REFUTED)}.items():
        files[name] = tmp_path / f"{name}.json"
        whole = structs.replace(
            judged,
            command="harness gate --level standard",
            verdict=decide(judged.judgements),
            judged_by=JudgedBy.of("gate", ("after",), judged.judgements),
        )
        files[name].write_text(to_json(whole))
    page = tmp_path / "diff.html"
    done = harness_command("report", "diff", str(files["good"]), str(files["bad"]), "--html", str(page))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-3:] == [
        "changed  verdict: GO -> NO-GO (worse)",
        "changed  V2: proven -> refuted (worse)",
        "something got worse",
    ]
    assert "Something got worse" in page.read_text()
    back = harness_command("report", "diff", str(files["bad"]), str(files["good"]))
    assert (back.returncode, back.stdout.splitlines()[-1]) == (0, "nothing got worse")
    assert harness_command("report", str(files["bad"])).returncode == 0
    assert harness_command("report", "diff", str(files["bad"]), str(page)).returncode == 2
