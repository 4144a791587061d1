"""Whether a stored report holds together: its counts, its findings, and the claims that it was judged by. Pure."""

from collections.abc import Collection, Iterator, Sequence

from harness.report.document import Report
from harness.verdict import Judgement, Status

SEED_MAX = 2**64 - 1


def faults(report: Report, required: Sequence[str], never_waived: Sequence[str] = ()) -> Iterator[str]:
    """What does not hold, a line each; none where the report may be believed as far as it goes.

    `required` are the ids of the harness's own claims for this command, scope and level; `never_waived` those that no
    reason makes up for.
    """
    ids = [judgement.id for judgement in report.judgements]
    if missing := [claim for claim in required if claim not in ids]:
        yield f"{len(missing)} claims that it must judge are missing ({', '.join(missing)})"
    if twice := sorted({claim for claim in ids if ids.count(claim) > 1}):
        yield f"claims are there twice ({', '.join(twice)})"
    if report.seed > SEED_MAX:
        yield f"its seed {report.seed} is above {SEED_MAX}"
    yield from _list_faults(report, required)
    for judgement in report.judgements:
        if judgement.id in never_waived and judgement.waived:
            yield f"{judgement.id} is waived, which it cannot be"
        if wrong := _wrong(judgement):
            yield f"{judgement.id} is {judgement.status}, {wrong}"


def request_faults(
    report: Report, by_requests: Collection[str], once_a_request: Collection[str]
) -> Iterator[str]:
    """Where claims were observed in more requests than were sent.

    `by_requests` are those that only a request is evidence for. Some of them count a reply and each of its rows;
    `once_a_request` those that do not.
    """
    requests = report.sections.requests
    sent = 0 if requests is None else requests.sent
    if requests is not None and len(requests.listed) > sent:
        yield f"it lists {len(requests.listed)} requests, and says that {sent} were sent"
    for judgement in report.judgements:
        is_bounded = judgement.id in once_a_request or (judgement.id in by_requests and not sent)
        if is_bounded and judgement.observed > sent:
            yield f"{judgement.id} was observed {judgement.observed} times, and {sent} requests were sent"


def _list_faults(report: Report, required: Sequence[str]) -> Iterator[str]:
    if report.judged_by is None:
        return
    listed = {claim.id: claim for claim in report.judged_by.claims}
    ids = {judgement.id for judgement in report.judgements}
    if len(listed) < len(report.judged_by.claims) or set(listed) != ids:
        yield "its list of claims is not that of its judgements"
    own = [claim.id for claim in listed.values() if claim.whose == "harness" and claim.required]
    if more := [claim for claim in own if claim not in required]:
        yield f"it calls claims the harness's own that are not ({', '.join(more)})"
    if less := [claim for claim in required if claim in listed and claim not in own]:
        yield f"its list does not require claims that are required ({', '.join(less)})"
    for judgement in report.judgements:
        if judgement.id in listed and listed[judgement.id].sentence != judgement.sentence:
            yield f"{judgement.id} has another sentence than the one that it was judged by"


def _wrong(judgement: Judgement) -> str:
    """Why a status does not follow from its evidence; empty where it does."""
    shown = sum(finding.times for finding in judgement.findings)
    if any(finding.claim != judgement.id for finding in judgement.findings):
        return "with a finding of another claim"
    if judgement.status is Status.REFUTED:
        if not judgement.findings or judgement.refuting < shown:
            return f"by {judgement.refuting} observations, of which {shown} are shown"
        return ""
    if judgement.findings or judgement.refuting:
        return "although something refutes it"
    if judgement.status is Status.PROVEN and judgement.observed < judgement.least:
        return f"by {judgement.observed} observations, where {judgement.least} are needed"
    return ""
