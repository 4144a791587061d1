"""One order of a plan on real servers: right ones are safe, each faulty one is caught by the claim meant for it."""

import pytest

from harness.database.templates import Templates
from harness.rollout.defects import DEFECTS, VARIANTS, PlanDefect, find_plan
from harness.run.orders import try_plan
from harness.verdict import Status, Verdict, decide

TOLD = {
    "extension-first-refused": "the reply is not the one that the old backend gave",
    "column-last": "42703",
    "not-null": "23502",
    "not-null-backfilled": "found 0",
    "volatile-default": "expected NULL",
    "index-in-transaction": "25001",
    "returns-star": "0A000 cached plan must not change result type",
    "archives": "found 0",
}
"""What the finding must name."""


@pytest.mark.parametrize("faulty", DEFECTS, ids=lambda defect: defect.name)
async def test_faulty_plan_is_refuted_by_the_claim_meant_for_it(
    templates: Templates, faulty: PlanDefect
) -> None:
    judgements = {one.claim.id: one for one in (await try_plan(templates, faulty)).judgements()}
    found = judgements[faulty.claim]
    assert found.status is Status.REFUTED
    assert any(TOLD[faulty.name] in f"{one.effect} {one.condition}" for one in found.findings)
    assert decide(judgements.values()) is Verdict.NO_GO


@pytest.mark.parametrize("right", VARIANTS, ids=lambda variant: variant.name)
async def test_plan_in_another_order_that_is_right_is_proven(templates: Templates, right: PlanDefect) -> None:
    judgements = (await try_plan(templates, right)).judgements()
    assert {one.claim.id: one.status for one in judgements} == {
        one.claim.id: Status.PROVEN for one in judgements
    }


def test_plan_is_found_by_its_name() -> None:
    assert find_plan("archives").claim == "R1"
