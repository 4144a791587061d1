"""Phrases that every format uses: a claim reads the same on a terminal, on a page and in a job summary. Pure."""

import re
from dataclasses import replace
from typing import Final

from msgspec import structs

from harness.report.contents import AuditedSentence, Orders
from harness.report.document import Report, cleaned
from harness.verdict import Finding, Judgement, Status, Verdict

MEANING: Final = {
    Verdict.GO: "Every required claim is proven.",
    Verdict.NO_GO: "At least one claim is refuted. Do not release.",
    Verdict.INCONCLUSIVE: "Nothing is refuted, but not every required claim could be judged. Do not release yet.",
}
"""What a verdict means to somebody who has to decide."""

PARTS: Final = ("condition", "request", "reply", "row", "replay", "workaround")
"""The parts of a finding beside its effect, in the order in which they are shown."""
PROSE: Final = ("condition", "workaround")
"""Those parts that are sentences, in which code stands between backticks; the others are bytes of the wire."""

ORDER: Final = "VCIRMOE"
"""Kinds of claims in the order in which they are shown: the header's rule first; others come after them."""

AS_WRITTEN: Final = (
    "Sentences of the plan that do not hold as they are written; the verdict does not depend on them."
)
NO_RULE: Final = "not derived at this level, which runs the plan's own order only"


def presentable(report: Report) -> Report:
    """The same for people: without secrets, its claims in the order in which they are shown."""
    shown = cleaned(report)
    return structs.replace(shown, judgements=tuple(sorted(shown.judgements, key=_place)))


def _place(judgement: Judgement) -> tuple[int, str, int]:
    kind = judgement.id.rstrip("0123456789")
    number = judgement.id.removeprefix(kind)
    return ORDER.index(kind) if kind and kind in ORDER else len(ORDER), kind, int(number or 0)


def facts(report: Report) -> dict[str, str]:
    """What a report is about, by name: what was judged, when, how much was sent, and the versions."""
    known = {
        "Label": report.label,
        "Target": report.target or "the reference",
        "Deployed": _deployed(report),
        "Started": report.started,
        "Took": f"{report.seconds:.1f} s",
        "Level": report.level,
        "Extra states": str(report.extra_states or ""),
        "Shard": f"{report.shard.number}/{report.shard.of}" if report.shard else "",
        "Seed": str(report.seed),
        "Rule": report.policy,
        "Server": report.server,
        "Harness": report.harness,
    }
    return {name: value for name, value in known.items() if value}


def _deployed(report: Report) -> str:
    if report.deployed is None:
        return ""
    said = f", as {report.deployed.read_from} of the backend says" if report.deployed.read_from else ""
    return f"{report.deployed.build}{said}"


def split_audit(report: Report) -> tuple[list[AuditedSentence], list[AuditedSentence]]:
    """Sentences of the plan that were tried; and, of a GO, those that are known not to hold as they are written."""
    slips = [
        sentence
        for sentence in report.sections.audit
        if report.verdict is Verdict.GO and sentence.status is sentence.expected is Status.REFUTED
    ]
    return [sentence for sentence in report.sections.audit if sentence not in slips], slips


def advice(sentence: AuditedSentence) -> tuple[str, str] | None:
    """What to do about a sentence, with its name: a workaround where it does not hold, a note where it does.

    None for a workaround that is not needed, because the sentence holds against what was recorded.
    """
    is_proven = sentence.status is Status.PROVEN
    if not sentence.workaround or (is_proven and sentence.expected is not Status.PROVEN):
        return None
    return ("note" if is_proven else "workaround"), sentence.workaround


def without_backticks(text: str) -> str:
    """The text without the backticks around code, for where they would be shown as they are."""
    return re.sub("`([^`]+)`", r"\1", text)


def status_label(judgement: Judgement) -> str:
    """The status in a word; a waived one says so, unless it is refuted, which cannot be waived."""
    waived = " (waived)" if is_waived(judgement) else ""
    return f"{judgement.status}{waived}"


def is_waived(judgement: Judgement) -> bool:
    """Whether the verdict goes on without this claim."""
    return bool(judgement.waived) and judgement.status is Status.UNKNOWN


