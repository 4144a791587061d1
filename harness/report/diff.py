"""What differs between two reports: claims that changed, are new or gone, and figures beyond their noise. Pure.

Noise. A count of observations is taken for Poisson's: it moved if it differs by more than three standard deviations of
the difference, 3 sqrt(old + new). Times are wall clock, which swings twofold with what else a machine does: they moved
if they more than doubled or halved, and by 10 ms at least.
"""

from collections.abc import Iterator
from enum import StrEnum
from math import sqrt
from typing import Final

from msgspec import Struct

from harness.report.contents import Table
from harness.report.document import Report
from harness.report.phrases import facts, is_waived, presentable, status_label
from harness.verdict import Judgement, Method, Status, Verdict

SIGMAS: Final = 3
TIMES: Final = 2.0
MS_LEAST: Final = 10.0
VERDICTS: Final = (Verdict.GO, Verdict.INCONCLUSIVE, Verdict.NO_GO)
STALL: Final = ("stall", "build")
"""Columns of the table of write stalls that hold one time, in milliseconds."""
OF_THE_RUN: Final = ("Label", "Started", "Took")
"""Facts that differ between any two runs."""


class ChangeKind(StrEnum):
    """How something differs."""

    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"
    MOVED = "moved"


class ReportDifference(Struct, frozen=True):
    """One thing that differs; what was not there has no text."""

    kind: ChangeKind
    name: str
    old: str
    new: str
    worse: bool

    def __str__(self) -> str:
        sides = " -> ".join(side for side in (self.old, self.new) if side)
        return f"{self.kind:8} {self.name}: {sides}{' (worse)' if self.worse else ''}"


class ReportDiff(Struct, frozen=True, tag_field="format", tag="harness.diff/1"):
    """All that differs between two reports."""

    context: tuple[str, ...]
    """What was not the same in both runs, a line each: level, target, build."""
    differences: tuple[ReportDifference, ...]

    worse: bool
    """Whether anything got worse."""


def report_diff(old: Report, new: Report) -> ReportDiff:
    """Compares two reports that hold together."""
    old, new = presentable(old), presentable(new)
    comparable = (old.level, old.extra_states) == (new.level, new.extra_states)
    context = [
        f"{name.lower()} {said or '(none)'} -> {facts(new).get(name) or '(none)'}"
        for name in dict.fromkeys((*facts(old), *facts(new)))
        if name not in OF_THE_RUN and (said := facts(old).get(name)) != facts(new).get(name)
    ]
    if not comparable:
        what = "levels" if old.level != new.level else "numbers of extra states"
        context.append(f"counts are not compared, since the {what} differ")
    differences = tuple(_differences(old, new, comparable=comparable))
    return ReportDiff(tuple(context), differences, any(difference.worse for difference in differences))


def _differences(old: Report, new: Report, *, comparable: bool) -> Iterator[ReportDifference]:
    if old.verdict is not new.verdict:
        worse = VERDICTS.index(new.verdict) > VERDICTS.index(old.verdict)
        yield ReportDifference(ChangeKind.CHANGED, "verdict", str(old.verdict), str(new.verdict), worse)
    before = {judgement.id: judgement for judgement in old.judgements}
    after = {judgement.id: judgement for judgement in new.judgements}
    for claim in dict.fromkeys((*before, *after)):
        first, second = before.get(claim), after.get(claim)
        if first is None and second is not None:
            yield ReportDifference(ChangeKind.NEW, claim, "", status_label(second), _rank(second) > 0)
        elif second is None and first is not None:
            yield ReportDifference(ChangeKind.GONE, claim, status_label(first), "", True)
        elif first is not None and second is not None:
            yield from _claim(first, second, comparable=comparable)
    yield from _times(old, new)


def _claim(old: Judgement, new: Judgement, *, comparable: bool) -> Iterator[ReportDifference]:
    if status_label(old) != status_label(new):
        yield ReportDifference(
            ChangeKind.CHANGED, new.id, status_label(old), status_label(new), _rank(new) > _rank(old)
        )
    if old.sentence != new.sentence:
        yield ReportDifference(ChangeKind.CHANGED, f"{new.id}, sentence", old.sentence, new.sentence, False)
    if old.method is not new.method:
        worse = new.method is Method.SAMPLED and new.status is Status.PROVEN
        yield ReportDifference(
            ChangeKind.MOVED, f"{new.id}, evidence", str(old.method), str(new.method), worse
        )
    if comparable and moved(old.observed, new.observed):
        yield _count(f"{new.id}, observed", old.observed, new.observed, worse=new.observed < old.observed)
    if comparable and old.status is new.status is Status.REFUTED and moved(old.refuting, new.refuting):
        yield _count(f"{new.id}, refuting", old.refuting, new.refuting, worse=new.refuting > old.refuting)


def _count(name: str, old: int, new: int, *, worse: bool) -> ReportDifference:
    return ReportDifference(ChangeKind.MOVED, name, f"{old:,}", f"{new:,}", worse)


def moved(old: int, new: int) -> bool:
    """Whether two counts differ beyond their noise."""
    return abs(new - old) > SIGMAS * sqrt(old + new)


def _times(old: Report, new: Report) -> Iterator[ReportDifference]:
    """A longer stall is worse; a longer run is not, nor is a longer build that held nobody up."""
    if time_moved(old.seconds * 1000, new.seconds * 1000):
        yield ReportDifference(
            ChangeKind.MOVED, "took", f"{old.seconds:.1f} s", f"{new.seconds:.1f} s", False
        )
    before, after = _stalls(old.sections.stalls), _stalls(new.sections.stalls)
    for name in before:
        if name in after and time_moved(before[name], after[name]):
            worse = name.endswith(", stall") and after[name] > before[name]
            yield ReportDifference(
                ChangeKind.MOVED, name, f"{before[name]:,.1f} ms", f"{after[name]:,.1f} ms", worse
            )


def time_moved(old_ms: float, new_ms: float) -> bool:
    """Whether two times differ beyond their noise, either way."""
    less, more = sorted((old_ms, new_ms))
    return more - less >= MS_LEAST and more > TIMES * less


def _stalls(table: Table | None) -> dict[str, float]:
    found = {}
    for row in table.rows if table else ():
        cells = dict(zip(table.columns if table else (), row, strict=True))
        for column in STALL:
            try:
                found[f"{row[0]}, {column}"] = float(cells.get(column, "").replace(",", ""))
            except ValueError:  # a way that builds no index has a hyphen there
                continue
    return found


def _rank(judgement: Judgement) -> int:
    """0 proven, 1 unknown and waived, 2 unknown, 3 refuted."""
    if judgement.status is Status.UNKNOWN:
        return 1 if is_waived(judgement) else 2
    return 0 if judgement.status is Status.PROVEN else 3
