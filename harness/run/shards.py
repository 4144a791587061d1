"""One run divided between machines: what a shard reports, and how the reports of all become one verdict.

A shard is judged with claims that one observation is enough for; all shards together need what one run needs. What a
shard did not look at, because it is no part of the suite, is the first one's to judge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Final

from msgspec.structs import replace as with_changes

from harness.report.contents import Requests, Sections
from harness.report.document import JudgedBy, Report, ShardReport
from harness.rule.extra_states import ceil_div
from harness.rule.policy import Policy
from harness.rule.shard import Shard, ShardTotals, Share, sum_of, totals_by_shard
from harness.rule.suite import WIRE_MAX, Level, size, suite
from harness.verdict import FINDINGS_KEPT, Claim, Judgement, Method, Status, decide, shortage

ELSEWHERE: Final = "judged by the first shard alone"
SAME: Final = (
    "policy",
    "level",
    "extra_states",
    "seed",
    "target",
    "rollout",
    "deployed",
    "harness",
    "inputs",
    "subject",
)
"""What all shards of a run have in common."""
NAMED: Final = {"extra_states": "number of extra states"}
"""How one of them is called where its name is not enough."""
LISTED_MAX: Final = 5000


def claims_for(shard: Shard, claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """The claims of a shard: as many observations as there are, but one at least."""
    return tuple(
        claims if shard.is_whole else (replace(claim, least=min(claim.least, 1)) for claim in claims)
    )


def marked(report: Report, shard: Shard, share: Share, controls: int) -> Report:
    """The report of a shard: what it has sent, and that what it did not look at is the first one's to judge."""
    if shard.is_whole:
        return report
    judgements = tuple(
        replace(judgement, detail=ELSEWHERE)
        if not shard.is_first
        and judgement.observed == 0
        and judgement.detail.startswith(shortage(0, judgement.least))
        else judgement
        for judgement in report.judgements
    )
    sent = ShardReport(shard.number, shard.of, share.count, share.digest, controls)
    return with_changes(report, judgements=judgements, shard=sent)


def merged(reports: Sequence[Report], claims: Sequence[Claim], command: str, policy: Policy) -> Report:
    """One report of all shards. `claims` are those of the undivided run, in their order; `policy` is its rule.

    Where they do not make one run, every claim that nothing refutes is unknown, with the reason.
    """
    reports = sorted(reports, key=lambda report: report.shard.number if report.shard else 0)
    first = reports[0]
    wrong = tuple(misfits(reports, policy))
    judgements = tuple(_judgement(claim, reports, "; ".join(wrong)) for claim in claims)
    assert first.judged_by is not None
    return with_changes(
        first,
        command=command,
        verdict=decide(judgements),
        consequence=next((report.consequence for report in reports if report.consequence), ""),
        started=min(report.started for report in reports),
        seconds=max(report.seconds for report in reports),
        remarks=(
            *wrong,
            *map(_about, reports),
            *dict.fromkeys(line for each in reports for line in each.remarks),
        ),
        judged_by=JudgedBy.of(first.judged_by.command, first.judged_by.scope, judgements),
        shard=None,
        judgements=judgements,
        sections=_sections(reports),
    )


def misfits(reports: Sequence[Report], policy: Policy) -> Iterator[str]:
    """Why reports are not the shards of one run, a line each."""
    if whole := [report for report in reports if report.shard is None]:
        yield f"{len(whole)} of {len(reports)} reports are of no shard"
        return
    first = reports[0]
    for name in SAME:
        if others := {str(getattr(each, name)) for each in reports} - {str(getattr(first, name))}:
            shown = (
                "others" if name == "inputs" else f"{getattr(first, name)} and {' and '.join(sorted(others))}"
            )
            yield f"the shards are not of one {NAMED.get(name, name)}: {shown}"
    if len({(each.judged_by.command, each.judged_by.scope) for each in reports if each.judged_by}) > 1:
        yield "the shards are not of one command"
    yield from _parts(first, [each.shard for each in reports if each.shard], policy)


