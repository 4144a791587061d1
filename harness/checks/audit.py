"""Audits the plan: its sentences judged by what was seen, and held to the status they are recorded with. Pure.

A sentence that is known not to hold is expected to be refuted, and is reported with its workaround. What would change
the verdict is a sentence whose status is another than recorded. Sentences that rest on other claims count there.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from harness import plan
from harness.checks.evidence import describe_value, finding
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check, run_check
from harness.report.contents import AuditedSentence
from harness.sut.observation import Observation
from harness.verdict import Claim, Finding, Judgement, Results, Status

AUDIT: Final = "A0"
LIKELY_WORKS: Final = "A1"
FILES: Final = "A2"
ENDPOINTS: Final = "A3"
SENDERS: Final = "A4"
FIELDS: Final = "A5"
COVERAGE: Final = "A6"
USERS: Final = "A7"
BLOAT: Final = "A8"

IDS: Final = 4
"""Requests of each kind."""

Recorded = Sequence[tuple[Claim, Status, str]]
"""Sentences with the status each is expected to have, and a workaround."""
Resting = Sequence[tuple[Claim, tuple[str, ...], str]]


@check(LIKELY_WORKS, FILES, ENDPOINTS, SENDERS, FIELDS, COVERAGE, USERS, BLOAT)
def sentences_hold(
    coverage_error: str,
    observations: Sequence[Observation],
    listed_users: frozenset[tuple[str, str | None, int]],
    columns_before: int,
) -> Outcomes:
    """A1 to A8, by one environment that nobody else used.

    `coverage_error` is what the plan's coverage query was refused with while there was no row. `observations` are
    `IDS` requests to the backend whose INSERT was left, `IDS` of one address to the whole one, and one by the alias;
    `listed_users` what the plan's query lists afterwards: user, value, and how many requests. `columns_before` are
    those of the metadata table beside the rollout's.
    """
    yield from _judge_coverage(coverage_error)
    yield from _judge_insert_left(observations[:IDS])
    yield from _judge_ids(observations[IDS : 2 * IDS])
    yield from _judge_endpoints(observations[2 * IDS :])
    yield from _judge_users(listed_users, observations[IDS:])
    yield from _judge_fields(columns_before)
    yield Observed(SENDERS)
    yield Inconclusive(SENDERS, "who sends cannot be seen here: the reference has no other clients")


def judge_audit(results: Results, recorded: Recorded) -> None:
    """Feeds how the sentences stand, after everything else; those that are not on the results are not asked."""
    run_check(results, sentences_stand_as_recorded, results.judgements(), recorded)


@check(AUDIT)
def sentences_stand_as_recorded(judgements: Sequence[Judgement], recorded: Recorded) -> Outcomes:
    """A0: each sentence stands as recorded; one that has become unknown leaves it so."""
    judged = {judgement.claim.id: judgement for judgement in judgements}
    counts = dict.fromkeys(Status, 0)
    for claim, expected, workaround in recorded:
        if claim.id not in judged:
            continue
        yield Observed(AUDIT)
        judgement = judged[claim.id]
        counts[judgement.status] += 1
        if judgement.status is expected:
            continue
        effect = f"{judgement.status}, recorded as {expected}: {_detail(judgement)}"
        if judgement.status is Status.UNKNOWN:
            yield Inconclusive(AUDIT, f"{claim.id} is {effect}")
        else:
            yield Finding(AUDIT, f"{claim.id}: {claim.sentence}", effect, workaround=workaround)
    yield Detail(AUDIT, ", ".join(f"{count} {status}" for status, count in counts.items() if count))


def audited(
    judgements: Iterable[Judgement], recorded: Recorded, resting: Resting
) -> tuple[AuditedSentence, ...]:
    """How every sentence stands that is asked, by number; those that rest on others stand as the worst of these do."""
    judged = {judgement.claim.id: judgement for judgement in judgements}
    own = [
        _audited(claim, expected, judged[claim.id].status, _detail(judged[claim.id]), workaround)
        for claim, expected, workaround in recorded
        if claim.id in judged
    ]
    others = [
        _audited(claim, Status.PROVEN, *_worst(bases, judged), workaround)
        for claim, bases, workaround in resting
        if judged.keys() >= set(bases)
    ]
    return tuple(sorted((*own, *others), key=lambda sentence: (sentence.id[0], int(sentence.id[1:]))))


def _audited(
    claim: Claim, expected: Status, status: Status, evidence: str, workaround: str
) -> AuditedSentence:
    return AuditedSentence(
        claim.id, claim.sentence, claim.quote, claim.section, expected, status, evidence, workaround
    )


def _judge_insert_left(observations: Sequence[Observation]) -> Outcomes:
    for observation in observations:
        for row in observation.rows:
            if not row.whole:
                continue
            for claim in (LIKELY_WORKS, FILES):
                yield Observed(claim)
                if row.value is None:
                    yield finding(claim, observation, "stored NULL, expected the id that was sent")


def _judge_ids(observations: Sequence[Observation]) -> Outcomes:
    users = {observation.probe.user for observation in observations}
    values = {row.value for observation in observations for row in observation.rows if row.whole}
    yield Observed(BLOAT, len(observations))
    if len(users) == 1 and len(values) == len(observations):
        effect = (
            f"{len(values)} requests of one address stored {len(values)} different ids, each within the rule"
        )
        yield finding(BLOAT, observations[0], effect)


def _judge_endpoints(observations: Sequence[Observation]) -> Outcomes:
    for observation in observations:
        yield Observed(ENDPOINTS)
        users = {row.user for row in observation.rows}
        if users == {observation.probe.user}:
            yield finding(ENDPOINTS, observation, f"{plan.ROUTES[1]} accounted to an anonymous user as well")


def _judge_fields(columns: int) -> Outcomes:
    yield Observed(FIELDS)
    if columns != plan.EXISTING_FIELDS:
        effect = f"{columns} columns, not {plan.EXISTING_FIELDS}"
        yield Finding(FIELDS, f"{plan.METADATA_TABLE} before the rollout, by the catalogue", effect)


def _judge_coverage(error: str) -> Outcomes:
    """Before anything was sent: there is no anonymous row of the last week."""
    yield Observed(COVERAGE)
    if error:
        yield Finding(COVERAGE, "no anonymous row of the last seven days", error)


def _judge_users(
    listed: frozenset[tuple[str, str | None, int]],
    observations: Sequence[Observation],
) -> Outcomes:
    expected = {
        (observation.probe.user, row.value, 1) for observation in observations for row in observation.rows
    }
    yield Observed(USERS, len(expected & listed))
    for user, value, requests in sorted(expected ^ listed):
        wrong = "missing" if (user, value, requests) in expected else "too much"
        effect = f"the line of {user} with {describe_value(value)} and {requests} is {wrong}"
        yield Finding(USERS, f"{len(expected)} requests of one address, an id each", effect)


def _detail(judgement: Judgement) -> str:
    if judgement.findings:
        return judgement.findings[0].effect
    return judgement.detail or f"{judgement.observed} observed"


def _worst(bases: Sequence[str], judged: dict[str, Judgement]) -> tuple[Status, str]:
    for status in (Status.REFUTED, Status.UNKNOWN):
        for base in bases:
            if judged[base].status is status:
                return status, f"{base} is {status}"
    return Status.PROVEN, f"{' and '.join(bases)} proven"
