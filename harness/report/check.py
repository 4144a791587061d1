"""Whether a stored report holds together: its counts, its findings, and the claims that it was judged by. Pure."""

from collections.abc import Iterator, Sequence

from harness.report.document import Report
from harness.verdict import Judgement, Status


def faults(report: Report, required: Sequence[str], never_waived: Sequence[str] = ()) -> tuple[str, ...]:
    """What does not hold, a line each; none where the report may be believed as far as it goes.

    `required` are the ids of the harness's own claims for this command, scope and level; `never_waived` those that no
    reason makes up for.
    """
    return tuple(_faults(report, required, never_waived))


def _faults(report: Report, required: Sequence[str], never_waived: Sequence[str]) -> Iterator[str]:
    ids = [judgement.claim.id for judgement in report.judgements]
    if missing := [claim for claim in required if claim not in ids]:
        yield f"{len(missing)} claims that it must judge are missing ({', '.join(missing)})"
    if twice := sorted({claim for claim in ids if ids.count(claim) > 1}):
        yield f"claims are there twice ({', '.join(twice)})"
    listed = {} if report.judged_by is None else {each.id: each for each in report.judged_by.claims}
    if report.judged_by is not None:
        if len(listed) < len(report.judged_by.claims) or set(listed) != set(ids):
            yield "its list of claims is not that of its judgements"
        own = [each.id for each in listed.values() if each.whose == "harness" and each.required]
        if more := [claim for claim in own if claim not in required]:
            yield f"it calls claims the harness's own that are not ({', '.join(more)})"
        if less := [claim for claim in required if claim in listed and claim not in own]:
            yield f"its list does not require claims that are required ({', '.join(less)})"
    for judgement in report.judgements:
        claim = judgement.claim
        if claim.id in listed and listed[claim.id].sentence != claim.sentence:
            yield f"{claim.id} has another sentence than the one that it was judged by"
        if claim.id in never_waived and judgement.waived:
            yield f"{claim.id} is waived, which it cannot be"
        if wrong := _wrong(judgement):
            yield f"{claim.id} is {judgement.status}, {wrong}"


def _wrong(judgement: Judgement) -> str:
    """Why a status does not follow from its evidence; empty where it does."""
    claim, told = judgement.claim, sum(finding.times for finding in judgement.findings)
    if min(judgement.observed, judgement.refuting, claim.least, told) < 0 or any(
        finding.times < 1 for finding in judgement.findings
    ):
        return "with a count below zero"
    if any(finding.claim != claim.id for finding in judgement.findings):
        return "with a finding of another claim"
    if judgement.status is Status.REFUTED:
        if not judgement.findings or judgement.refuting < told:
            return f"by {judgement.refuting} observations, of which {told} are told"
        return ""
    if judgement.findings or judgement.refuting:
        return "although something refutes it"
    if judgement.status is Status.PROVEN and judgement.observed < claim.least:
        return f"by {judgement.observed} observations, where {claim.least} are needed"
    return ""