def _parts(first: Report, shards: Sequence[ShardReport], policy: Policy) -> Iterator[str]:
    of = shards[0].of
    if any(shard.of != of for shard in shards):
        yield f"the shards are parts of {' and '.join(sorted({str(shard.of) for shard in shards}))}"
        return
    numbers = [shard.number for shard in shards]
    if missing := [str(number) for number in range(1, of + 1) if number not in numbers]:
        yield f"shard {', '.join(missing)} of {of} is missing"
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        yield f"shard {', '.join(map(str, twice))} is there twice: an overlap"
    level = Level(first.level)
    most, share = WIRE_MAX, ceil_div(size(policy, level, first.extra_states).headers, of)
    if first.extra_states and share > most:  # by no run of ours; to count them would take hours
        yield f"{of} shards would send {share:,} headers each, above the {most:,} that one run sends"
        return
    known: dict[str, int] = {}
    due = expected(policy, level, of, first.extra_states)
    for shard in shards:
        other = known.setdefault(shard.digest, shard.number)
        count, digest = due[shard.number - 1]
        if other != shard.number:
            yield f"shards {other} and {shard.number} have sent the same headers: an overlap"
        elif (shard.probes, shard.digest) != (count, digest):
            yield f"shard {shard.number} of {of} has sent {shard.probes:,} headers that are not its {count:,}"
    if not (missing or twice):
        count = sum(totals.headers for totals in due)
        digest = sum_of(totals.digest for totals in due)
        total = sum(shard.probes for shard in shards)
        if (total, sum_of(shard.digest for shard in shards)) != (count, digest):
            yield f"the shards have sent {total:,} headers that are not the suite's {count:,}"


@cache
def expected(policy: Policy, level: Level, of: int, extra_states: int = 0) -> tuple[ShardTotals, ...]:
    """What each shard has to send. The suite is made once for all, about a second for a million headers."""
    return totals_by_shard(suite(policy, level, extra_states), of)


def _about(report: Report) -> str:
    shard = report.shard
    part = f"shard {shard.number}/{shard.of}" if shard else "no shard"
    sent = f"{shard.probes:,} headers of the suite, {shard.controls:,} controls" if shard else "a whole run"
    return f"{part}: {sent}, begun {report.started}, {report.seconds:.1f} s, {report.server}"


def _judgement(claim: Claim, reports: Sequence[Report], wrong: str) -> Judgement:
    """A claim by what all shards saw: one that refutes is enough, and so is one that could not tell."""
    parts = [each for report in reports for each in report.judgements if each.id == claim.id]
    looked = [part for part in parts if part.detail != ELSEWHERE]
    first = looked[0] if looked else parts[0]
    findings = sorted((one for part in looked for one in part.findings), key=lambda one: one.weight)
    observed = sum(part.observed for part in looked)
    unknown = [part for part in looked if part.status is Status.UNKNOWN]
    detail = _detail(looked)
    status = Status.PROVEN
    if any(part.status is Status.REFUTED for part in looked):
        status = Status.REFUTED
    elif wrong or unknown or not looked:
        status, detail = Status.UNKNOWN, wrong or "; ".join(part.detail for part in unknown) or first.detail
    elif observed < claim.least:
        status, detail = Status.UNKNOWN, shortage(observed, claim.least)
    methods = {part.method for part in looked}
    return replace(
        first,
        status=status,
        method=first.method if len(methods) == 1 else Method.SAMPLED,
        observed=observed,
        least=claim.least,
        detail=detail,
        waived=next((part.waived for part in looked if part.waived), ""),
        refuting=sum(part.refuting for part in looked),
        findings=tuple(findings[:FINDINGS_KEPT]),
    )


def _detail(parts: Sequence[Judgement]) -> str:
    """What all shards say, each phrase once; how much each has sent stands in the remarks."""
    phrases = dict.fromkeys(phrase for part in parts for phrase in part.detail.split("; "))
    return "; ".join(phrase for phrase in phrases if phrase and not phrase.startswith("shard "))


def _sections(reports: Sequence[Report]) -> Sections:
    """Those of the first; what was sent is of all."""
    sent = [report.sections.requests for report in reports if report.sections.requests]
    if not sent:
        return reports[0].sections
    listed = tuple(request for each in sent for request in each.listed)[:LISTED_MAX]
    runs, journals = (
        ", ".join(texts) for texts in zip(*((each.run, each.journal) for each in sent), strict=True)
    )
    requests = Requests(sum(each.sent for each in sent), listed, runs, journals)
    return with_changes(reports[0].sections, requests=requests)
