"""Rows for tables of any schema, made by the server: as many as asked for, within what the tables allow."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import psycopg
from psycopg import sql

from harness.database.disk_room import bytes_free
from harness.errors import UnavailableError
from harness.rehearsal.own.insertion import ROOM, Parent, TableRows, has_room, insertion
from harness.rehearsal.own.parts import parts_of, routes
from harness.rehearsal.own.relations import ForeignKey, GivenTable, with_parents
from harness.rehearsal.own.statistics import Statistics
from harness.rehearsal.own.values import quoted
from harness.rehearsal.table import without_triggers

BATCH: Final = 50_000
"""Rows of one statement: some hundreds of milliseconds."""
PARENT_ROWS: Final = 1_000
"""Rows of a table that is only referred to."""
FAULTS_MAX: Final = 100
"""Constraints of a table that are dropped, one after the other."""
_SIZE: Final = """
SELECT coalesce(
    (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(%(table)s::oid::regclass)),
    pg_total_relation_size(%(table)s::oid::regclass)
)
"""

Connection = psycopg.Connection[Any]
OnRemark = Callable[[str], object]


def planned(
    connection: Connection, touched: Iterable[int], rows: int, statistics: Statistics, on_remark: OnRemark
) -> tuple[TableRows, ...]:
    """How rows are made of the tables that are touched and of those that they refer to, which come first.

    Of those touched the biggest has `rows`, the others as many in proportion where their statistics say; elsewhere
    each has as many. Foreign keys that no rows can be made for are dropped, and told.
    """
    wanted_oids = tuple(touched)
    tables = {table.oid: table for table in with_parents(connection, wanted_oids)}
    known = {oid: statistics.rows_of(table) for oid, table in tables.items()}
    biggest = max((known[oid] for oid in wanted_oids), default=0.0)
    counts = {
        oid: max(1, round(rows * known[oid] / biggest)) if biggest and known[oid] else rows
        for oid in wanted_oids
    }
    for table in reversed(tables.values()):  # children before their parents
        mine = counts.setdefault(table.oid, min(rows, PARENT_ROWS))
        for reference in table.references:
            few = math.isqrt(mine) + 1  # of two parents enough for as many pairs
            usual = few if reference.table in wanted_oids else max(few, PARENT_ROWS)
            needed = mine if _is_own(table, reference) else min(mine, usual)
            counts[reference.table] = max(counts.get(reference.table, 1), needed)
    made: dict[int, TableRows] = {}
    for table in tables.values():
        parents = tuple(_parents(connection, table, made, on_remark))
        parts = parts_of(connection, table.oid) if table.is_partitioned else ()
        of = TableRows(table, counts[table.oid], routes(table, parts) if parts else ({},), parents, {})
        made[table.oid] = replace(of, statistics=statistics.of(table))
    return tuple(made.values())


def _is_own(table: GivenTable, reference: ForeignKey) -> bool:
    """Whether two rows cannot have one parent."""
    return any(set(unique) <= set(reference.columns) for unique in table.uniques)


def _parents(
    connection: Connection, table: GivenTable, made: Mapping[int, TableRows], on_remark: OnRemark
) -> Iterable[Parent]:
    taken: set[str] = set()
    for reference in table.references:
        is_there = reference.table in made
        if is_there and not taken & set(reference.columns):
            taken |= set(reference.columns)
            parent = made[reference.table]
            name = quoted(parent.table.schema, parent.table.name)
            yield Parent(reference, name, parent.rows, _is_own(table, reference))
        elif not all(table.column(name).nullable for name in reference.columns) or is_there:
            _drop(connection, table.identifier, reference.name)
            on_remark(
                f"foreign key {reference.name} of {table.describe()} is left out: no rows can be made that it allows"
            )


def fill(
    connection: Connection,
    planned_rows: Iterable[TableRows],
    on_progress: Callable[[str], object],
    on_remark: OnRemark,
) -> None:
    """Makes the rows of each table, and its statistics; triggers and foreign keys are not called where that is allowed.

    A CHECK or an exclusion that the rows do not hold for is dropped, and told. Raises UnavailableError where another
    constraint refuses them, and where the first of them show that all would not fit.
    """
    for of in planned_rows:
        for name in of.table.exclusions:
            _drop(connection, of.table.identifier, name)
            on_remark(
                f"constraint {name} of {of.table.describe()} is left out: rows that it allows are not made"
            )
        done, parts = 0, len(of.routes)
        for first in range(0, of.rows, BATCH):
            last = min(first + BATCH, of.rows) - 1
            for number, route in enumerate(of.routes):
                begin = first + (number - first) % parts
                source = f"generate_series({begin}::int8, {last}, {parts}) AS g (n)"
                _insert(connection, of, route, source, on_remark)
            done = last + 1
            if first == 0:
                _check_room(connection, of, done)
            on_progress(f"{of.table.describe()} {done / of.rows:.0%}")
        connection.execute(sql.SQL("ANALYZE {}").format(of.table.identifier))
        if has_room(of, ROOM):  # what writers insert later must pass as well
            for route in of.routes:
                _insert(
                    connection, of, route, f"(SELECT {of.rows + ROOM}::int8 AS n) AS g", on_remark, keep=False
                )


def _check_room(connection: Connection, of: TableRows, done: int) -> None:
    """Raises UnavailableError where the rows and a copy of them, which is what is migrated, do not fit."""
    row = connection.execute(_SIZE, {"table": of.table.oid}).fetchone()
    free = bytes_free(connection)
    still = int(row[0]) / done * (2 * of.rows - done) if row else 0
    if free is not None and still > free:
        raise UnavailableError(
            f"{of.rows:,} rows of {of.table.describe()} and the copy of them that is migrated would take "
            f"{still / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free where the server's data lies; give --rows a "
            "smaller number, or --postgres a server with more room"
        )


def _insert(
    connection: Connection,
    of: TableRows,
    route: Mapping[str, str],
    source: str,
    on_remark: OnRemark,
    *,
    keep: bool = True,
) -> None:
    """Drops the CHECKs that refuse the rows. Raises UnavailableError where another thing does."""
    for _ in range(FAULTS_MAX):
        try:
            with connection.transaction(force_rollback=not keep):
                without_triggers(connection)
                connection.execute(insertion(of, route, source).encode())
        except psycopg.errors.CheckViolation as error:
            if not error.diag.constraint_name:
                raise _refused(of, error) from error
            on_remark(_without_check(connection, of, error.diag))
        except psycopg.Error as error:
            raise _refused(of, error) from error
        else:
            return
    raise UnavailableError(
        f"{of.table.describe()} has more than {FAULTS_MAX} CHECKs that its rows do not hold for; take them out of the "
        "schema file"
    )


def _without_check(connection: Connection, of: TableRows, refused: psycopg.errors.Diagnostic) -> str:
    """Drops a CHECK of the table, of the part that refused, or of a domain; what is to be told of it."""
    name, schema = refused.constraint_name or "", refused.schema_name or "public"
    if refused.datatype_name:
        domain = sql.Identifier(schema, refused.datatype_name)
        connection.execute(sql.SQL("ALTER DOMAIN {} DROP CONSTRAINT {}").format(domain, sql.Identifier(name)))
    else:
        _drop(connection, of.table.identifier, name)
        if refused.table_name:
            _drop(connection, sql.Identifier(schema, refused.table_name), name)
    whose = refused.datatype_name or of.table.describe()
    return f"constraint {name} of {whose} is left out: rows that it allows are not made"


def _refused(of: TableRows, error: psycopg.Error) -> UnavailableError:
    reason = error.diag.message_primary or str(error).strip().partition("\n")[0]
    return UnavailableError(
        f"no rows could be made for {of.table.describe()}: {error.sqlstate} {reason}; take what refuses them out of "
        "the schema file, or give --rows a smaller number"
    )


def _drop(connection: Connection, table: sql.Identifier, name: str) -> None:
    drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {} CASCADE")
    connection.execute(drop.format(table, sql.Identifier(name)))
