"""Judges a rehearsal: stalls against a budget, locks against prediction, runners, and the recovery from failures."""

from collections.abc import Sequence
from typing import Final

from harness import plan
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check
from harness.rehearsal.lock_modes import LockMode, ObservedLocks
from harness.rehearsal.measurements import Measured
from harness.rehearsal.runner_results import Matrix, Way
from harness.rehearsal.scenario import ScenarioResult
from harness.verdict import Finding, Method

STALL: Final = plan.STALL_CLAIM.id
RECOVERY: Final = plan.RECOVERY_CLAIM.id
LOCKS: Final = plan.LOCKS_CLAIM.id
RUNNER: Final = plan.RUNNER_CLAIM.id


@check(STALL, evidence=Method.MEASURED)
def stalls_are_within_the_budget(measured: Measured, budget_ms: float) -> Outcomes:
    """M11: the longest latency of a write while the migration ran, counted from when it was due."""
    writes = [sample for sample in measured.samples if sample.write]
    yield Observed(STALL, len(writes))
    yield Detail(STALL, f"longest {measured.stall_ms_max:.1f} ms of {budget_ms:g} ms, {measured.rows:,} rows")
    condition = f"migration `{measured.approach.name}` on {measured.rows:,} rows"
    if measured.stall_ms_max > budget_ms:
        worst = max(measured.spans, key=lambda span: span.stall_ms_max(measured.samples))
        effect = (
            f"a write was held up for {measured.stall_ms_max:.0f} ms, more than the budget of {budget_ms:g} ms; "
            f"{worst.stall_ms_max(measured.samples):.0f} ms of it by: {worst.statement}"
        )
        workaround = "build the index with CONCURRENTLY, outside a transaction"
        yield Finding(STALL, condition, effect, workaround=workaround)
    if measured.errors:
        yield Finding(STALL, condition, f"{measured.errors} statements of the traffic failed")


@check(LOCKS, evidence=Method.EXHAUSTIVE)
def locks_are_as_predicted(observations: Sequence[ObservedLocks]) -> Outcomes:
    """M14: each prediction against pg_locks and against what another session was refused."""
    yield Detail(LOCKS, f"{len(observations)} moments, {len(LockMode)} modes probed in each")
    for observation in observations:
        yield Observed(LOCKS)
        if observation.mismatch:
            condition = f"{observation.case.name}, {observation.case.hold}"
            yield Finding(LOCKS, condition, observation.mismatch)


@check(RUNNER, evidence=Method.EXHAUSTIVE)
def runners_agree(matrix: Matrix) -> Outcomes:
    """M15; unknown where the real migrator is not to be had."""
    drizzle = [cell for cell in matrix.cells if cell.way is Way.DRIZZLE]
    missing = next((cell.skipped for cell in drizzle if cell.skipped), "")
    if missing:
        yield Inconclusive(RUNNER, missing)
    yield Observed(RUNNER, sum(not cell.skipped for cell in drizzle))
    if matrix.drizzle:
        yield Detail(RUNNER, matrix.drizzle)
    for layout in matrix.disagreements():
        cells = [matrix.cell(layout, way) for way in (Way.DRIZZLE, Way.DRIZZLE_LIKE)]
        real, ours = (" then ".join(str(run) for run in (cell.first, cell.second) if run) for cell in cells)
        yield Finding(RUNNER, f"layout `{layout}`", f"the real one: {real}; ours: {ours}")


@check(RECOVERY, evidence=Method.EXHAUSTIVE)
def failures_are_recovered_from(scenario_results: Sequence[ScenarioResult]) -> Outcomes:
    """M13; unknown when a scenario could not be run here."""
    accepted = sum(result.accepted for result in scenario_results)
    yield Detail(RECOVERY, f"{accepted:,} writes accepted meanwhile")
    for result in scenario_results:
        scenario = result.scenario
        if result.skipped:
            yield Inconclusive(RECOVERY, f"{scenario.name} was not run: {result.skipped}")
            continue
        yield Observed(RECOVERY)
        if result.problem:
            yield Finding(RECOVERY, scenario.name, result.problem, workaround=scenario.advice)
