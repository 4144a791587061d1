"""Locks that the steps of any rollout are predicted to take, and what was seen in their place."""

import pytest

from harness.checks.step_locks import StepLock, steps_lock_as_predicted
from harness.rehearsal.lock_modes import LockMode
from harness.rehearsal.own.lock_prediction import PredictedLock, predicted_lock
from harness.verdict import Finding

EXCLUSIVE = LockMode.ACCESS_EXCLUSIVE


@pytest.mark.parametrize(
    ("statement", "mode"),
    [
        ("ALTER TABLE t ADD COLUMN c text;", EXCLUSIVE),
        ('-- why\nALTER TABLE ONLY public."t" ADD c numeric(3, 1), DROP d;', EXCLUSIVE),
        ("ALTER TABLE t ALTER COLUMN c SET NOT NULL", EXCLUSIVE),
        ("ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0) NOT VALID", EXCLUSIVE),
        ("ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (c) REFERENCES u", LockMode.SHARE_ROW_EXCLUSIVE),
        ("ALTER TABLE t VALIDATE CONSTRAINT k", LockMode.SHARE_UPDATE_EXCLUSIVE),
        ("CREATE INDEX CONCURRENTLY i ON t (c)", LockMode.SHARE_UPDATE_EXCLUSIVE),
        ("CREATE UNIQUE INDEX IF NOT EXISTS i ON t USING hash (c)", LockMode.SHARE),
        ("UPDATE t SET c = 1", LockMode.ROW_EXCLUSIVE),
        ("ALTER TABLE t SET (fillfactor = 70)", None),
        ("ALTER TABLE t ADD c text, SET (fillfactor = 70)", None),
        ("ALTER TABLE another ADD COLUMN c text", None),
        ("CREATE INDEX i ON another (t)", None),
        ("SET lock_timeout = '2s'", None),
    ],
)
def test_lock_of_a_statement_is_predicted(statement: str, mode: LockMode | None) -> None:
    assert predicted_lock(statement, ("t",)) == (None if mode is None else PredictedLock("t", mode))


@pytest.mark.parametrize("seen", [None, LockMode.SHARE, EXCLUSIVE], ids=str)
def test_another_lock_than_the_predicted_one_is_a_finding(seen: LockMode | None) -> None:
    locks = [StepLock("ALTER TABLE t ADD c text", PredictedLock("t", EXCLUSIVE), seen)]
    found = [outcome for outcome in steps_lock_as_predicted(locks) if isinstance(outcome, Finding)]
    assert [finding.effect for finding in found] == (
        [] if seen is EXCLUSIVE else [f"it takes {seen or 'no lock'} on t, not ACCESS EXCLUSIVE"]
    )
