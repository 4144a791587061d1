"""Rehearses statements on a copy of a schema: loaded, filled with rows, under the traffic of its tables.

What is sent, and on which schema, the callers say: a migration of one's own, or the steps of a rollout.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import sql

from harness.checks.own_migration import OwnMigration
from harness.checks.registry import run_checks
from harness.database import catalog
from harness.database.declared import DeclaredStore
from harness.database.runners import connect
from harness.database.server import Server
from harness.errors import UsageError
from harness.rehearsal.approaches import Approach
from harness.rehearsal.measurements import Measured, Rate
from harness.rehearsal.own.after_writers import after_writers
from harness.rehearsal.own.effects import Effects, observe_effects
from harness.rehearsal.own.relations import GivenColumn, given_table
from harness.rehearsal.own.rows import fill, planned
from harness.rehearsal.own.schema import load_schema
from harness.rehearsal.own.statistics import Statistics
from harness.rehearsal.own.traffic_statements import Template, derived_workload, workload_of
from harness.rehearsal.stalls import Migrated, measure
from harness.report.contents import Sections, Table
from harness.report.timeline import timeline
from harness.run import own_tables
from harness.run import rehearsal_tables as tables
from harness.run.options.rehearse import RehearsalPart, RehearseOptions
from harness.run.own_approaches import OwnApproach, approaches_of
from harness.run.own_files import OwnFiles
from harness.run.own_schema import schema_statements, with_search_path
from harness.run.progress import ProgressDisplay
from harness.verdict import Results

Show = Callable[[Table], None]
"""Prints a table as soon as it is there."""

LEFT_OUT_MAX: Final = 10
"""Statements of the schema that are named; of the others how many."""
_NOTHING: Final = Template("SELECT 1", ("SELECT 1",))


@dataclass(slots=True)
class OwnRehearsal:
    """A rehearsal under way."""

    options: RehearseOptions
    files: OwnFiles
    server: Server
    schemas: tuple[str, ...]
    """Where a name without a schema is looked for; none: in public."""
    show: Show
    progress: ProgressDisplay
    results: Results
    store: DeclaredStore | None = None
    """The tables of a rollout, which are filled whatever the statements lock; None for a migration of one's own."""
    deployment: str = ""
    """The statement in whose place every writer becomes the build `after`; empty: none does."""
    added: tuple[GivenColumn, ...] = ()
    """The columns that the statements add to the rollout's table."""
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

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The name of a database of one's own, dropped afterwards."""
        name = self.server.create_database(template)
        try:
            yield name
        finally:
            self.server.drop_database(name)


def load(rehearsal: OwnRehearsal, name: str, text: str) -> None:
    """Brings a schema into an empty database; what this server refuses of it is a remark."""
    statements = schema_statements(text)
    with (
        rehearsal.progress("loading the schema") as on_progress,
        connect(rehearsal.server.dsn(name)) as connection,
    ):
        left_out = load_schema(
            connection, statements, lambda done: on_progress(f"{done:,} of {len(statements):,} statements")
        )
    rehearsal.remarks += [refused.describe() for refused in left_out[:LEFT_OUT_MAX]]
    if len(left_out) > LEFT_OUT_MAX:
        rehearsal.remarks.append(f"left out of the schema: {len(left_out) - LEFT_OUT_MAX} more statements")


def observed_effects(rehearsal: OwnRehearsal, name: str) -> Effects:
    """What the statements lock, on a copy of a database without rows; shown where locks are asked for."""
    statements = rehearsal.files.statements
    with rehearsal.progress("locks"), rehearsal.copy(name) as dsn:
        before = _columns(dsn, rehearsal.store)
        effects = observe_effects(
            dsn, [statement.text for statement in statements], [statement.label for statement in statements]
        )
        rehearsal.added = tuple(
            column
            for column in _columns(dsn, rehearsal.store)
            if column.name not in {known.name for known in before}
        )
    if RehearsalPart.LOCKS in rehearsal.options.parts:
        rehearsal.sections.locks = own_tables.effects_table(effects)
        rehearsal.show(rehearsal.sections.locks)
    return effects


