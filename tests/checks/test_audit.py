"""The audit stands as recorded, and says so when a sentence of the plan changes either way."""

from dataclasses import replace

import pytest

from harness import plan
from harness.checks.audit import audited, judge_audit
from harness.database.templates import Templates
from harness.report.contents import AuditedSentence
from harness.run.audit import audit_sentences
from harness.stages.environment import stack
from harness.verdict import Claim, Finding, Results, Status

CLAIMS = (plan.AUDIT_CLAIM, *(claim for claim, _, _ in plan.AUDIT))
RECORDED = tuple(
    (Claim(f"Z{n}", "a sentence", "a quote", "a section"), status, "do this")
    for n, status in enumerate(Status)
)


def results_of(statuses: tuple[Status, ...]) -> Results:
    results = Results((replace(plan.AUDIT_CLAIM, least=1), *(claim for claim, _, _ in RECORDED)))
    for (claim, _, _), status in zip(RECORDED, statuses, strict=True):
        results.observed(claim.id)
        if status is Status.REFUTED:
            results.refute(Finding(claim.id, "done", "seen"))
        if status is Status.UNKNOWN:
            results.inconclusive(claim.id, "not seen")
    return results


AS_RECORDED = tuple(status for _, status, _ in RECORDED)


def test_audit_is_proven_when_every_sentence_stands_as_recorded() -> None:
    results = results_of(AS_RECORDED)
    judge_audit(results, RECORDED)
    assert results.judgements()[0].status is Status.PROVEN
    assert results.judgements()[0].detail == "1 proven, 1 refuted, 1 unknown"


@pytest.mark.parametrize(
    ("at", "now", "status"),
    [
        (0, Status.REFUTED, Status.REFUTED),
        (1, Status.PROVEN, Status.REFUTED),
        (2, Status.PROVEN, Status.REFUTED),
        (0, Status.UNKNOWN, Status.UNKNOWN),
        (1, Status.UNKNOWN, Status.UNKNOWN),
    ],
)
def test_audit_changes_when_a_sentence_does_either_way(at: int, now: Status, status: Status) -> None:
    changed = list(AS_RECORDED)
    changed[at] = now
    results = results_of(tuple(changed))
    judge_audit(results, RECORDED)
    assert results.judgements()[0].status is status
    told = audited(results.judgements(), RECORDED, ())
    assert [one.id for one in told if one.status is not one.expected] == [f"Z{at}"]
    assert told[at].expected is AS_RECORDED[at]


def test_sentence_that_rests_on_others_is_as_the_worst_of_them() -> None:
    results = results_of((Status.PROVEN, Status.REFUTED, Status.UNKNOWN))
    own = Claim("Z9", "a sentence", "a quote", "a section")

    def resting(*bases: str) -> tuple[AuditedSentence, ...]:
        return audited(results.judgements(), (), ((own, bases, ""),))

    assert [one.status for one in resting("Z0")] == [Status.PROVEN]
    assert [one.status for one in resting("Z0", "Z1", "Z2")] == [Status.REFUTED]
    assert [one.status for one in resting("Z0", "Z2")] == [Status.UNKNOWN]
    assert resting("Z0", "Q7") == ()


async def test_sentences_of_the_plan_stand_as_recorded_on_real_servers(templates: Templates) -> None:
    results = Results(CLAIMS)
    async with stack(templates, "strict") as shared:
        await audit_sentences(results, shared)
    judge_audit(results, plan.AUDIT)
    found = {one.claim.id: one for one in results.judgements()}
    assert {claim.id: found[claim.id].status for claim, _, _ in plan.AUDIT} == {
        claim.id: status for claim, status, _ in plan.AUDIT
    }
    assert found["A0"].status is Status.PROVEN
    assert "22012" in found["A6"].findings[0].effect
    assert "27 columns" in found["A5"].findings[0].effect
    sentences = audited(results.judgements(), plan.AUDIT, plan.RESTING_AUDIT)
    assert [sentence.id for sentence in sentences] == [claim.id for claim, _, _ in plan.AUDIT]
    assert all(sentence.workaround for sentence in sentences if sentence.expected is Status.REFUTED)
