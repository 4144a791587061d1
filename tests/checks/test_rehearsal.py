"""What the laboratory saw, judged: each claim can be refuted, and is unknown where something was not to be had."""

from dataclasses import replace

import pytest

from harness import plan
from harness.checks.registry import run_check
from harness.checks.rehearsal import (
    failures_are_recovered_from,
    locks_are_as_predicted,
    runners_agree,
    stalls_are_within_the_budget,
)
from harness.database.schema_state import SchemaState
from harness.rehearsal.approaches import CORRECTED
from harness.rehearsal.concurrent_build import PLAN_BUILD
from harness.rehearsal.failures import scenarios_of
from harness.rehearsal.layouts import LAYOUTS
from harness.rehearsal.lock_modes import CONFLICTS, LockMode, ObservedLocks
from harness.rehearsal.locks import CASES
from harness.rehearsal.measurements import Measured, Sample, Span
from harness.rehearsal.runner_results import Attempt, Cell, Matrix, Way
from harness.rehearsal.scenario import ScenarioResult
from harness.verdict import Judgement, Results, Status

REFUSED = Attempt(SchemaState.BASE, SchemaState.BASE, "25001", "no", ())
READY = (SchemaState.READY, SchemaState.READY)


def judged(results: Results) -> Judgement:
    (judgement,) = results.judgements()
    return judgement


def measured(longest_ms: float, sqlstate: str | None = None) -> Measured:
    samples = [Sample(at, at + 1, write=True, sqlstate=None) for at in range(0, 1000, 5)]
    samples.append(Sample(500, 500 + longest_ms, write=True, sqlstate=sqlstate))
    spans = (Span("ALTER TABLE", 400, 410, 0, None), Span("CREATE INDEX", 410, 700, 0, None))
    return Measured(CORRECTED, 1000, spans, tuple(samples), 1)


@pytest.mark.parametrize(("longest_ms", "status"), [(100, Status.PROVEN), (100.1, Status.REFUTED)])
def test_stall_is_refuted_above_the_budget_only(longest_ms: float, status: Status) -> None:
    results = Results((plan.STALL_CLAIM,))
    run_check(results, stalls_are_within_the_budget, measured(longest_ms), 100)
    assert judged(results).status is status
    if status is Status.REFUTED:
        assert "100 ms of it by: CREATE INDEX" in judged(results).findings[0].effect


def test_stall_is_refuted_when_the_traffic_failed() -> None:
    results = Results((plan.STALL_CLAIM,))
    run_check(results, stalls_are_within_the_budget, measured(1, "57014"), 100)
    assert judged(results).findings[0].effect == "1 statements of the traffic failed"


def test_locks_are_refuted_by_one_that_is_not_as_predicted() -> None:
    seen = [ObservedLocks(one, (one.predicted,), CONFLICTS[one.predicted], 0) for one in CASES]
    results = Results((plan.LOCKS_CLAIM,))
    run_check(results, locks_are_as_predicted, seen)
    assert judged(results).status is Status.PROVEN
    results = Results((plan.LOCKS_CLAIM,))
    run_check(results, locks_are_as_predicted, [*seen[1:], replace(seen[0], held=(LockMode.SHARE,))])
    assert judged(results).findings[0].effect == "predicted ACCESS EXCLUSIVE, held SHARE"


def test_agreement_is_refuted_by_one_layout() -> None:
    cells = [
        Cell(layout, way, REFUSED, REFUSED) for layout in LAYOUTS for way in (Way.DRIZZLE_LIKE, Way.DRIZZLE)
    ]
    results = Results((plan.RUNNER_CLAIM,))
    run_check(results, runners_agree, Matrix(tuple(cells), "drizzle-orm 1"))
    assert judged(results).status is Status.PROVEN
    cells[-1] = replace(cells[-1], second=replace(REFUSED, after=SchemaState.COLUMN))
    results = Results((plan.RUNNER_CLAIM,))
    run_check(results, runners_agree, Matrix(tuple(cells), "drizzle-orm 1"))
    assert "refused 25001 then half done 25001, column" in judged(results).findings[0].effect
    skipped = [replace(one, skipped="no npm") if one.way is Way.DRIZZLE else one for one in cells]
    results = Results((plan.RUNNER_CLAIM,))
    run_check(results, runners_agree, Matrix(tuple(skipped), ""))
    assert judged(results).status is Status.UNKNOWN
    assert judged(results).detail.startswith("no npm")


def test_recovery_is_refuted_by_a_problem_unknown_by_a_skip() -> None:
    scenario_results = [
        ScenarioResult(scenarios_of(PLAN_BUILD)[0], ("a note",), READY, 10, 10, ()) for _ in range(6)
    ]
    results = Results((plan.RECOVERY_CLAIM,))
    run_check(results, failures_are_recovered_from, scenario_results)
    assert judged(results).status is Status.PROVEN
    results = Results((plan.RECOVERY_CLAIM,))
    wrong = replace(scenario_results[0], problem="it ended in invalid")
    run_check(results, failures_are_recovered_from, [*scenario_results, wrong])
    assert judged(results).findings[0].effect == "it ended in invalid"
    results = Results((plan.RECOVERY_CLAIM,))
    run_check(
        results,
        failures_are_recovered_from,
        [*scenario_results, replace(scenario_results[0], skipped="no server")],
    )
    assert judged(results).status is Status.UNKNOWN
