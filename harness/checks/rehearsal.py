"""Judges what the laboratory saw: stalls against a budget, locks against prediction, runners, and ways out of traps."""

from collections.abc import Sequence
from typing import Final

from harness import plan
from harness.rehearsal.locks import Locked, Mode
from harness.rehearsal.matrix import Matrix, Way
from harness.rehearsal.stalls import Measured
from harness.rehearsal.trap_pack import Sprung
from harness.verdict import Docket, Finding, Method

STALL: Final = plan.STALL_CLAIM.id
RECOVERY: Final = plan.RECOVERY_CLAIM.id
LOCKS: Final = plan.LOCKS_CLAIM.id
RUNNER: Final = plan.RUNNER_CLAIM.id


def judge_stalls(docket: Docket, measured: Measured, budget_ms: float) -> None:
    """Judges M11: the longest latency of a write while the migration ran, counted from when it was due."""
    docket.by(STALL, Method.MEASURED)
    writes = [one for one in measured.samples if one.write]
    docket.saw(STALL, len(writes))
    docket.note(STALL, f"longest {measured.stall_ms_max:.1f} ms of {budget_ms:g} ms, {measured.rows:,} rows")
    condition = f"migration `{measured.approach.name}` on {measured.rows:,} rows"
    if measured.stall_ms_max > budget_ms:
        worst = max(measured.spans, key=lambda span: span.stall_ms_max(measured.samples))
        effect = (
            f"a write was held up for {measured.stall_ms_max:.0f} ms, more than the budget of {budget_ms:g} ms; "
            f"{worst.stall_ms_max(measured.samples):.0f} ms of it by: {worst.statement}"
        )
        workaround = "build the index with CONCURRENTLY, outside a transaction"
        docket.refute(Finding(STALL, condition, effect, workaround=workaround))
    if measured.errors:
        docket.refute(Finding(STALL, condition, f"{measured.errors} statements of the traffic failed"))


def judge_locks(docket: Docket, seen: Sequence[Locked]) -> None:
    """Judges M14: each prediction against pg_locks and against what another session was refused."""
    docket.by(LOCKS, Method.EXHAUSTIVE)
    docket.note(LOCKS, f"{len(seen)} moments, {len(Mode)} modes probed in each")
    for one in seen:
        docket.saw(LOCKS)
        if one.mismatch:
            docket.refute(Finding(LOCKS, f"{one.case.name}, {one.case.hold}", one.mismatch))


def judge_agreement(docket: Docket, matrix: Matrix) -> None:
    """Judges M15; unknown where the real migrator is not to be had."""
    docket.by(RUNNER, Method.EXHAUSTIVE)
    real = [cell for cell in matrix.cells if cell.way is Way.DRIZZLE]
    missing = next((cell.skipped for cell in real if cell.skipped), "")
    if missing:
        docket.lack(RUNNER, missing)
    docket.saw(RUNNER, sum(not cell.skipped for cell in real))
    if matrix.drizzle:
        docket.note(RUNNER, matrix.drizzle)
    for layout in matrix.disagreements():
        cells = [matrix.cell(layout, way) for way in (Way.DRIZZLE, Way.DRIZZLE_LIKE)]
        told = [" then ".join(one.words for one in (cell.first, cell.again) if one) for cell in cells]
        docket.refute(Finding(RUNNER, f"layout `{layout}`", f"the real one: {told[0]}; ours: {told[1]}"))


def judge_traps(docket: Docket, sprung: Sequence[Sprung]) -> None:
    """Judges M13; unknown when a trap could not be sprung here."""
    docket.by(RECOVERY, Method.EXHAUSTIVE)
    docket.note(RECOVERY, f"{sum(one.accepted for one in sprung):,} writes accepted meanwhile")
    for one in sprung:
        if one.skipped:
            docket.lack(RECOVERY, f"{one.trap.name} was not sprung: {one.skipped}")
            continue
        docket.saw(RECOVERY)
        if one.problem:
            docket.refute(Finding(RECOVERY, one.trap.name, one.problem, workaround=one.trap.advice))
