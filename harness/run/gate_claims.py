"""Which claims a gate must judge; light, since `accept` and `report` read stored reports by it."""

from dataclasses import replace
from typing import Final

from harness import plan
from harness.checks.gate_index import INDEX
from harness.checks.gate_schema import COLUMN, STORED
from harness.rollout import Rollout, is_plans
from harness.rollout.claim_groups import asked
from harness.rollout.tables import Tables
from harness.rule.policy import POLICIES, STRICT
from harness.verdict import Claim

DATABASE_CLAIMS: Final = (COLUMN, INDEX, STORED)
"""Claims that the database alone is evidence for."""
NEVER_WAIVED: Final = ("V1", "V2", "V3", "C2", "R1")
"""What a valid and an invalid header store, that old clients are served, and that each request has its rows."""

WITHOUT: Final = "without "
"""In a report's scope, before the id of a claim that does not apply to its rollout."""

GENERIC: Final = {
    "V1": "A header that the rule accepts is stored as the rule says.",
    "V2": "A value at each bound of the rule's length is stored, one beyond it is not.",
    "V3": "What the rule refuses, an empty header and duplicates fare as the rule says.",
    "V4": "No header, whatever it holds, changes the status, the headers or the body of the reply.",
    "V5": "A request without the header stores what the rule says for none, whatever was sent before it.",
    "V8": "The header counts by its name in any case, and no header of another name counts.",
    "V9": "Requests that are open at once each store what they sent.",
    "V10": "Whatever a server makes of bytes that HTTP refuses, nothing is stored but what the rule can give.",
    "C1": "The backend as it was ignores the header.",
    "C2": "A client that sends no header is served as before, and its rows hold what the rule says for none.",
    "I1": "The rows of each identity with an account hold what the file says of it, under its own user.",
    "I2": "The header does not change who is accounted.",
    "R1": "Every request leaves exactly one row in each of its tables.",
    "R3": "The header changes no other column of the rows.",
    "M3": "The column is as the steps declare it, and the database refuses and changes no value that the rule gives.",
    "M4": "The index that the steps declare serves every look-up by a value of the column.",
    "D1": "No row holds a value that the rule cannot give.",
}
"""What each claim says of any rollout; a file may word it otherwise."""


def required_ids(build: str) -> tuple[str, ...]:
    """What is required of a deployed build of the plan's rollout."""
    return plan.GATE_BEFORE if build == "before" else plan.GATE_AFTER


def claims_of(build: str, policy: str = STRICT.name, rollout: Rollout | None = None) -> tuple[Claim, ...]:
    """The claims required of a deployed build, as the policy words them, or the file of another rollout."""
    if rollout is not None and policy not in POLICIES and not is_plans(rollout):
        return _of_rollout(build, rollout.tables)
    worded = plan.claims_under(policy, (*plan.CLAIMS, *plan.MIGRATION_CLAIMS, *plan.GATE_CLAIMS))
    known = {
        claim.id: replace(claim, sentence=plan.GATE_SENTENCES.get(claim.id, claim.sentence))
        for claim in worded
    }
    return tuple(known[each] for each in required_ids(build))


def _of_rollout(build: str, tables: Tables) -> tuple[Claim, ...]:
    """Those that apply to the rollout, each in the file's words where it has some."""
    known = {claim.id: claim for claim in (*plan.CLAIMS, *plan.MIGRATION_CLAIMS, *plan.GATE_CLAIMS)}
    applying = frozenset(asked(tables))
    return tuple(_worded(known[name], tables) for name in required_ids(build) if name in applying)


def _worded(claim: Claim, tables: Tables) -> Claim:
    wording = tables.claims.get(claim.id)
    if wording is None:
        return Claim(claim.id, GENERIC[claim.id], "", "", claim.least)
    sentence = wording.sentence or GENERIC[claim.id]
    return Claim(claim.id, sentence, wording.quote, wording.section, wording.least or claim.least)
