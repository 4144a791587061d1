"""Judges what the SQL steps of any rollout made of a filled database, and what is left of them taken back. Pure."""

from harness.checks.migration import (
    COLUMN,
    NO_REWRITE,
    SIZE,
    UNTOUCHED,
    as_declared,
    not_rewritten,
    untouched,
)
from harness.checks.migration_traffic import MIGRATED, judge_writes
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check
from harness.rehearsal.migration_evidence import AppliedSteps, ServedWriters
from harness.verdict import Finding, Method

TAKEN_BACK = "M9"
CONDITION = "the steps of the rollout, each statement by itself"


@check(UNTOUCHED, NO_REWRITE, over=AppliedSteps, evidence=Method.EXHAUSTIVE)
def steps_leave_the_rows_as_they_were(steps: AppliedSteps) -> Outcomes:
    """M1 and M2: old columns hold what they held, and no table's file was written again."""
    yield from untouched(UNTOUCHED, steps.tables, CONDITION)
    yield from not_rewritten(steps.tables, steps.rows, CONDITION)


@check(COLUMN, over=AppliedSteps, evidence=Method.EXHAUSTIVE)
def steps_make_the_column_as_declared(steps: AppliedSteps) -> Outcomes:
    """M3: no step is refused, and the column is nullable, of the declared type, without a default."""
    condition = f"{CONDITION} {steps.refused}".rstrip()
    yield from as_declared(COLUMN, steps.declared, steps.difference, condition)


@check(SIZE, over=AppliedSteps, evidence=Method.MEASURED)
def row_without_a_value_grows_by_nothing(steps: AppliedSteps) -> Outcomes:
    """M7: what a row holds behind its header is no bigger than before where there is no value."""
    yield Observed(SIZE)
    before, now = steps.row_bytes_before, steps.row_bytes_after
    yield Detail(SIZE, f"a row without a value takes {now} bytes, {before} before")
    if now > before:
        yield Finding(SIZE, CONDITION, f"a row without a value takes {now} bytes, {before} before")


@check(TAKEN_BACK, over=AppliedSteps, evidence=Method.EXHAUSTIVE)
def steps_are_taken_back_without_a_trace(steps: AppliedSteps) -> Outcomes:
    """M9: the files that take the steps back leave the schema as it was, and the rows."""
    if not steps.taken_back:
        yield Inconclusive(TAKEN_BACK, steps.refused or "a step has no file that takes it back")
        return
    condition = f"{CONDITION}, then taken back, the last one first"
    yield from untouched(TAKEN_BACK, steps.tables_left, condition)
    if steps.left or steps.refused:
        yield Finding(TAKEN_BACK, condition, steps.refused or steps.left[0])


@check(MIGRATED, over=ServedWriters, evidence=Method.MEASURED)
def writers_of_both_builds_are_served(served: ServedWriters) -> Outcomes:
    """M8: while the steps are applied no write fails, and each that was accepted has all its rows."""
    condition = f"{CONDITION}, under writers of both builds"
    if served.refused:
        yield Inconclusive(MIGRATED, served.refused)
    yield from judge_writes(MIGRATED, served.writes, condition, "")
    if served.kept < served.accepted:
        effect = f"{served.accepted - served.kept} of {served.accepted} accepted writes lack a row"
        yield Finding(MIGRATED, condition, effect)
