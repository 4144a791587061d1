"""Which claims a gate must judge; light, since `accept` and `report` read stored reports by it."""

from dataclasses import replace
from typing import Final

from harness import plan
from harness.checks.gate_index import INDEX
from harness.checks.gate_schema import COLUMN, STORED
from harness.database.asked_claims import asked_of
from harness.rollout import Rollout, is_plans
from harness.rollout.claims import sentence_of, worded
from harness.rule.policy import POLICIES, STRICT
from harness.verdict import Claim

DATABASE_CLAIMS: Final = (COLUMN, INDEX, STORED)
"""Claims that the database alone is evidence for."""
NEVER_WAIVED: Final = ("V1", "V2", "V3", "C2", "R1")
"""What a valid and an invalid header store, that old clients are served, and that each request has its rows."""

WITHOUT: Final = "without "
"""In a report's scope, before the id of a claim that does not apply to its rollout."""

FURTHER: Final = {
    "M3": "The column is as the steps declare it, and the database refuses and changes no value that the rule gives.",
}
"""Where the gate looks at more than the steps make, of any rollout."""


def required_ids(build: str) -> tuple[str, ...]:
    """What is required of a deployed build of the plan's rollout."""
    return plan.GATE_BEFORE if build == "before" else plan.GATE_AFTER


def claims_of(build: str, policy: str = STRICT.name, rollout: Rollout | None = None) -> tuple[Claim, ...]:
    """The claims required of a deployed build, as the policy words them, or the file of another rollout."""
    if rollout is not None and policy not in POLICIES and not is_plans(rollout):
        return _of_rollout(build, rollout)
    in_words = plan.claims_under(policy, (*plan.CLAIMS, *plan.MIGRATION_CLAIMS, *plan.GATE_CLAIMS))
    known = {
        claim.id: replace(claim, sentence=plan.GATE_SENTENCES.get(claim.id, claim.sentence))
        for claim in in_words
    }
    return tuple(known[each] for each in required_ids(build))


def _of_rollout(build: str, rollout: Rollout) -> tuple[Claim, ...]:
    """Those that apply to the rollout, each in the file's words where it has some."""
    known = {claim.id: claim for claim in (*plan.CLAIMS, *plan.MIGRATION_CLAIMS, *plan.GATE_CLAIMS)}
    applying = frozenset(asked_of(rollout))
    return tuple(
        worded(Claim(name, FURTHER.get(name) or sentence_of(name), "", "", known[name].least), rollout.tables)
        for name in required_ids(build)
        if name in applying
    )
