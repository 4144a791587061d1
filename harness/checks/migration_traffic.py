"""Judges what a migration does to others: to writers, by its locks; and what a transaction does to it. Pure."""

from collections.abc import Sequence
from typing import Final

from harness import plan
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check
from harness.database.schema_state import SchemaState
from harness.database.sqlstate import named
from harness.rehearsal.lock_modes import Access, LockMode
from harness.rehearsal.measurements import Sample
from harness.rehearsal.migration_evidence import BuildLocks, MigratedTraffic
from harness.rehearsal.runner_results import Matrix, RunOutcome, Way
from harness.verdict import Finding, Method

BUILD, MIGRATED, ROLLED_BACK, PLAN_FILE, PLANNED_RUNNER = "M6", "M8", "M9", "M10", "M12"

KEPT_OUT: Final = (Access.READ, Access.INSERT, Access.UPDATE)
WORKAROUND: Final = "apply up/0005a and 0005b, each statement by itself"
_AUDITED: Final = next(
    workaround for claim, _, workaround in plan.MIGRATION_AUDIT if claim.id == PLANNED_RUNNER
)


@check(BUILD, over=BuildLocks, evidence=Method.EXHAUSTIVE)
def build_keeps_nobody_out(locks: BuildLocks) -> Outcomes:
    """M6: whom each statement that builds an index keeps out."""
    if locks.unknown:
        yield Inconclusive(BUILD, locks.unknown)
        return
    for observation in locks.observed:
        yield Observed(BUILD, len(LockMode))
        yield Detail(BUILD, f"{observation.case.hold}: {observation.strongest}")
        kept_out = [access for access in observation.blocks if access in KEPT_OUT]
        if kept_out:
            effect = f"{', '.join(observation.held)} held; kept out: {', '.join(kept_out)}"
            condition = f"migration `{locks.migration}`, {observation.case.name} {observation.case.hold}"
            yield Finding(BUILD, condition, effect, workaround=WORKAROUND)


@check(MIGRATED, ROLLED_BACK, over=MigratedTraffic, evidence=Method.MEASURED)
def writers_are_served(traffic: MigratedTraffic) -> Outcomes:
    """M8 and M9. Only a migration that ends in state `ready` is rolled back; else M9 cannot be judged."""
    if traffic.state is SchemaState.READY:
        for error in traffic.rollback_errors:
            yield Finding(ROLLED_BACK, "under writers", error)
        view = traffic.view_refused
        yield Detail(ROLLED_BACK, f"view refused ({view})" if view else "the view read the column")
    else:
        yield Inconclusive(ROLLED_BACK, f"the migration ended in state {traffic.state}")
    migration, rollback = f"migration `{traffic.migration}`", f"rollback of `{traffic.migration}`"
    yield from judge_writes(MIGRATED, traffic.writes, migration, WORKAROUND)
    yield from judge_writes(ROLLED_BACK, traffic.rollback_writes, rollback, WORKAROUND)
    lost = traffic.accepted - traffic.kept
    if lost > 0:
        effect = f"{lost} of {traffic.accepted} accepted writes lack a row"
        yield Finding(MIGRATED, migration, effect)
    if not traffic.is_as_before:
        effect = "columns, indexes or the view are not what they were"
        yield Finding(ROLLED_BACK, rollback, effect)


def judge_writes(claim: str, writes: Sequence[Sample], condition: str, workaround: str) -> Outcomes:
    """Each write is to be accepted; the longest is told."""
    failed = [sample.sqlstate for sample in writes if sample.sqlstate is not None]
    yield Observed(claim, len(writes))
    if writes:
        longest = max(sample.latency_ms for sample in writes)
        yield Detail(claim, f"{len(writes)} writes, the longest {longest:.0f} ms")
    for sqlstate in sorted(set(failed)):
        effect = f"{failed.count(sqlstate)} of {len(writes)} writes failed with {named(sqlstate)}"
        yield Finding(claim, condition, effect, workaround=workaround)


@check(PLAN_FILE, PLANNED_RUNNER, over=Matrix, evidence=Method.EXHAUSTIVE)
def plan_file_is_applied_or_refused(matrix: Matrix) -> Outcomes:
    """M10 and M12: the plan's own file, sent in each way."""
    for cell in matrix.cells:
        first, summary = cell.first, cell.layout.summary
        assert first is not None
        yield Observed(PLAN_FILE)
        yield Detail(PLAN_FILE, f"{cell.way}: {first}")
        expected = (RunOutcome.APPLIED, None) if cell.way is Way.STATEMENTS else (RunOutcome.REFUSED, "25001")
        if (first.outcome, first.sqlstate) != expected:
            effect = f"{first}, expected {expected[0]} {expected[1] or ''}".strip()
            yield Finding(PLAN_FILE, f"{summary}, by {cell.way}", effect)
        if cell.way is Way.DRIZZLE_LIKE:
            yield Observed(PLANNED_RUNNER)
            yield Detail(PLANNED_RUNNER, "in one transaction over all pending files, as drizzle-orm does")
            if first.outcome is not RunOutcome.APPLIED:
                effect = f"{first}: {first.message}"
                yield Finding(PLANNED_RUNNER, summary, effect, workaround=_AUDITED)
