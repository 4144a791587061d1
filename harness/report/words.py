"""Phrases that every format uses: a claim reads the same on a terminal, on a page and in a job summary. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from harness.report.document import Report
from harness.report.parts import Audited
from harness.verdict import Finding, Judgement, Status, Verdict

MEANING: Final = {
    Verdict.GO: "Every required claim is proven.",
    Verdict.NO_GO: "At least one claim is refuted. Do not release.",
    Verdict.INCONCLUSIVE: "Nothing is refuted, but not every required claim could be judged. Do not release yet.",
}
"""What a verdict tells somebody who has to decide."""

PARTS: Final = ("condition", "request", "reply", "row", "replay", "workaround")
"""The parts of a finding beside its effect, in the order in which they are shown."""


ORDER: Final = "VCIRMOE"
"""Kinds of claims in the order in which they are shown: the header's rule first; others come after them."""

AS_WRITTEN: Final = (
    "Sentences of the plan that do not hold as they are written; the verdict does not hang on them."
)


def ordered(report: Report) -> Report:
    """The same with its claims in the order in which they are shown."""
    return replace(report, judgements=tuple(sorted(report.judgements, key=_place)))


def _place(judgement: Judgement) -> tuple[int, str, int]:
    kind = judgement.claim.id.rstrip("0123456789")
    number = judgement.claim.id.removeprefix(kind)
    return ORDER.index(kind) if kind and kind in ORDER else len(ORDER), kind, int(number or 0)


def facts(report: Report) -> dict[str, str]:
    """What a report is about, by name: what was judged, when, how much was sent, and the versions."""
    told = {
        "Label": report.label,
        "Target": report.target or "the reference",
        "Started": report.started,
        "Took": f"{report.seconds:.1f} s",
        "Level": report.level,
        "Seed": str(report.seed),
        "Policy": report.policy,
        "Server": report.server,
        "Harness": report.harness,
    }
    return {name: value for name, value in told.items() if value}


def apart(verdict: Verdict, items: Sequence[Audited]) -> tuple[list[Audited], list[Audited]]:
    """Sentences of the plan that were tried; and, of a GO, those that are known not to hold as they are written."""
    known = [
        item
        for item in items
        if verdict is Verdict.GO and item.status is Status.REFUTED and item.expected is Status.REFUTED
    ]
    return [item for item in items if item not in known], known


def advice(item: Audited) -> tuple[str, str] | None:
    """What to do about a sentence, with its name: a workaround where it does not hold, a note where it does.

    None for a workaround that is not needed, because the sentence holds against what was recorded.
    """
    if not item.workaround or (item.status is Status.PROVEN and item.expected is not Status.PROVEN):
        return None
    return ("note" if item.status is Status.PROVEN else "workaround"), item.workaround


def unticked(text: str) -> str:
    """The text without the backticks around code, for where they would be shown as they are."""
    return re.sub("`([^`]+)`", r"\1", text)


def standing(judgement: Judgement) -> str:
    """The status in a word; a waived one says so, unless it is refuted, which cannot be waived."""
    waived = " (waived)" if is_waived(judgement) else ""
    return f"{judgement.status}{waived}"


def is_waived(judgement: Judgement) -> bool:
    """Whether the verdict goes on without this claim."""
    return bool(judgement.waived) and judgement.status is Status.UNKNOWN


def evidence(judgement: Judgement) -> str:
    """Method, counts and detail in one phrase."""
    parts = [f"{judgement.method}, {judgement.observed:,} observed"]
    if judgement.refuting:
        parts.append(f"{judgement.refuting:,} refute")
    if judgement.detail:
        parts.append(judgement.detail)
    if judgement.waived:
        parts.append(f"waived: {judgement.waived}")
    return "; ".join(parts)


def parts(finding: Finding) -> tuple[tuple[str, str], ...]:
    """Name and text of each part of a finding that there is, without its effect."""
    return tuple((name, text) for name in PARTS if (text := getattr(finding, name)))


def share(judgement: Judgement, number: int) -> str:
    """Which of the observations that refute a finding tells of: the number of it, or how many are alike."""
    times = judgement.findings[number - 1].times
    return (
        f"{times:,} alike of {judgement.refuting:,}" if times > 1 else f"{number} of {judgement.refuting:,}"
    )


def counts(report: Report) -> str:
    """How many claims stand how, for example `11 proven, 1 refuted, 1 unknown`; waived ones are told apart."""
    standings = [standing(judgement) for judgement in report.judgements]
    kinds = (*Status, f"{Status.UNKNOWN} (waived)")
    return ", ".join(f"{count} {kind}" for kind in kinds if (count := standings.count(kind))) or "no claim"


def in_the_way(report: Report) -> tuple[Judgement, ...]:
    """The claims that keep the verdict from being GO, refuted ones first."""
    return tuple(
        judgement
        for status in (Status.REFUTED, Status.UNKNOWN)
        for judgement in report.judgements
        if judgement.status is status and not is_waived(judgement)
    )


def verdict_line(report: Report) -> str:
    """The verdict with its counts, the claims in its way, and what it was reached on."""
    bad = ", ".join(judgement.claim.id for judgement in in_the_way(report))
    which = f" ({bad})" if bad else ""
    about = [f"{report.seconds:.1f} s", report.target, report.server, f"seed {report.seed}"]
    return f"{report.verdict}: {counts(report)}{which}; {', '.join(filter(None, about))}"
