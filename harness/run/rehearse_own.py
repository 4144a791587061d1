"""What `harness rehearse` does with a migration of one's own: on a copy of its schema, filled, under its traffic."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from msgspec.structs import replace as with_changes
from psycopg import sql

from harness.checks.own_migration import OWN_CLAIMS, STALLED, OwnMigration
from harness.checks.registry import run_checks
from harness.database.runners import connect
from harness.database.server import Server, running_server
from harness.errors import UsageError
from harness.rehearsal.approaches import Approach
from harness.rehearsal.measurements import Measured, Rate
from harness.rehearsal.own.effects import Effects, observe_effects
from harness.rehearsal.own.rows import fill, planned
from harness.rehearsal.own.schema import load_schema
from harness.rehearsal.own.statistics import Statistics
from harness.rehearsal.own.traffic_statements import Template, derived_workload, workload_of
from harness.rehearsal.stalls import Migrated, measure
from harness.report.contents import Sections, Table
from harness.report.document import Report
from harness.report.timeline import timeline
from harness.run import own_tables
from harness.run import rehearsal_tables as tables
from harness.run.options.rehearse import JUDGED, OWN_PARTS, RehearsalPart, RehearseOptions
from harness.run.own_approaches import OwnApproach, approaches_of
from harness.run.own_files import OwnFiles, read_own, templates_of
from harness.run.own_schema import (
    schema_statements,
    schema_text,
    statistics_of,
    suited_server,
    with_search_path,
)
from harness.run.progress import LineCallback, ProgressDisplay
from harness.run.report import Begun, run_report
from harness.verdict import Results

Show = Callable[[Table], None]
"""Prints a table as soon as it is there."""

LEFT_OUT_MAX: Final = 10
"""Statements of the schema that are named; of the others how many."""
_NOTHING: Final = Template("SELECT 1", ("SELECT 1",))


@dataclass(slots=True)
class _OwnRehearsal:
    """A rehearsal under way."""

    options: RehearseOptions
    files: OwnFiles
    server: Server
    schemas: tuple[str, ...]
    """Where a name without a schema is looked for; none: in public."""
    show: Show
    progress: ProgressDisplay
    results: Results
    sections: Sections = field(default_factory=Sections)
    remarks: list[str] = field(default_factory=list)

    @contextmanager
    def copy(self, name: str) -> Iterator[str]:
        """The DSN of a copy of a database, dropped afterwards."""
        with self.server.database(name) as dsn:
            yield with_search_path(dsn, self.schemas)

    def dsn(self, name: str) -> str:
        """Of a database itself."""
        return with_search_path(self.server.dsn(name), self.schemas)


def rehearse_own(
    options: RehearseOptions, path: Path, on_line: LineCallback, show: Show, progress: ProgressDisplay
) -> Report:
    """Rehearses a file or a folder on a schema, and returns the report; leaves nothing behind.

    Raises UsageError for what the user gave and cannot be used, UnavailableError where it cannot be rehearsed here.
    """
    begun, own = Begun.now(), options.own
    if options.max_stall_ms is not None and RehearsalPart.STALLS not in options.parts:
        raise UsageError("a stall budget needs the part that measures stalls; add --part stalls")
    files = read_own(path, own.after)
    given = templates_of(own.writers), templates_of(own.readers)
    statistics = statistics_of(own.statistics)
    with progress("the schema"):
        text, schemas = schema_text(own, session_pooler=options.session_pooler)
    choice = suited_server(options.postgres, text)
    with running_server(choice, session_pooler=options.session_pooler) as server:
        name = f"Postgres {server.version} ({server.kind})"
        on_line(f"{name}; migration {files.name}: {files.summary}")
        claims = [claim for claim in OWN_CLAIMS if claim is not STALLED or options.max_stall_ms is not None]
        parts = options.parts & OWN_PARTS
        results = Results(tuple(claims) if RehearsalPart.STALLS in parts else (OWN_CLAIMS[0],))
        rehearsal = _OwnRehearsal(options, files, server, schemas, show, progress, results)
        rehearsal.remarks += files.remarks
        _run(rehearsal, text, statistics, given)
    judgements = results.judgements()
    scope = (*sorted(parts), *([] if options.max_stall_ms is None else [JUDGED]), "own migration")
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
    rehearsal: _OwnRehearsal,
    text: str,
    statistics: Statistics,
    given: tuple[Sequence[Template], Sequence[Template]],
) -> None:
    server, options, files = rehearsal.server, rehearsal.options, rehearsal.files
    with ExitStack() as stack:
        empty = stack.enter_context(_database(server))
        with rehearsal.progress("loading the schema") as on_progress:
            _load(rehearsal, empty, text, on_progress)
        with rehearsal.progress("locks"), rehearsal.copy(empty) as dsn:
            statements = [statement.text for statement in files.statements]
            effects = observe_effects(dsn, statements, [statement.label for statement in files.statements])
        if RehearsalPart.LOCKS in options.parts:
            rehearsal.sections.locks = own_tables.effects_table(effects)
            rehearsal.show(rehearsal.sections.locks)
        if RehearsalPart.STALLS not in options.parts:
            _judge_effects(rehearsal, effects)
            return
        filled = stack.enter_context(_database(server, empty))
        with rehearsal.progress(f"making {options.rows:,} rows") as on_progress:
            traffic = _filled(rehearsal, filled, effects, statistics, given, on_progress)
        _stalls(rehearsal, filled, traffic)


@contextmanager
def _database(server: Server, template: str | None = None) -> Iterator[str]:
    """The name of a database of one's own, dropped afterwards."""
    name = server.create_database(template)
    try:
        yield name
    finally:
        server.drop_database(name)


