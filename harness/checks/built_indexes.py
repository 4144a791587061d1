"""Judges the indexes that the steps of any rollout build: what is there, and who is kept out meanwhile. Pure."""

from typing import Final

from harness.checks.migration import INDEX, LOOK_UP
from harness.checks.migration_traffic import BUILD, KEPT_OUT, PLAN_FILE
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check
from harness.rehearsal.index_evidence import BuiltIndexes
from harness.rehearsal.lock_modes import NEEDS, LockMode
from harness.verdict import Finding, Method

IN_TRANSACTION: Final = "25001"
"""active_sql_transaction: what must not run within one."""
WORKAROUND: Final = (
    "build it with CREATE INDEX CONCURRENTLY in a file of its own, each statement sent by itself"
)


@check(INDEX, over=BuiltIndexes, evidence=Method.EXHAUSTIVE)
def indexes_are_as_declared(indexes: BuiltIndexes) -> Outcomes:
    """M4: each index that a step builds is valid, ready and live; that of the column is the declared one."""
    if indexes.refused:
        yield Inconclusive(INDEX, indexes.refused)
        return
    for built in indexes.built:
        yield Observed(INDEX)
        yield Detail(INDEX, built.found.describe() if built.found else f"there is no index {built.name}")
        declared = indexes.declared
        is_other = declared is not None and declared.name == built.name and built.found != declared
        if built.found is None or not built.found.is_usable or is_other:
            effect = built.found.describe() if built.found else f"there is no index {built.name}"
            expected = declared.describe() if is_other and declared else "valid, ready, live"
            yield Finding(INDEX, f"{built.file}, after all steps", f"{effect}; expected {expected}")


@check(LOOK_UP, over=BuiltIndexes, evidence=Method.EXHAUSTIVE)
def look_up_is_answered_from_the_index(indexes: BuiltIndexes) -> Outcomes:
    """M5: rows with a value are found by the declared index."""
    if indexes.refused or indexes.declared is None:
        yield Inconclusive(LOOK_UP, indexes.refused or "no plain index on the column is declared")
        return
    yield Observed(LOOK_UP)
    yield Detail(LOOK_UP, f"{indexes.valued_rows:,} rows with a value")
    if indexes.found_by != (indexes.declared.name,):
        effect = f"the planner uses {', '.join(indexes.found_by) or 'no index'}"
        yield Finding(LOOK_UP, f"a look-up by {', '.join(indexes.declared.columns)}, after all steps", effect)


@check(BUILD, over=BuiltIndexes, evidence=Method.EXHAUSTIVE)
def builds_keep_nobody_out(indexes: BuiltIndexes) -> Outcomes:
    """M6: in each wait of each build others read, insert and update."""
    if indexes.refused and not indexes.held:
        yield Inconclusive(BUILD, indexes.refused)
    for held in indexes.held:
        yield Observed(BUILD, len(LockMode))
        yield Detail(BUILD, f"{held.file}, {held.hold}: {len(held.refused)} of {len(LockMode)} locks refused")
        kept_out = [access for access in KEPT_OUT if NEEDS[access] in held.refused]
        if kept_out:
            effect = f"kept out: {', '.join(kept_out)}"
            yield Finding(BUILD, f"{held.file}, {held.hold}", effect, workaround=WORKAROUND)


@check(PLAN_FILE, over=BuiltIndexes, evidence=Method.EXHAUSTIVE)
def files_are_applied_or_refused_whole(indexes: BuiltIndexes) -> Outcomes:
    """M10: by itself each statement is accepted; within a transaction the file is refused, and leaves no trace."""
    if not indexes.sent:
        yield Inconclusive(PLAN_FILE, indexes.refused)
    for sent in indexes.sent:
        yield Observed(PLAN_FILE)
        answer = f"refused with {sent.sqlstate}: {sent.message}" if sent.sqlstate else "accepted"
        told = f"{answer}, the tables {'changed' if sent.has_changed else 'as they were'}"
        yield Detail(PLAN_FILE, f"{sent.file}, {sent.way}: {told}")
        expected = (IN_TRANSACTION, False) if sent.in_transaction else ("", True)
        if (sent.sqlstate, sent.has_changed) != expected:
            wanted = (
                f"refused with {IN_TRANSACTION}, the tables as they were"
                if sent.in_transaction
                else "accepted, with an index then"
            )
            yield Finding(
                PLAN_FILE, f"{sent.file}, {sent.way}", f"{told}; expected {wanted}", workaround=WORKAROUND
            )
