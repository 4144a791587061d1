"""Which claims a proof must judge; light, since `accept` and `report` read stored reports by it."""

from typing import Final

from harness import plan
from harness.checks.registry import brought_claims
from harness.rule.level import Level
from harness.verdict import Claim

AUDITED: Final = (*plan.AUDIT, *plan.EXTENSION_AUDIT, *plan.MIGRATION_AUDIT)
"""The plan's sentences: judged beside the claims, and no part of the verdict but through A0."""


def claims_of(level: Level) -> tuple[Claim, ...]:
    """What must be proven at a level: a rule needs every stage, a roll-back every step, so smoke claims neither."""
    claims: tuple[Claim, ...] = (
        *plan.CLAIMS,
        *plan.MIGRATION_CLAIMS,
        *plan.ORDER_CLAIMS,
        *plan.EXTENSION_CLAIMS,
        plan.AUDIT_CLAIM,
    )
    if level is not Level.SMOKE:
        claims += (plan.RULE_CLAIM, plan.EXPLORATION_CLAIM)
    if level is Level.EXHAUSTIVE:
        claims += (plan.ROLL_BACK_CLAIM,)
    return claims + brought_claims()