def _load(rehearsal: _OwnRehearsal, name: str, text: str, on_progress: LineCallback) -> None:
    statements = schema_statements(text)
    with connect(rehearsal.server.dsn(name)) as connection:
        left_out = load_schema(
            connection, statements, lambda done: on_progress(f"{done:,} of {len(statements):,} statements")
        )
    rehearsal.remarks += [refused.describe() for refused in left_out[:LEFT_OUT_MAX]]
    if len(left_out) > LEFT_OUT_MAX:
        rehearsal.remarks.append(f"left out of the schema: {len(left_out) - LEFT_OUT_MAX} more statements")


def _judge_effects(rehearsal: _OwnRehearsal, effects: Effects) -> None:
    """Without rows and traffic only whether the statements are accepted is known."""
    spans = tuple(
        tables.instant(effect.label, effect.refused, effect.message) for effect in effects.statements
    )
    measured = Measured(Approach("as written", "", ()), 0, spans, (), 0)
    places = tuple(statement.place for statement in rehearsal.files.statements)
    run_checks(rehearsal.results, [OwnMigration(rehearsal.files.name, measured, places, None, {}, (), 0, "")])


@dataclass(frozen=True, slots=True)
class _Traffic:
    """What is sent meanwhile, and what the database is like before the migration."""

    writers: tuple[Template, ...]
    readers: tuple[Template, ...]
    table: sql.Composable
    indexes: tuple[int, ...]
    """Oids of those that are there before."""


def _filled(
    rehearsal: _OwnRehearsal,
    name: str,
    effects: Effects,
    statistics: Statistics,
    given: tuple[Sequence[Template], Sequence[Template]],
    on_progress: LineCallback,
) -> _Traffic:
    options = rehearsal.options
    with connect(rehearsal.dsn(name)) as connection:
        made = planned(connection, effects.touched, options.rows, statistics, rehearsal.remarks.append)
        fill(connection, made, on_progress, rehearsal.remarks.append)
        touched = [of for of in made if of.table.oid in effects.touched]
        derived = derived_workload(connection, touched)
        indexes = connection.execute("SELECT indexrelid::int8 FROM pg_index").fetchall()
    rehearsal.remarks += [f"{of.rows:,} rows in {of.table.describe()}" for of in made]
    if not touched:
        rehearsal.remarks.append("it touches no table that is there before; the traffic is SELECT 1")
    table = touched[0].table.identifier if touched else sql.SQL("pg_class")
    writers, readers = (
        tuple(mine or others) or (_NOTHING,) for mine, others in zip(given, derived, strict=True)
    )
    labels = dict.fromkeys(template.label for template in (*writers, *readers))
    rehearsal.remarks.append(f"traffic: {', '.join(labels)}")
    return _Traffic(writers, readers, table, tuple(oid for (oid,) in indexes))


