"""Checks that are registered: a claim of one's own is judged, reported, refuted, and held to what it names."""

import subprocess
import sys

import pytest

from harness.checks.registry import (
    _BY_TYPE,
    Detail,
    Inconclusive,
    Observed,
    Outcomes,
    brought_claims,
    check,
    checks_over,
    run_checks,
)
from harness.checks.row_checks import CheckedExchange, judge_rows
from harness.report.junit import to_junit
from harness.rule.policy import STRICT
from harness.rule.suite import Level
from harness.run.proof_claims import claims_of
from harness.verdict import Claim, Finding, Method, Results, Status
from tests.checks.test_compatibility import good
from tests.fix_checks import registered_for_now
from tests.report.sample import report

OWN = Claim("X1", "A user's id has no space in it.", "our own rule", "ours", least=4)


pytestmark = pytest.mark.usefixtures("own_registry")


def register(refused: str = " ") -> None:
    @check(OWN, over=CheckedExchange, evidence=Method.EXHAUSTIVE)
    def no_space(exchange: CheckedExchange) -> Outcomes:
        for row in exchange.observation.rows:
            is_bad = refused in (row.user or "")
            yield "X1", Finding("X1", "any request", f"the user is {row.user}") if is_bad else None


@pytest.mark.parametrize(("refused", "status"), [(" ", Status.PROVEN), ("user-1", Status.REFUTED)])
def test_claim_of_ones_own_stands_in_results_and_report(refused: str, status: Status) -> None:
    register(refused)
    results = Results(claims_of(Level.SMOKE))
    judge_rows(results, good(), STRICT)
    judgements = {judgement.id: judgement for judgement in results.judgements()}
    own = judgements["X1"]
    assert (own.sentence, own.status, own.method, own.observed) == (
        OWN.sentence,
        status,
        Method.EXHAUSTIVE,
        8,
    )
    assert judgements["R1"].status is Status.PROVEN
    page = to_junit(report(own)).decode()
    assert OWN.sentence in page
    assert ("the user is user-1" in page) is (status is Status.REFUTED)


def test_claim_without_evidence_is_unknown() -> None:
    register()
    assert brought_claims() == (OWN,)
    own = next(one for one in Results(claims_of(Level.SMOKE)).judgements() if one.id == "X1")
    assert own.status is Status.UNKNOWN


def test_claims_that_are_not_asked_for_are_passed_over() -> None:
    register("user-1")
    results = Results(tuple(claim for claim in claims_of(Level.SMOKE) if claim.id == "R1"))
    judge_rows(results, good(), STRICT)
    assert [one.status for one in results.judgements()] == [Status.PROVEN]


def test_every_kind_of_outcome_enters_the_results() -> None:
    @check(OWN, over=int)
    def outcomes(number: int) -> Outcomes:
        yield Observed("X1", number)
        yield Detail("X1", "counted")
        yield Inconclusive("X1", "cut short")

    results = Results((OWN,))
    run_checks(results, [5, 2])
    (own,) = results.judgements()
    assert (own.observed, own.detail, own.status) == (7, "cut short; counted", Status.UNKNOWN)


def test_check_that_yields_another_claim_is_refused() -> None:
    @check(OWN, over=int)
    def strays(_: int) -> Outcomes:
        yield "V1", None

    with pytest.raises(ValueError, match=r"strays is a check of X1, not of V1"):
        run_checks(Results((OWN,)), [1])


def test_checks_of_a_module_nobody_imported_are_found() -> None:
    program = (
        "from harness.rehearsal.migration_evidence import BuildLocks; from harness.checks.registry import run_checks;"
        "from harness.verdict import Results, Claim; results = Results((Claim('M6', 'x', '', ''),));"
        "run_checks(results, [BuildLocks('any', (), 'not looked at')]); print(results.judgements()[0].detail)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "not looked at" in ended.stdout


def test_checks_over_one_type_are_in_one_module() -> None:
    """Else one module could be imported without the other, and its checks be passed over."""
    with registered_for_now():
        for kind in list(_BY_TYPE):
            modules = {each.function.__module__ for each in checks_over(kind)}
            assert len(modules) == 1, (kind, modules)


def test_evidence_that_nobody_checks_is_refused() -> None:
    with pytest.raises(LookupError, match="no check is over float"):
        run_checks(Results((OWN,)), [1.5])


def test_claim_is_brought_by_one_check_only() -> None:
    register()
    with pytest.raises(ValueError, match="'X1' was brought by another check"):
        register()
    with pytest.raises(ValueError, match="at least one claim"):
        check(over=int)


def test_what_is_registered_for_now_is_forgotten() -> None:
    with registered_for_now():
        register()
        assert len(checks_over(CheckedExchange)) == 4
    assert brought_claims() == ()


OF_MIGRATION = """
import harness.run.migration
from harness.checks.registry import checks_over
from harness.rehearsal.index_evidence import BuiltIndexes
from harness.rehearsal.migration_evidence import *
from harness.rehearsal.runner_results import Matrix
judged = (AppliedSteps, ServedWriters, BuiltIndexes, BuildLocks, MigratedSchema, MigratedTraffic, Matrix)
print([kind.__name__ for kind in judged if not checks_over(kind)])
"""


def test_a_migration_finds_its_checks_where_they_are() -> None:
    """Where a check is missing, all modules of checks are imported, and with them the parser of a checkout."""
    ended = subprocess.run([sys.executable, "-c", OF_MIGRATION], capture_output=True, text=True, check=True)

    assert ended.stdout == "[]\n"
