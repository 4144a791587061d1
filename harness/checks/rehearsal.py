"""Judges a rehearsal: stalls against a budget, locks against prediction, runners, and the recovery from failures."""

from collections.abc import Sequence
from typing import Final

from harness import plan
from harness.rehearsal.lock_modes import LockMode, ObservedLocks
from harness.rehearsal.measurements import Measured
from harness.rehearsal.runner_results import Matrix, Way
from harness.rehearsal.scenario import ScenarioResult
from harness.verdict import Finding, Method, Results

STALL: Final = plan.STALL_CLAIM.id
RECOVERY: Final = plan.RECOVERY_CLAIM.id
LOCKS: Final = plan.LOCKS_CLAIM.id
RUNNER: Final = plan.RUNNER_CLAIM.id


def judge_stalls(results: Results, measured: Measured, budget_ms: float) -> None:
    """Judges M11: the longest latency of a write while the migration ran, counted from when it was due."""
    results.method(STALL, Method.MEASURED)
    writes = [sample for sample in measured.samples if sample.write]
    results.observed(STALL, len(writes))
    results.detail(
        STALL, f"longest {measured.stall_ms_max:.1f} ms of {budget_ms:g} ms, {measured.rows:,} rows"
    )
    condition = f"migration `{measured.approach.name}` on {measured.rows:,} rows"
    if measured.stall_ms_max > budget_ms:
        worst = max(measured.spans, key=lambda span: span.stall_ms_max(measured.samples))
        effect = (
            f"a write was held up for {measured.stall_ms_max:.0f} ms, more than the budget of {budget_ms:g} ms; "
            f"{worst.stall_ms_max(measured.samples):.0f} ms of it by: {worst.statement}"
        )
        workaround = "build the index with CONCURRENTLY, outside a transaction"
        results.refute(Finding(STALL, condition, effect, workaround=workaround))
    if measured.errors:
        results.refute(Finding(STALL, condition, f"{measured.errors} statements of the traffic failed"))


def judge_locks(results: Results, observations: Sequence[ObservedLocks]) -> None:
    """Judges M14: each prediction against pg_locks and against what another session was refused."""
    results.method(LOCKS, Method.EXHAUSTIVE)
    results.detail(LOCKS, f"{len(observations)} moments, {len(LockMode)} modes probed in each")
    for observation in observations:
        results.observed(LOCKS)
        if observation.mismatch:
            condition = f"{observation.case.name}, {observation.case.hold}"
            results.refute(Finding(LOCKS, condition, observation.mismatch))


def judge_agreement(results: Results, matrix: Matrix) -> None:
    """Judges M15; unknown where the real migrator is not to be had."""
    results.method(RUNNER, Method.EXHAUSTIVE)
    drizzle = [cell for cell in matrix.cells if cell.way is Way.DRIZZLE]
    missing = next((cell.skipped for cell in drizzle if cell.skipped), "")
    if missing:
        results.inconclusive(RUNNER, missing)
    results.observed(RUNNER, sum(not cell.skipped for cell in drizzle))
    if matrix.drizzle:
        results.detail(RUNNER, matrix.drizzle)
    for layout in matrix.disagreements():
        cells = [matrix.cell(layout, way) for way in (Way.DRIZZLE, Way.DRIZZLE_LIKE)]
        real, ours = (" then ".join(str(run) for run in (cell.first, cell.second) if run) for cell in cells)
        results.refute(Finding(RUNNER, f"layout `{layout}`", f"the real one: {real}; ours: {ours}"))


def judge_recovery(results: Results, scenario_results: Sequence[ScenarioResult]) -> None:
    """Judges M13; unknown when a scenario could not be run here."""
    results.method(RECOVERY, Method.EXHAUSTIVE)
    accepted = sum(result.accepted for result in scenario_results)
    results.detail(RECOVERY, f"{accepted:,} writes accepted meanwhile")
    for result in scenario_results:
        scenario = result.scenario
        if result.skipped:
            results.inconclusive(RECOVERY, f"{scenario.name} was not run: {result.skipped}")
            continue
        results.observed(RECOVERY)
        if result.problem:
            results.refute(Finding(RECOVERY, scenario.name, result.problem, workaround=scenario.advice))