def evidence(judgement: Judgement) -> str:
    """Method, counts and detail in one phrase."""
    phrases = [f"{judgement.method}, {judgement.observed:,} observed"]
    if judgement.refuting:
        phrases.append(f"{judgement.refuting:,} refute")
    if judgement.detail:
        phrases.append(judgement.detail)
    if judgement.waived:
        phrases.append(f"waived: {judgement.waived}")
    return "; ".join(phrases)


def parts(finding: Finding) -> tuple[tuple[str, str], ...]:
    """Name and text of each part of a finding that there is, without its effect."""
    return tuple((name, text) for name in PARTS if (text := getattr(finding, name)))


def plain_parts(finding: Finding) -> tuple[tuple[str, str], ...]:
    """The same for plain text: sentences without backticks."""
    return tuple((name, without_backticks(text) if name in PROSE else text) for name, text in parts(finding))


def share(judgement: Judgement, number: int) -> str:
    """Which of the observations that refute a finding stands for: the number of it, or how many are alike."""
    times = judgement.findings[number - 1].times
    return (
        f"{times:,} alike of {judgement.refuting:,}" if times > 1 else f"{number} of {judgement.refuting:,}"
    )


def counts(report: Report, *, name_them: bool = False) -> str:
    """How many claims have which status, for example `11 proven, 1 refuted, 1 unknown`; waived ones apart.

    With `name_them` each count but that of the proven ones has its claims: `1 refuted (V2), 2 waived (I1, R3)`.
    """
    ids: dict[str, list[str]] = {kind: [] for kind in (*Status, "waived")}
    for judgement in report.judgements:
        ids["waived" if is_waived(judgement) else judgement.status].append(judgement.id)
    shown = []
    for kind, names in ids.items():
        which = f" ({', '.join(names)})" if name_them and kind != Status.PROVEN else ""
        if names:
            shown.append(f"{len(names)} {kind}{which}")
    return ", ".join(shown) or "no claim"


def in_the_way(report: Report) -> tuple[Judgement, ...]:
    """The claims that keep the verdict from being GO, refuted ones first."""
    return tuple(
        judgement
        for status in (Status.REFUTED, Status.UNKNOWN)
        for judgement in report.judgements
        if judgement.status is status and not is_waived(judgement)
    )


def verdict_line(report: Report) -> str:
    """The verdict with its counts, each but the proven ones with its claims, and what it was reached on."""
    about = [f"{report.seconds:.1f} s", report.target, report.server, f"seed {report.seed}"]
    return f"{report.verdict}: {counts(report, name_them=True)}; {', '.join(filter(None, about))}"


def each_reason_once(report: Report) -> Report:
    """The report for whoever reads it from its beginning: a reason that several claims share stands at the first.

    A database that is gone makes every claim unknown, for the same reason; it is no remark then, either.
    """
    first: dict[str, str] = {}
    judgements = []
    for judgement in report.judgements:
        if judgement.status is Status.UNKNOWN and judgement.detail:
            told_at = first.setdefault(judgement.detail, judgement.id)
            if told_at != judgement.id:
                judgement = replace(judgement, detail=f"as for {told_at}")
        judgements.append(judgement)
    remarks = tuple(remark for remark in report.remarks if remark not in first)
    return structs.replace(report, judgements=tuple(judgements), remarks=remarks)


def coverage(orders: Orders) -> tuple[str, ...]:
    """What was covered of the orders, a phrase each."""
    phrases = [
        f"{orders.orders.enumerated:,} of {orders.orders.total:,} orders enumerated",
        f"{orders.stages.covered:,} of {orders.stages.total:,} stages run",
        f"{orders.transitions.taken:,} of {orders.transitions.total:,} steps taken with requests in flight",
        f"{orders.swaps:,} replicas replaced under traffic",
        f"{orders.requests:,} requests of probes and in flight, {orders.requests_traffic:,} of traffic",
    ]
    if orders.rule is not None:
        phrases.append(f"{orders.rule.safe_orders:,} orders are safe")
    return tuple(phrases)
