"""Which claims a proof must judge of a rollout that is not the plan's, and what they say of any; light.

A file may word a claim otherwise, and gives it its quote. What does not apply to a rollout, as its file has no index or
no identities, is not asked; what applies and is judged by other commands, or for the plan's rollout alone, is told.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from harness import plan
from harness.database.asked_claims import asked_of, not_asked_of
from harness.rollout import Rollout
from harness.rollout.claims import sentence_of, worded
from harness.rule.level import Level
from harness.stages.of_rollout import model_of, plan_order_of
from harness.stages.orders import ONE_ROLL_BACK, OrderGraph
from harness.verdict import Claim

PROVEN: Final = (
    *("V1", "V2", "V3", "V4", "V5", "V6", "V7", "C1", "C2", "C3", "I1", "I2", "R1", "R2"),
    *("M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "O1", "O2", "O3", "O4", "O5"),
    *("E1", "E2", "E3", "E4", "E5", "E7"),
)
"""What a proof judges of any rollout, in this order."""
ELSEWHERE: Final = {
    "harness gate": ("V8", "V9", "V10", "R3", "D1"),
    "harness rehearse": ("M11", "M13", "M14"),
    "harness check": ("F1", "F2", "F3", "F4", "F7", "F8"),
    "harness selftest": ("S1", "S2"),
    "of the default rollout alone, whose layouts of migration files are known": ("M15",),
    "of the default rollout alone, whose analytics package is run": ("E6",),
    "of the default rollout alone, whose sentences are looked at by code of their own": ("A0",),
}
"""By whom what no proof of any rollout judges is judged."""
PER_STEP: Final = 6
"""Requests that are held across a step at the least."""
RULE_LEAST: Final = 100
LOCKS: Final = 24
"""Of one build: eight modes in each of its three waits."""
WRITES_LEAST: Final = 20
_COUNTED_HERE: Final = frozenset(("E5", "M6", "M10"))


def rollout_claims(rollout: Rollout, level: Level) -> tuple[Claim, ...]:
    """Those that apply at a level, in the file's words where it has some."""
    applying = frozenset(asked_of(rollout))
    least = _least(rollout, level)
    later = {"O2", "R2"} if level is Level.SMOKE else set()
    later |= set() if level is Level.EXHAUSTIVE else {"O5"}
    known = {claim.id: claim.least for claim in (*plan.CLAIMS, *plan.ORDER_CLAIMS, plan.EXPLORATION_CLAIM)}
    return tuple(
        _worded(Claim(name, sentence_of(name), "", "", least.get(name, known.get(name, 1))), rollout)
        for name in PROVEN
        if name in applying | {"R2"} and name not in later
    )


def remarks(rollout: Rollout) -> Iterator[str]:
    """Which claims do not apply, with the reasons; and which do, but are not judged by a proof of this rollout."""
    reasons = [f"{' '.join(names)} ({reason})" for names, reason in not_asked_of(rollout)]
    if reasons:
        yield f"not asked of rollout {rollout.name}: {'; '.join(reasons)}"
    yield f"not judged by prove: {'; '.join(elsewhere(rollout))}"


def elsewhere(rollout: Rollout) -> Iterator[str]:
    """The claims that apply and are no proof's, by who judges them."""
    applying = frozenset(asked_of(rollout))
    for by, names in ELSEWHERE.items():
        if own := [name for name in names if name in applying]:
            yield f"{' '.join(own)} ({by})"


def _least(rollout: Rollout, level: Level) -> dict[str, int]:
    model = model_of(rollout)
    steps = plan_order_of(rollout, model).steps
    found = {"O1": 2 * len(steps) + 1, "O3": PER_STEP * len(steps), "O2": OrderGraph(model).count}
    if level is Level.EXHAUSTIVE:
        found["O5"] = OrderGraph(model, ONE_ROLL_BACK).count
    cases = len(rollout.tables.client.cases) if rollout.tables.client else 1
    prepared = 2 if rollout.tables.reference.view else 1  # the old backend's INSERT, and a SELECT on the view
    return found | {
        "V7": RULE_LEAST,
        "M8": WRITES_LEAST,
        "M9": 1,
        "M6": LOCKS,
        "M10": 2,
        "E5": cases,
        "C3": prepared,
    }


def _worded(claim: Claim, rollout: Rollout) -> Claim:
    found = worded(claim, rollout.tables)
    if claim.id == "M10":  # the plan words it of one file that none of its steps is
        found = replace(found, sentence=claim.sentence)
    # A file that extends the plan's has what the plan's own checks need: what is looked at here is less.
    return replace(found, least=claim.least) if claim.id in _COUNTED_HERE else found
