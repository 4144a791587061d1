"""What `harness rehearse` does with a migration of one's own: on a copy of its schema, filled, under its traffic."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from msgspec.structs import replace as with_changes

from harness.database.server import running_server
from harness.rehearsal.own.statistics import Statistics
from harness.rehearsal.own.traffic_statements import Template
from harness.report.document import Report
from harness.run.options.rehearse import JUDGED, OWN_PARTS, RehearsalPart, RehearseOptions
from harness.run.own_files import read_own, templates_of
from harness.run.own_run import (
    OwnRehearsal,
    Show,
    judge_effects,
    load,
    make_rows,
    measure_stalls,
    observed_effects,
)
from harness.run.own_schema import (
    schema_text,
    statistics_of,
    suited_server,
)
from harness.run.progress import LineCallback, ProgressDisplay
from harness.run.rehearsal_claims import OWN, own_claims
from harness.run.report import Begun, run_report
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
    choice = suited_server(options.postgres, text)
    with running_server(choice, session_pooler=options.session_pooler) as server:
        name = f"Postgres {server.version} ({server.kind})"
        on_line(f"{name}; migration {files.name}: {files.summary}")
        parts, judged = options.parts & OWN_PARTS, options.max_stall_ms is not None
        results = Results(own_claims(parts, is_judged=judged))
        rehearsal = OwnRehearsal(options, files, server, schemas, show, progress, results)
        rehearsal.remarks += files.remarks
        _run(rehearsal, text, statistics, given)
    judgements = results.judgements()
    scope = (*sorted(parts), *([JUDGED] if judged else []), OWN)
    level = f"{options.rows} rows"
    report = run_report(
        "rehearse",
        begun,
        judgements,
        command=options.command,
        server=name,
        scope=scope,
        level=level,
        policy="",
    )
    sent = tuple(f"{statement.place}: {statement.label}" for statement in files.statements)
    return with_changes(
        report,
        subject=f"migration {files.name}",
        target=f"migration {files.name}",
        plan=sent,
        remarks=tuple(dict.fromkeys(rehearsal.remarks)),
        sections=rehearsal.sections,
    )


def _run(
    rehearsal: OwnRehearsal,
    text: str,
    statistics: Statistics,
    given: tuple[Sequence[Template], Sequence[Template]],
) -> None:
    with ExitStack() as stack:
        empty = stack.enter_context(rehearsal.database())
        load(rehearsal, empty, text)
        effects = observed_effects(rehearsal, empty)
        if RehearsalPart.STALLS not in rehearsal.options.parts:
            judge_effects(rehearsal, effects)
            return
        filled = stack.enter_context(rehearsal.database(empty))
        traffic = make_rows(rehearsal, filled, effects, statistics, given)
        measure_stalls(rehearsal, filled, traffic)
