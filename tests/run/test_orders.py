"""One order of a plan on real servers: right ones are safe, each faulty one is caught by the claim meant for it."""

import re
from typing import Any

import pytest
from msgspec import to_builtins

from harness import plan
from harness.database.templates import Templates
from harness.rule.suite import Level
from harness.run.orders import PLAN_CLAIMS, prove_orders, scope_of
from harness.stages.defects import DEFECTS, VARIANTS, PlanDefect
from harness.stages.environment import BuildPair, stack
from harness.verdict import Claim, Judgement, Results, Status, Verdict, decide

TOLD = {
    "extension-first-refused": "the reply is not the one that the old backend gave",
    "column-last": "42703",
    "not-null": "23502",
    "not-null-backfilled": "found none",
    "volatile-default": "expected NULL",
    "index-in-transaction": "25001",
    "returns-star": "0A000 cached plan must not change result type",
    "archives": "found none",
}
"""What the finding must name."""


async def judged(templates: Templates, faulty: PlanDefect) -> dict[str, Judgement]:
    """The plan's own order, with its builds and its schema, by claim."""
    results = Results(PLAN_CLAIMS)
    async with stack(templates, "strict", faulty.builds, faulty.schema) as shared:
        await prove_orders(
            results,
            shared,
            scope_of(Level.SMOKE, shared.templates.rollout, shared.model, faulty.order),
            seed=0,
        )
    return {judgement.claim.id: judgement for judgement in results.judgements()}


@pytest.mark.catalogue
@pytest.mark.parametrize("faulty", DEFECTS, ids=lambda defect: defect.name)
async def test_faulty_plan_is_refuted_by_the_claim_meant_for_it(
    templates: Templates, faulty: PlanDefect
) -> None:
    judgements = await judged(templates, faulty)
    found = judgements[faulty.claim]
    assert found.status is Status.REFUTED
    assert any(TOLD[faulty.name] in f"{one.effect} {one.condition}" for one in found.findings)
    assert decide(judgements.values()) is Verdict.NO_GO


@pytest.mark.catalogue(every=1)
@pytest.mark.parametrize("right", VARIANTS, ids=lambda variant: variant.name)
async def test_plan_in_another_order_that_is_right_is_proven(templates: Templates, right: PlanDefect) -> None:
    judgements = await judged(templates, right)
    assert {judgement.status for judgement in judgements.values()} == {Status.PROVEN}


ALL_CLAIMS = (*PLAN_CLAIMS, plan.RULE_CLAIM, plan.EXPLORATION_CLAIM)
BY_TIME = ("requests_traffic",)
"""What of the section depends on how fast the machine is."""

Told = tuple[dict[str, Any], list[tuple[str, Status, int, str]]]


async def told_by(templates: Templates, level: Level, claims: tuple[Claim, ...], builds: BuildPair) -> Told:
    """The section without what depends on time, and how each claim stands."""
    results = Results(claims)
    async with stack(templates, "strict", builds) as shared:
        scope = scope_of(level, shared.templates.rollout, shared.model)
        found = await prove_orders(results, shared, scope, seed=5)
    section = {name: value for name, value in to_builtins(found.orders()).items() if name not in BY_TIME}
    tree = [re.sub(r"gen-[0-9a-f]+", "gen-", line) for line in section["minimal_unsafe_order"]]
    judgements = results.judgements()
    standing = [(one.claim.id, one.status, one.observed, one.detail) for one in judgements]
    return section | {"minimal_unsafe_order": tree}, standing


async def test_runs_with_one_seed_differ_in_times_and_ids_only(templates: Templates) -> None:
    first, second = [await told_by(templates, Level.SMOKE, PLAN_CLAIMS, BuildPair()) for _ in range(2)]
    assert first == second


@pytest.mark.catalogue(in_proof=True)
async def test_standard_level_runs_every_stage_and_derives_the_rule(
    templates: Templates,
) -> None:
    section, standing = await told_by(templates, Level.STANDARD, ALL_CLAIMS, BuildPair())
    assert [(claim, told) for claim, status, _, told in standing if status is not Status.PROVEN] == []
    assert section["orders"] == {"enumerated": 624, "total": 624}
    assert section["stages"] == {"stood_up": 40, "total": 40}
    assert section["stand_ups"] == {"stood_up": 64, "total": 64}
    assert section["steps"] == {"taken_in_flight": 100, "total": 100}
    told = "add the column before any `after` replica; release the extension at any time"
    assert section["rule"]["words"] == told
    assert "the plan implies it only in its file list" in section["rule"]["beside_the_plan"]
    tree = section["minimal_unsafe_order"]
    assert tree[1].startswith("└─ 1. swap replica 1")
    assert any("reply    200" in line for line in tree)
    assert any("42703" in line for line in tree)
    assert any("0A000" in warning for warning in section["warnings"])
    assert section["failing_program"] is None
