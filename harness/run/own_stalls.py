"""Rows for the tables that statements touch, the traffic that these let derive, and how long its writers wait."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from harness.checks.own_migration import OwnMigration
from harness.checks.registry import run_checks
from harness.database import catalog
from harness.database.runners import connect
from harness.errors import UsageError
from harness.rehearsal.measurements import Measured, Rate
from harness.rehearsal.own.after_writers import after_writers
from harness.rehearsal.own.effects import Effects
from harness.rehearsal.own.rows import fill, planned
from harness.rehearsal.own.statistics import Statistics
from harness.rehearsal.own.traffic_statements import Template, derived_workload, workload_of
from harness.rehearsal.stalls import Migrated, measure
from harness.run import own_tables
from harness.run import rehearsal_tables as tables
from harness.run.options.rehearse import RehearsalPart
from harness.run.own_approaches import OwnApproach, approaches_of
from harness.run.own_rehearsal import OwnRehearsal, load, observed_effects, oids_of

_NOTHING: Final = Template("SELECT 1", ("SELECT 1",))


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
        oids = tuple(dict.fromkeys((*effects.touched, *(oids_of(connection, store) if store else ()))))
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
    rehearsal.sections.timeline = tables.picture(
        measured, options.rows, options.writes_per_s, options.max_stall_ms
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


@contextmanager
def effects_and_rows(
    rehearsal: OwnRehearsal,
    text: str,
    statistics: Statistics,
    given: tuple[Sequence[Template], Sequence[Template]],
) -> Iterator[tuple[Effects, tuple[str, RehearsalTraffic] | None]]:
    """What the statements lock on a schema without rows; then a database with rows, where a part needs them."""
    with ExitStack() as stack:
        empty = stack.enter_context(rehearsal.database())
        load(rehearsal, empty, text)
        effects = observed_effects(rehearsal, empty)
        if not rehearsal.parts & {RehearsalPart.STALLS, RehearsalPart.CLAIMS}:
            yield effects, None
            return
        filled = stack.enter_context(rehearsal.database(empty))
        yield effects, (filled, make_rows(rehearsal, filled, effects, statistics, given))
