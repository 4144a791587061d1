"""Judges the locks that the SQL steps of any rollout take on its tables, against what is predicted. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from harness.checks.registry import Detail, Observed, Outcomes, check
from harness.rehearsal.lock_modes import LockMode
from harness.rehearsal.own.lock_prediction import PredictedLock
from harness.verdict import Finding, Method

LOCKS: Final = "M14"


class StepLock(NamedTuple):
    """One statement."""

    statement: str
    """In one short line."""
    predicted: PredictedLock
    seen: LockMode | None
    """The strongest on that table; None where it took none."""


@check(LOCKS, evidence=Method.EXHAUSTIVE)
def steps_lock_as_predicted(locks: Sequence[StepLock]) -> Outcomes:
    """M14: the strongest lock of each statement on the rollout's table."""
    yield Detail(LOCKS, f"{len(locks)} statements")
    for statement, predicted, seen in locks:
        yield Observed(LOCKS)
        if seen is not predicted.mode:
            effect = f"it takes {seen or 'no lock'} on {predicted.table}, not {predicted.mode}"
            yield Finding(LOCKS, f"{statement}, on the schema without rows", effect)
