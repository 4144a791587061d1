"""Each database that harms a value is named by the claim and mended by its remedies; the harmless ones are not."""

import pytest

from harness.checks.gate_schema import values_are_left_as_they_are
from harness.checks.registry import run_check
from harness.database.declared import plan_store
from harness.database.drift import Drift
from harness.database.runners import connect
from harness.rehearsal.deployed.model import Deployed
from harness.rehearsal.deployed.values import DEFECTS, HARMLESS
from harness.run.gate_claims import claims_of
from harness.verdict import Judgement, Results, Status
from tests.differences import differences_of, effects_of, mend

pytestmark = pytest.mark.catalogue

TWICE = {"view-lowers"}
"""What the table in the view's place lacks is told once it is back."""


def make(dsn: str, deployed: Deployed) -> None:
    with connect(dsn) as connection:
        for statement in deployed.statements:
            connection.execute(statement.encode())


def judged(dsn: str) -> Judgement:
    results = Results(claims_of("after"))
    results.observed("M3")
    with connect(dsn) as connection:
        connection.read_only = True
        with connection.transaction():
            run_check(results, values_are_left_as_they_are, effects_of(connection), plan_store())
    return next(one for one in results.judgements() if one.claim.id == "M3")


def found(dsn: str) -> tuple[Drift, ...]:
    with connect(dsn) as connection:
        connection.execute("SET default_transaction_read_only = on")
        return differences_of(connection)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: one.name)
def test_a_fault_is_named_by_its_claim(ready_dsn: str, defect: Deployed) -> None:
    make(ready_dsn, defect)
    found_ = judged(ready_dsn)
    assert found_.status is Status.REFUTED, found_.detail
    assert all(one.workaround for one in found_.findings)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: one.name)
def test_a_fault_is_told_and_mended(ready_dsn: str, defect: Deployed) -> None:
    make(ready_dsn, defect)
    differences = found(ready_dsn)
    assert any(one.does for one in differences)
    mend(ready_dsn)
    if defect.name in TWICE:
        mend(ready_dsn)
    assert [one.line for one in found(ready_dsn)] == []


@pytest.mark.parametrize("variant", HARMLESS, ids=lambda one: one.name)
def test_a_harmless_variant_is_not_refuted(ready_dsn: str, variant: Deployed) -> None:
    make(ready_dsn, variant)
    found_ = judged(ready_dsn)
    assert found_.status is Status.PROVEN, found_.findings


def test_the_migration_alone_has_no_effects(ready_dsn: str) -> None:
    assert judged(ready_dsn).detail == ""
    assert found(ready_dsn) == ()