def _columns(dsn: str, store: DeclaredStore | None) -> tuple[GivenColumn, ...]:
    if store is None:
        return ()
    with connect(dsn) as connection:
        return given_table(connection, _oids(connection, store)[-1]).columns


def judge_effects(rehearsal: OwnRehearsal, effects: Effects) -> None:
    """Without rows and traffic only whether the statements are accepted is known."""
    spans = tuple(
        tables.instant(effect.label, effect.refused, effect.message) for effect in effects.statements
    )
    measured = Measured(Approach("as written", "", ()), 0, spans, (), 0)
    places = tuple(statement.place for statement in rehearsal.files.statements)
    run_checks(rehearsal.results, [OwnMigration(rehearsal.files.name, measured, places, None, {}, (), 0, "")])


@dataclass(frozen=True, slots=True)
class RehearsalTraffic:
    """What is sent meanwhile, and what the database is like before the migration."""

    writers: tuple[Template, ...]
    readers: tuple[Template, ...]
    table: sql.Composable
    indexes: tuple[int, ...]
    """Oids of those that are there before."""
    after: tuple[Template, ...] = ()
    """What half of the writers write once the rollout's column is there; none for a migration of one's own."""


def make_rows(
    rehearsal: OwnRehearsal,
    name: str,
    effects: Effects,
    statistics: Statistics,
    given: tuple[Sequence[Template], Sequence[Template]] = ((), ()),
) -> RehearsalTraffic:
    """Fills the tables that the statements touch, or the rollout's; and the traffic that their rows let derive."""
    options, store = rehearsal.options, rehearsal.store
    with (
        rehearsal.progress(f"making {options.rows:,} rows") as on_progress,
        connect(rehearsal.dsn(name)) as connection,
    ):
        oids = tuple(dict.fromkeys((*effects.touched, *(_oids(connection, store) if store else ()))))
        made = planned(connection, oids, options.rows, statistics, rehearsal.remarks.append)
        fill(connection, made, on_progress, rehearsal.remarks.append)
        touched = [of for of in made if of.table.oid in oids]
        derived = derived_workload(connection, touched)
        after = after_writers(connection, touched, store, rehearsal.added) if store and not given[0] else ()
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
    if after:
        names = ", ".join(column.name for column in rehearsal.added)
        behind = ", behind the deployment all of them" if rehearsal.deployment else ""
        rehearsal.remarks.append(f"half of the writers write {names} as soon as that is there{behind}")
    return RehearsalTraffic(writers, readers, table, tuple(oid for (oid,) in indexes), after)


def _oids(connection: psycopg.Connection[Any], store: DeclaredStore) -> list[int]:
    """Of a rollout's tables. Raises UsageError where the schema lacks one."""
    found = []
    for table in store.tables:
        row = connection.execute("SELECT to_regclass(quote_ident(%s))::oid::int8", [table]).fetchone()
        if row is None or row[0] is None:
            raise UsageError(
                f"rollout {store.rollout.name}: the schema has no table {table}; name the file that makes it by "
                "reference.baseline, or give --schema FILE"
            )
        found.append(int(row[0]))
    return found


def measure_stalls(rehearsal: OwnRehearsal, name: str, traffic: RehearsalTraffic) -> None:
    """Runs the statements in each way on a copy of a filled database, and judges the first, which is as written."""
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


def _measured(rehearsal: OwnRehearsal, dsn: str, own: OwnApproach, traffic: RehearsalTraffic) -> OwnMigration:
    options = rehearsal.options
    counted, workload = workload_of(traffic.writers, traffic.readers, options.rows, traffic.after)
    store = rehearsal.store

    def new_bytes(connection: psycopg.Connection[Any]) -> int:
        size = "SELECT coalesce(sum(pg_relation_size(indexrelid)), 0) FROM pg_index WHERE indexrelid <> ALL (%s::oid[])"
        found = connection.execute(size, [list(traffic.indexes)]).fetchone()
        return int(found[0]) if found else 0

    def has_columns(connection: psycopg.Connection[Any]) -> bool:
        there = {column.name for column in catalog.columns(connection, store.table)} if store else set()
        return bool(rehearsal.added) and there >= {column.name for column in rehearsal.added}

    migrated = Migrated(traffic.table, workload, has_columns, new_bytes, rehearsal.deployment)
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
