"""Runs a migration and its rollback under writers, and its statements while they are held. Judges nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Final

import psycopg

from harness import plan
from harness.database.declared import plan_store
from harness.database.rows import one_row
from harness.database.runners import Runner, connect, run_statements
from harness.database.schema_state import SchemaState
from harness.database.scripts import StatementFailed, statements_of
from harness.database.server import Server
from harness.database.sql_statement import read_statement
from harness.database.sqlstate import named
from harness.database.step_migration import BASE, take_back_steps
from harness.database.structure import Structure, structure
from harness.database.templates import Templates
from harness.errors import UnavailableError
from harness.rehearsal.accounting import kept
from harness.rehearsal.build_phase import BUILD_WAITS, Hold
from harness.rehearsal.deadline import deadline
from harness.rehearsal.held import old_snapshot
from harness.rehearsal.layouts import LAYOUTS, Layout
from harness.rehearsal.lock_modes import LockCase, LockMode
from harness.rehearsal.locks import observe_locks
from harness.rehearsal.matrix import run_matrix
from harness.rehearsal.measurements import Rate
from harness.rehearsal.migration_evidence import BuildLocks, MigratedTraffic
from harness.rehearsal.recovery import current_state, send
from harness.rehearsal.runner_results import Matrix, Way
from harness.rehearsal.stalls import MIGRATION_S_MAX
from harness.rehearsal.statements import VIEW
from harness.rehearsal.traffic import Traffic, traffic

RATE: Final = Rate(writers=4, writes_per_s=400.0, readers=1, reads_per_s=25.0)
BESIDE: Final = 28
"""Writes that are let by before, between and after the changes."""

WAYS: Final = (Way.STATEMENTS, Way.FILE_TRANSACTION, Way.SIMPLE_QUERY, Way.DRIZZLE_LIKE)


def observe_build_locks(templates: Templates, layout: Layout) -> BuildLocks:
    """Holds each statement that builds an index, and sees whom it keeps out."""
    cases = tuple(_builds(layout))
    if not cases:
        return BuildLocks(layout.name, unknown="the migration builds no index")
    try:
        return BuildLocks(layout.name, asyncio.run(observe_locks(templates, cases)))
    except StatementFailed as failed:
        reason = f"a statement before the build was refused ({named(failed.sqlstate)})"
    except psycopg.Error as error:
        reason = f"the build was refused ({named(error.sqlstate)})"
    return BuildLocks(layout.name, unknown=reason)


def _builds(layout: Layout) -> Iterator[LockCase]:
    """Each statement that builds an index, with what has run by then; in a transaction with what that has done."""
    done: list[str] = []
    block: list[str] | None = None
    for statement in (part for script in layout.scripts for part in statements_of(script.text)):
        read = read_statement(statement.text)
        text = f"{read.text};"
        if read.command == "BEGIN":
            block = []
        elif read.command == "COMMIT":
            done, block = [*done, *(block or ())], None
        elif read.builds and block is None and read.is_concurrent:
            for wait in BUILD_WAITS:
                yield _case("index built concurrently", text, wait, done)
            done.append(text)
        elif read.builds:
            yield _case("index built", "\n".join([*(block or ()), text]), Hold.TRANSACTION, done)
            (done if block is None else block).append(text)
        else:
            (done if block is None else block).append(text)


def _case(name: str, text: str, hold: Hold, done: list[str]) -> LockCase:
    return LockCase(name, text, SchemaState.BASE, hold, LockMode.SHARE_UPDATE_EXCLUSIVE, first=tuple(done))


def _schema(dsn: str) -> tuple[Structure, str]:
    """What a rollback must leave as it was: the tables, and the view."""
    with connect(dsn) as connection:
        (view,) = one_row(connection, "SELECT pg_get_viewdef(quote_ident(%s)::regclass)", [plan.VIEW])
    return structure(dsn), view


def migrate_under_writers(dsn: str, layout: Layout) -> MigratedTraffic:
    """Migrates a database in state `base`, and rolls back what ends in state `ready`; writers of both builds run."""
    evidence = MigratedTraffic(layout.name)
    before = _schema(dsn)
    rolled_back_ms = float("inf")
    with deadline(dsn, MIGRATION_S_MAX), traffic(dsn, RATE) as running:
        running.pass_by(BESIDE)
        _migrate(dsn, layout, running)
        running.pass_by(BESIDE)
        evidence.state = current_state(dsn)
        if evidence.state is SchemaState.READY:
            rolled_back_ms = running.now_ms()
            _roll_back(evidence, dsn, running)
            running.pass_by(BESIDE)
    writes = [sample for sample in running.samples() if sample.write]
    evidence.writes = tuple(sample for sample in writes if sample.scheduled_ms < rolled_back_ms)
    evidence.rollback_writes = tuple(sample for sample in writes if sample.scheduled_ms >= rolled_back_ms)
    evidence.accepted, evidence.kept = running.accepted(), kept(dsn, running.prefix)
    if evidence.rollback_writes:
        evidence.is_as_before = _schema(dsn) == before
    return evidence


def _migrate(dsn: str, layout: Layout, running: Traffic) -> None:
    """Sends the statements; half of the writers change build as soon as the column is there."""
    there = (
        "SELECT 1 FROM pg_attribute"
        " WHERE attrelid = to_regclass(quote_ident(%s)) AND attname = %s AND NOT attisdropped"
    )
    with connect(dsn) as other:

        def on_statement(_: object) -> None:
            if other.execute(there, [plan.METADATA_TABLE, plan.COLUMN]).fetchone():
                running.swap()

        with old_snapshot(dsn) if layout.old_snapshot else nullcontext(), suppress(StatementFailed):
            run_statements(
                dsn, layout.scripts, on_statement
            )  # what a refusal leaves is for the catalogue to say


def _roll_back(evidence: MigratedTraffic, dsn: str, running: Traffic) -> None:
    """The view first reads the column; then everything goes back, the backend `after` before the column."""
    refusal = send(dsn, VIEW)
    evidence.view_refused = None if refusal is None else named(refusal.sqlstate)
    running.pass_by(BESIDE)
    running.swap(back=True)
    try:
        take_back_steps(dsn, plan_store(), BASE, Runner.STATEMENTS, lambda _: None)
    except UnavailableError as error:
        evidence.rollback_errors.append(str(error))


def run_plan_file(server: Server) -> Matrix:
    """The plan's own file, sent in each way, on a database of its own each."""
    return run_matrix(server, [LAYOUTS[0]], WAYS, again=False)