def _stalls(rehearsal: _OwnRehearsal, name: str, traffic: _Traffic) -> None:
    options = rehearsal.options
    with connect(rehearsal.dsn(name)) as connection:
        approaches = approaches_of(connection, rehearsal.files, compare=options.compare)
    measured: list[Measured] = []
    evidence: list[OwnMigration] = []
    for own in approaches.all:
        with (
            rehearsal.progress(f"writers during: {own.approach.name}"),
            rehearsal.copy(name) as dsn,
        ):
            evidence.append(_measured(rehearsal, dsn, own, traffic))
            measured.append(evidence[-1].measured)
    remedy = evidence[1].measured if approaches.remedy and len(evidence) > 1 else None
    description = approaches.compared(remedy)
    run_checks(rehearsal.results, [evidence[0]._replace(workaround=description)])
    rehearsal.remarks += approaches.remarks(evidence[0].measured, remedy)
    if options.own.remedy is not None:
        rehearsal.remarks.append(approaches.write(options.own.remedy))
    rehearsal.sections.stalls = own_tables.stalls_table(measured)
    rehearsal.sections.statements = tables.statements_table(measured)
    for table in (rehearsal.sections.stalls, rehearsal.sections.statements):
        rehearsal.show(table)
    title = f"Write latency, {options.rows:,} rows, {options.writes_per_s:g} writes/s"
    rehearsal.sections.timeline = timeline(
        [tables.panel(measurement) for measurement in measured], title, options.max_stall_ms or None
    )


def _measured(rehearsal: _OwnRehearsal, dsn: str, own: OwnApproach, traffic: _Traffic) -> OwnMigration:
    options = rehearsal.options
    counted, workload = workload_of(traffic.writers, traffic.readers, options.rows)

    def new_bytes(connection: psycopg.Connection[Any]) -> int:
        size = "SELECT coalesce(sum(pg_relation_size(indexrelid)), 0) FROM pg_index WHERE indexrelid <> ALL (%s::oid[])"
        found = connection.execute(size, [list(traffic.indexes)]).fetchone()
        return int(found[0]) if found else 0

    migrated = Migrated(traffic.table, workload, lambda _: False, new_bytes)
    rate = Rate(writes_per_s=options.writes_per_s)
    try:
        measured = measure(dsn, own.approach, options.rows, rate, options.quiet_s, migrated)
    except psycopg.Error as error:
        (statement, sqlstate, message), _ = next(
            iter(counted.errors.items()), (("traffic", error.sqlstate, error), 0)
        )
        raise UsageError(
            f"{statement} is refused before the migration begins: {sqlstate} {message}; give what the application "
            "does by --writer FILE and --reader FILE"
        ) from error
    with connect(dsn) as connection:
        found = connection.execute(
            "SELECT indexrelid::regclass::text, indisvalid, indexrelid::int8 FROM pg_index "
            "JOIN pg_class ON pg_class.oid = indrelid WHERE indrelid >= 16384 AND relkind IN ('r', 'p', 'm') "
            "ORDER BY 1"  # below that number are the system's own
        ).fetchall()
    invalid = tuple(index for index, valid, oid in found if not valid and oid not in traffic.indexes)
    return OwnMigration(
        rehearsal.files.name,
        measured,
        own.places,
        options.max_stall_ms,
        dict(counted.errors),
        invalid,
        len(found),
        "",
    )
