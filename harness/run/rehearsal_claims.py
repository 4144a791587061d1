"""Which claims a rehearsal must judge: of the plan's migration, of one's own, of the steps of any rollout; light."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from harness import plan
from harness.checks.own_migration import ACCEPTED, OWN_CLAIMS, STALLED
from harness.checks.step_locks import LOCKS
from harness.rollout import Rollout
from harness.rollout.claims import sentence_of
from harness.rule.level import Level
from harness.run.gate_claims import WITHOUT
from harness.run.options.rehearse import (
    JUDGED,
    OWN_MIGRATION,
    OWN_PARTS,
    STEPS,
    RehearsalPart,
    RehearseOptions,
)
from harness.run.rollout_claims import rollout_claims
from harness.verdict import Claim

STEP_CLAIMS: Final = ("M1", "M2", "M3", "M7", "M9")
"""What is judged of the steps of any rollout beside what is judged of any migration."""
ROLLOUT_PARTS: Final = OWN_PARTS | {RehearsalPart.CLAIMS}
"""What is rehearsed of each rollout; failures of one that builds an index concurrently and says how to recover, too."""


def claims_of(options: RehearseOptions) -> tuple[Claim, ...]:
    """Of the plan's migration, by the parts asked for; the stall claim only where there is a budget."""
    claims: list[Claim] = []
    if RehearsalPart.CLAIMS in options.parts:
        claims += [claim for claim in plan.CLAIMS if claim.id == "M1"]
        claims += plan.MIGRATION_CLAIMS
        claims += [claim for claim, _, _ in plan.MIGRATION_AUDIT]
    if RehearsalPart.STALLS in options.parts and options.max_stall_ms is not None:
        claims.append(plan.STALL_CLAIM)
    if RehearsalPart.FAILURES in options.parts:
        claims.append(plan.RECOVERY_CLAIM)
    if RehearsalPart.LOCKS in options.parts:
        claims.append(plan.LOCKS_CLAIM)
    if RehearsalPart.MATRIX in options.parts:
        claims.append(plan.RUNNER_CLAIM)
    return tuple(claims)


def own_claims(parts: Collection[str], *, is_judged: bool) -> tuple[Claim, ...]:
    """Of statements that are sent on a filled copy; without traffic only whether they are accepted is known."""
    if RehearsalPart.STALLS not in parts:
        return (ACCEPTED,) if RehearsalPart.LOCKS in parts else ()
    return tuple(claim for claim in OWN_CLAIMS if claim is not STALLED or is_judged)


def step_claims(rollout: Rollout, *, is_usual: bool) -> tuple[Claim, ...]:
    """Of the steps of a rollout; none of taking them back where a step has no file for it, or others are in its place.

    They say what is looked at here, which the file's own words may go beyond.
    """
    reversible = is_usual and all(step.down for step in rollout.tables.step if step.up)
    return tuple(
        replace(claim, sentence=sentence_of(claim.id))
        for claim in rollout_claims(rollout, Level.SMOKE)
        if claim.id in STEP_CLAIMS and (claim.id != "M9" or reversible)
    )


def recovery_claim() -> Claim:
    """Of the failure scenarios; it says what is looked at here, in no rollout's words."""
    claim = plan.RECOVERY_CLAIM
    return replace(claim, sentence=sentence_of(claim.id), quote="", section="")


def locks_claim() -> Claim:
    """Of the locks of a rollout's steps, as it is judged here."""
    return Claim(LOCKS, sentence_of(LOCKS), "", "")


def required_in(scope: tuple[str, ...]) -> tuple[str, ...]:
    """Ids of the claims that a report of a rehearsal of this scope must hold. Raises ValueError for an unknown word."""
    known = {JUDGED, OWN_MIGRATION, STEPS}
    left_out = {word.removeprefix(WITHOUT) for word in scope if word.startswith(WITHOUT)}
    words = [word for word in scope if word not in known and not word.startswith(WITHOUT)]
    parts = frozenset(map(RehearsalPart, words))
    if OWN_MIGRATION in scope or STEPS in scope:
        claims = own_claims(parts, is_judged=JUDGED in scope)
        asked: tuple[str, ...] = STEP_CLAIMS if STEPS in scope and RehearsalPart.CLAIMS in parts else ()
        if STEPS in scope and RehearsalPart.LOCKS in parts:
            asked = (*asked, LOCKS)
        failures = (plan.RECOVERY_CLAIM.id,) if RehearsalPart.FAILURES in parts else ()
        steps = tuple(name for name in asked if name not in left_out)
        return (*(claim.id for claim in claims), *steps, *failures)
    budget = 1.0 if JUDGED in scope else None
    return tuple(claim.id for claim in claims_of(RehearseOptions(parts=parts, max_stall_ms=budget)))
