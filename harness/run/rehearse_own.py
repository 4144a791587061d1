"""What `harness rehearse` does with a migration of one's own: on a copy of its schema, filled, under its traffic."""

from pathlib import Path

from msgspec.structs import replace as with_changes

from harness.database.server import running_server
from harness.report.document import Report
from harness.run.options.rehearse import OWN_MIGRATION, OWN_PARTS, RehearsalPart, RehearseOptions
from harness.run.own_files import read_own, templates_of
from harness.run.own_rehearsal import OwnRehearsal, Show, judge_effects, rehearsal_report, server_name
from harness.run.own_schema import schema_text, statistics_of, suited_server
from harness.run.own_stalls import effects_and_rows, measure_stalls
from harness.run.progress import LineCallback, ProgressDisplay
from harness.run.rehearsal_claims import own_claims
from harness.run.report import Begun
from harness.verdict import Results


def rehearse_own(
    options: RehearseOptions, path: Path, on_line: LineCallback, show: Show, progress: ProgressDisplay
) -> Report:
    """Rehearses a file or a folder on a schema, and returns the report; leaves nothing behind.

    Raises UsageError for what the user gave and cannot be used, UnavailableError where it cannot be rehearsed here.
    """
    begun, own = Begun.now(), options.own
    files = read_own(path, own.after)
    given = templates_of(own.writers), templates_of(own.readers)
    statistics = statistics_of(own.statistics)
    with progress("the schema"):
        text, schemas = schema_text(own, session_pooler=options.session_pooler)
    parts = options.parts & OWN_PARTS
    results = Results(own_claims(parts, is_judged=options.max_stall_ms is not None))
    choice = suited_server(options.postgres, text)
    with running_server(choice, session_pooler=options.session_pooler) as server:
        on_line(f"{server_name(server)}; migration {files.name}: {files.summary}")
        rehearsal = OwnRehearsal(options, files, server, schemas, show, progress, results, parts)
        rehearsal.remarks += files.remarks
        with effects_and_rows(rehearsal, text, statistics, given) as (effects, rows):
            if rows is not None:
                measure_stalls(rehearsal, *rows)
            elif RehearsalPart.LOCKS in parts:
                judge_effects(rehearsal, effects)
    report = rehearsal_report(rehearsal, begun, OWN_MIGRATION)
    return with_changes(report, subject=f"migration {files.name}", target=f"migration {files.name}")
