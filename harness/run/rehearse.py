"""What `harness rehearse` does: the migration in every way it could be run, on a table as big as yours, beforehand."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
from msgspec.structs import replace as with_changes

from harness import plan
from harness.checks.audit import audited
from harness.checks.registry import run_check, run_checks
from harness.checks.rehearsal import (
    failures_are_recovered_from,
    locks_are_as_predicted,
    runners_agree,
    stalls_are_within_the_budget,
)
from harness.database.server import Server, running_server
from harness.database.sqlstate import named
from harness.database.templates import Templates
from harness.errors import UsageError
from harness.rehearsal.approaches import APPROACHES, Approach, approach_of
from harness.rehearsal.defects import find_migration
from harness.rehearsal.failure_runs import run_scenarios
from harness.rehearsal.layouts import Layout
from harness.rehearsal.locks import observe_locks
from harness.rehearsal.matrix import run_matrix
from harness.rehearsal.measurements import Measured, Rate
from harness.rehearsal.migrated_schema import migrate_and_read
from harness.rehearsal.migrated_traffic import migrate_under_writers, observe_build_locks, run_plan_file
from harness.rehearsal.stalls import measure
from harness.rehearsal.table import filled
from harness.report.contents import Sections, Table
from harness.report.document import Report
from harness.rollout import is_plans, load_rollout
from harness.run import rehearsal_tables as tables
from harness.run.options.rehearse import JUDGED, RehearsalPart, RehearseOptions
from harness.run.own_rehearsal import Show, server_name
from harness.run.progress import LineCallback, ProgressDisplay, silent
from harness.run.rehearsal_claims import claims_of
from harness.run.rehearse_own import rehearse_own
from harness.run.rehearse_rollout import rehearse_rollout
from harness.run.report import Begun, run_report
from harness.verdict import Results


@dataclass(slots=True)
class _Rehearsal:
    """A rehearsal under way: the server, the results, and what is to be reported beside the claims."""

    options: RehearseOptions
    layout: Layout
    server: Server
    templates: Templates
    results: Results
    show: Show
    progress: ProgressDisplay
    sections: Sections

    def shown(self, table: Table) -> Table:
        """The table, after it was shown to the user."""
        self.show(table)
        return table


def rehearse(
    options: RehearseOptions, on_line: LineCallback, show: Show, progress: ProgressDisplay = silent
) -> Report:
    """Runs the parts asked for, and returns the report; leaves nothing behind.

    A file or a folder is a migration of one's own (`rehearse_own`); the steps of another rollout than the plan's are
    rehearsed as such a one (`rehearse_rollout`). Raises UsageError for an unknown migration or a
    budget without stalls, UnavailableError when there is no server.
    """
    if options.max_stall_ms is not None and RehearsalPart.STALLS not in options.parts:
        raise UsageError("a stall budget needs the part that measures stalls; add --part stalls")
    path, rollout = options.own_path, load_rollout(options.rollout)
    if path is not None:
        return rehearse_own(options, path, on_line, show, progress)
    if not is_plans(rollout):
        return rehearse_rollout(options, rollout, on_line, show, progress)
    options.check_nothing_own()
    begun = Begun.now()
    layout = find_migration(options.migration)
    results = Results(claims_of(options))
    with (
        running_server(options.postgres, session_pooler=options.session_pooler) as server,
        Templates(server) as templates,
    ):
        name = server_name(server)
        on_line(f"{name}; migration `{layout.name}`: {layout.summary}")
        rehearsal = _Rehearsal(options, layout, server, templates, results, show, progress, Sections())
        if RehearsalPart.MATRIX in options.parts:
            _matrix(rehearsal)
        if RehearsalPart.LOCKS in options.parts:
            _locks(rehearsal)
        if RehearsalPart.FAILURES in options.parts:
            _failures(rehearsal)
        if options.parts & {RehearsalPart.STALLS, RehearsalPart.CLAIMS}:
            _on_a_big_table(rehearsal)
    judgements = results.judgements()
    sentences = {claim.id for claim, _, _ in plan.MIGRATION_AUDIT}
    if RehearsalPart.CLAIMS in options.parts:
        rehearsal.sections.audit = audited(judgements, plan.MIGRATION_AUDIT, ())
    required = tuple(judgement for judgement in judgements if judgement.claim.id not in sentences)
    scope = (*sorted(options.parts), *([] if options.max_stall_ms is None else [JUDGED]))
    report = run_report(
        "rehearse",
        begun,
        required,
        command=options.command,
        server=name,
        scope=scope,
        level=f"{options.rows} rows",
    )
    return with_changes(report, sections=rehearsal.sections)


def _matrix(rehearsal: _Rehearsal) -> None:
    with rehearsal.progress("runners and layouts") as on_progress:
        matrix = run_matrix(rehearsal.server, on_progress=on_progress)
    run_check(rehearsal.results, runners_agree, matrix)
    if not matrix.drizzle and not rehearsal.options.require_npm:
        rehearsal.results.waive(plan.RUNNER_CLAIM.id, "npm cannot be reached here; --require-npm asks for it")
    rehearsal.sections.matrix = rehearsal.shown(tables.matrix_table(matrix))


def _locks(rehearsal: _Rehearsal) -> None:
    with rehearsal.progress("locks"):
        observations = asyncio.run(observe_locks(rehearsal.templates))
    run_check(rehearsal.results, locks_are_as_predicted, observations)
    rehearsal.sections.locks = rehearsal.shown(tables.locks_table(observations))


def _failures(rehearsal: _Rehearsal) -> None:
    with rehearsal.progress("failure scenarios") as on_progress:
        scenario_results = run_scenarios(rehearsal.templates, rehearsal.server, on_progress)
    run_check(rehearsal.results, failures_are_recovered_from, scenario_results)
    rehearsal.sections.traps = rehearsal.shown(tables.failures_table(scenario_results))


def _on_a_big_table(rehearsal: _Rehearsal) -> None:
    rows = rehearsal.options.rows
    with ExitStack() as stack:
        with rehearsal.progress(f"filling the table with {rows:,} rows") as on_progress:
            filling = filled(
                rehearsal.server, rehearsal.templates, rows, lambda done: on_progress(f"{done / rows:.0%}")
            )
            name = stack.enter_context(filling)
        if RehearsalPart.STALLS in rehearsal.options.parts:
            _stalls(rehearsal, name)
        if RehearsalPart.CLAIMS in rehearsal.options.parts:
            _claims(rehearsal, name)


def _stalls(rehearsal: _Rehearsal, name: str) -> None:
    options = rehearsal.options
    asked = approach_of(rehearsal.layout)
    others = [approach for approach in APPROACHES if approach.name != asked.name and options.compare]
    measured: list[Measured] = []
    for approach in (asked, *others):
        with rehearsal.progress(f"writers during: {approach.name}"), rehearsal.server.database(name) as dsn:
            measurement = _measured(rehearsal, dsn, approach)
        if measurement is not None:
            measured.append(measurement)
    if options.max_stall_ms is not None and measured and measured[0].approach is asked:
        run_check(rehearsal.results, stalls_are_within_the_budget, measured[0], options.max_stall_ms)
    rehearsal.sections.stalls = rehearsal.shown(tables.stalls_table(measured))
    rehearsal.sections.statements = rehearsal.shown(tables.statements_table(measured))
    if measured:
        rehearsal.sections.timeline = tables.picture(
            measured, options.rows, options.writes_per_s, options.max_stall_ms
        )


def _measured(rehearsal: _Rehearsal, dsn: str, approach: Approach) -> Measured | None:
    """None when a statement is refused for good, which the claim then says."""
    rate = Rate(writes_per_s=rehearsal.options.writes_per_s)
    try:
        return measure(dsn, approach, rehearsal.options.rows, rate, rehearsal.options.quiet_s)
    except psycopg.Error as error:
        if rehearsal.options.max_stall_ms is not None:
            reason = f"migration `{approach.name}` was refused ({named(error.sqlstate)})"
            rehearsal.results.inconclusive(plan.STALL_CLAIM.id, reason)
        return None


def _claims(rehearsal: _Rehearsal, name: str) -> None:
    server, results, layout = rehearsal.server, rehearsal.results, rehearsal.layout
    with rehearsal.progress("claims") as on_progress:
        on_progress("rows and schema")
        with server.database(name) as dsn:
            run_checks(results, [migrate_and_read(dsn, layout)])
        on_progress("writers and the way back")
        with server.database(name) as dsn:
            run_checks(results, [migrate_under_writers(dsn, layout)])
        on_progress("locks of the build")
        run_checks(results, [observe_build_locks(rehearsal.templates, layout)])
        run_checks(results, [run_plan_file(server)])
