"""Judges what the migration does to others: to writers under way, by its locks; and what a transaction does to it."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Final

import psycopg
import sqlparse

from harness import plan
from harness.database import catalog
from harness.database.declaration import Column, Index
from harness.database.migration_steps import VIEW_FILE
from harness.database.migrations import rollback
from harness.database.runners import connect, run_statements
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script, StatementFailed, statements_of
from harness.database.server import Server
from harness.database.sqlstate import named
from harness.database.templates import Templates
from harness.errors import UnavailableError
from harness.rehearsal.accounting import kept
from harness.rehearsal.build_phase import BUILD_WAITS, Hold
from harness.rehearsal.deadline import deadline
from harness.rehearsal.held import old_snapshot
from harness.rehearsal.layouts import LAYOUTS, Layout
from harness.rehearsal.lock_modes import Access, LockCase, LockMode
from harness.rehearsal.locks import observe_locks
from harness.rehearsal.matrix import run_matrix
from harness.rehearsal.measurements import Rate, Sample
from harness.rehearsal.recovery import current_state, send
from harness.rehearsal.runner_results import RunOutcome, Way
from harness.rehearsal.traffic import Traffic, traffic
from harness.verdict import Finding, Method, Results

BUILD, MIGRATED, ROLLED_BACK, PLAN_FILE, PLANNED_RUNNER = "M6", "M8", "M9", "M10", "M12"

RATE: Final = Rate(writers=4, writes_per_s=400.0, readers=1, reads_per_s=25.0)
BESIDE: Final = 12
"""Writes that are let by before, between and after the changes."""

MIGRATION_S_MAX: Final = 600.0
"""A build gets through a hundred million rows in that time."""

KEPT_OUT: Final = (Access.READ, Access.INSERT, Access.UPDATE)
WAYS: Final = (Way.STATEMENTS, Way.FILE_TRANSACTION, Way.SIMPLE_QUERY, Way.DRIZZLE_LIKE)
WORKAROUND: Final = "apply sql/corrected/0005a and 0005b, each statement by itself"

_INDEX: Final = re.compile(r"CREATE\s+(UNIQUE\s+)?INDEX\s+(?P<concurrently>CONCURRENTLY\b)?", re.IGNORECASE)


def judge_build_locks(results: Results, templates: Templates, layout: Layout) -> None:
    """Judges M6: holds each statement that builds an index, and probes whom it keeps out."""
    results.method(BUILD, Method.EXHAUSTIVE)
    cases = tuple(_builds(layout))
    if not cases:
        results.inconclusive(BUILD, "the migration builds no index")
        return
    try:
        seen = asyncio.run(observe_locks(templates, cases))
    except StatementFailed as failed:
        results.inconclusive(BUILD, f"a statement before the build was refused ({named(failed.sqlstate)})")
        return
    except psycopg.Error as error:
        results.inconclusive(BUILD, f"the build was refused ({named(error.sqlstate)})")
        return
    for one in seen:
        results.observed(BUILD, len(LockMode))
        results.detail(BUILD, f"{one.case.hold}: {one.strongest}")
        kept_out = [work for work in one.blocks if work in KEPT_OUT]
        if kept_out:
            effect = f"{', '.join(one.held)} held; kept out: {', '.join(kept_out)}"
            condition = f"migration `{layout.name}`, {one.case.name} {one.case.hold}"
            results.refute(Finding(BUILD, condition, effect, workaround=WORKAROUND))


def _builds(layout: Layout) -> Iterator[LockCase]:
    """Each statement that builds an index, with what has run by then; in a transaction with what that has done."""
    done: list[str] = []
    block: list[str] | None = None
    for statement in (one for script in layout.scripts for one in statements_of(script.text)):
        text = sqlparse.format(statement.text, strip_comments=True).strip()
        word = text.rstrip(";").upper()
        build = _INDEX.match(text)
        if word == "BEGIN":
            block = []
        elif word == "COMMIT":
            done, block = [*done, *(block or ())], None
        elif build and block is None and build["concurrently"]:
            for wait in BUILD_WAITS:
                yield _case("index built concurrently", text, wait, done)
            done.append(text)
        elif build:
            yield _case("index built", "\n".join([*(block or ()), text]), Hold.TRANSACTION, done)
            (done if block is None else block).append(text)
        else:
            (done if block is None else block).append(text)


def _case(name: str, text: str, hold: Hold, done: list[str]) -> LockCase:
    return LockCase(name, text, SchemaState.BASE, hold, LockMode.SHARE_UPDATE_EXCLUSIVE, first=tuple(done))


@dataclass(frozen=True, slots=True)
class _Schema:
    """What a rollback must leave as it was."""

    columns: tuple[Column, ...]
    indexes: tuple[Index, ...]
    view: str

    @classmethod
    def read(cls, dsn: str) -> "_Schema":
        with connect(dsn) as connection:
            view = connection.execute(
                "SELECT pg_get_viewdef(quote_ident(%s)::regclass)", [plan.VIEW]
            ).fetchone()
            assert view is not None
            return cls(
                catalog.columns(connection, plan.METADATA_TABLE),
                catalog.indexes(connection, plan.METADATA_TABLE),
                str(view[0]),
            )


def judge_writers(results: Results, dsn: str, layout: Layout) -> None:
    """Judges M8 and M9 on a database in state `base`: writers of both builds run from before to after.

    Only a migration that ends in state `ready` is rolled back; else M9 cannot be judged.
    """
    results.method(MIGRATED, Method.MEASURED)
    results.method(ROLLED_BACK, Method.MEASURED)
    before = _Schema.read(dsn)
    rolled_back_ms = float("inf")
    with deadline(dsn, MIGRATION_S_MAX), traffic(dsn, RATE) as running:
        running.pass_by(BESIDE)
        _migrate(dsn, layout, running)
        running.pass_by(BESIDE)
        if current_state(dsn) is SchemaState.READY:
            rolled_back_ms = running.now_ms()
            _roll_back(results, dsn, running)
            running.pass_by(BESIDE)
        else:
            results.inconclusive(ROLLED_BACK, f"the migration ended in state {current_state(dsn)}")
    writes = [one for one in running.samples() if one.write]
    first = [one for one in writes if one.scheduled_ms < rolled_back_ms]
    second = [one for one in writes if one.scheduled_ms >= rolled_back_ms]
    _judge_samples(results, MIGRATED, first, f"migration `{layout.name}`")
    _judge_samples(results, ROLLED_BACK, second, f"rollback of `{layout.name}`")
    lost = running.accepted() - kept(dsn, running.prefix)
    if lost > 0:
        effect = f"{lost} of {running.accepted()} accepted writes lack a row"
        results.refute(Finding(MIGRATED, f"migration `{layout.name}`", effect))
    if second and _Schema.read(dsn) != before:
        effect = "columns, indexes or the view are not what they were"
        results.refute(Finding(ROLLED_BACK, f"rollback of `{layout.name}`", effect))


def _migrate(dsn: str, layout: Layout, running: Traffic) -> None:
    """Sends the statements; half of the writers change build as soon as the column is there."""
    there = (
        "SELECT 1 FROM pg_attribute"
        " WHERE attrelid = to_regclass(quote_ident(%s)) AND attname = %s AND NOT attisdropped"
    )
    with connect(dsn) as other:

        def told(_: object) -> None:
            if other.execute(there, [plan.METADATA_TABLE, plan.COLUMN]).fetchone():
                running.swap()

        with old_snapshot(dsn) if layout.old_snapshot else nullcontext(), suppress(StatementFailed):
            run_statements(dsn, layout.scripts, told)  # what a refusal leaves is for the catalogue to say


def _roll_back(results: Results, dsn: str, running: Traffic) -> None:
    """The view first reads the column; then everything goes back, the backend `after` before the column."""
    refused = send(dsn, Script.ours(VIEW_FILE))
    running.pass_by(BESIDE)
    running.swap(back=True)
    try:
        rollback(dsn, SchemaState.BASE)
    except UnavailableError as error:
        results.refute(Finding(ROLLED_BACK, "under writers", str(error)))
    results.detail(
        ROLLED_BACK,
        "the view read the column" if refused is None else f"view refused ({named(refused.sqlstate)})",
    )


def _judge_samples(results: Results, claim: str, writes: list[Sample], condition: str) -> None:
    failed = [one.sqlstate for one in writes if one.sqlstate is not None]
    results.observed(claim, len(writes))
    if writes:
        longest = max(one.latency_ms for one in writes)
        results.detail(claim, f"{len(writes)} writes, the longest {longest:.0f} ms")
    for sqlstate in sorted(set(failed)):
        effect = f"{failed.count(sqlstate)} of {len(writes)} writes failed with {named(sqlstate)}"
        results.refute(Finding(claim, condition, effect, workaround=WORKAROUND))


def judge_plan_file(results: Results, server: Server) -> None:
    """Judges M10 and M12: the plan's own file, sent in each way. Every way is tried on a database of its own."""
    layout = LAYOUTS[0]
    results.method(PLAN_FILE, Method.EXHAUSTIVE)
    results.method(PLANNED_RUNNER, Method.EXHAUSTIVE)
    for cell in run_matrix(server, [layout], WAYS, again=False).cells:
        first = cell.first
        assert first is not None
        results.observed(PLAN_FILE)
        results.detail(PLAN_FILE, f"{cell.way}: {first.words}")
        expected = (RunOutcome.APPLIED, None) if cell.way is Way.STATEMENTS else (RunOutcome.REFUSED, "25001")
        if (first.outcome, first.sqlstate) != expected:
            effect = f"{first.words}, expected {expected[0]} {expected[1] or ''}".strip()
            results.refute(Finding(PLAN_FILE, f"{layout.summary}, by {cell.way}", effect))
        if cell.way is Way.DRIZZLE_LIKE:
            results.observed(PLANNED_RUNNER)
            results.detail(PLANNED_RUNNER, "in one transaction over all pending files, as drizzle-orm does")
            if first.outcome is not RunOutcome.APPLIED:
                effect = f"{first.words}: {first.message}"
                results.refute(Finding(PLANNED_RUNNER, layout.summary, effect, workaround=_AUDITED))


_AUDITED: Final = next(
    workaround for claim, _, workaround in plan.MIGRATION_AUDIT if claim.id == PLANNED_RUNNER
)
