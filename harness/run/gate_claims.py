"""Which claims a gate must judge; light, since `accept` and `report` read stored reports by it."""

from dataclasses import replace
from typing import Final

from harness import plan
from harness.checks.gate_index import INDEX
from harness.checks.gate_schema import COLUMN, STORED
from harness.rule.policy import STRICT
from harness.verdict import Claim

DATABASE_CLAIMS: Final = (COLUMN, INDEX, STORED)
"""Claims that the database alone is evidence for."""
NEVER_WAIVED: Final = ("V1", "V2", "V3", "C2", "R1")
"""What a valid and an invalid header store, that old clients are served, and that each request has its rows."""


def claims_of(build: str, policy: str = STRICT.name) -> tuple[Claim, ...]:
    """The claims required of a deployed build, as the policy words them."""
    worded = plan.claims_under(policy, (*plan.CLAIMS, *plan.MIGRATION_CLAIMS, *plan.GATE_CLAIMS))
    known = {
        claim.id: replace(claim, sentence=plan.GATE_SENTENCES.get(claim.id, claim.sentence))
        for claim in worded
    }
    return tuple(known[each] for each in (plan.GATE_BEFORE if build == "before" else plan.GATE_AFTER))
