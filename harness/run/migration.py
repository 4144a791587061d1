"""A migration on a filled table: run, read and judged, part by part."""

from harness.checks.registry import run_checks
from harness.database.server import Server
from harness.database.templates import Templates
from harness.rehearsal.layouts import CORRECTED, Layout
from harness.rehearsal.migrated_schema import migrate_and_read
from harness.rehearsal.migrated_traffic import migrate_under_writers, observe_build_locks, run_plan_file
from harness.rehearsal.table import filled
from harness.verdict import Results


def judge_migration(
    results: Results, server: Server, templates: Templates, rows: int, layout: Layout = CORRECTED
) -> None:
    """Judges M1 to M10 and M12 for a migration, each statement sent by itself, on a table of so many rows.

    The results must hold those claims. Of M10 and M12 only the plan's own file is the subject.
    """
    with filled(server, templates, rows) as name:
        with server.database(name) as dsn:
            run_checks(results, [migrate_and_read(dsn, layout)])
        with server.database(name) as dsn:
            run_checks(results, [migrate_under_writers(dsn, layout)])
    run_checks(results, [observe_build_locks(templates, layout)])
    run_checks(results, [run_plan_file(server)])
