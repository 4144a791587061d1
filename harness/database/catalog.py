"""What a database really holds, read from PostgreSQL's catalogue.

A tool's exit code is not believed anywhere in the harness; these facts are. Tables are named without a
schema and found by the connection's search_path. Every function takes an open connection and leaves it as it
was. Those that read defaults or predicates may wait behind an ACCESS EXCLUSIVE lock; `exists`, `locks` and
`relfilenode` do not.
Source: PostgreSQL, "System Catalogs" (pg_attribute, pg_index, pg_locks, pg_depend).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from harness.data import sql_text
from harness.database.declaration import (
    Column,
    DifferenceKind,
    Index,
    column_difference,
    find,
    index_difference,
)
from harness.database.declared import DeclaredStore, plan_store
from harness.database.rows import all_rows, one_row
from harness.database.schema_state import SchemaState, SchemaStatus, UnmanagedSchema

Connection = psycopg.Connection[Any]
"""A connection of any row type; the functions here choose their own."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a table that a process holds or, when not granted, waits for."""

    pid: int
    mode: str
    granted: bool
    relation: str


@dataclass(frozen=True, slots=True)
class Digest:
    """How many rows a table has, and one fingerprint of the columns asked for."""

    rows: int
    md5: str


def exists(connection: Connection, relation: str) -> bool:
    """Whether a table, index or view of this name is found."""
    return bool(one_row(connection, "SELECT to_regclass(quote_ident(%s)) IS NOT NULL", [relation])[0])


def is_table(connection: Connection, table: str) -> bool:
    """Whether the name stands for a table, partitioned or not, and not for a view or a foreign table."""
    statement = "SELECT relkind IN ('r', 'p') FROM pg_class WHERE oid = to_regclass(quote_ident(%s))"
    return any(row[0] for row in all_rows(connection, statement, [table]))


def is_partitioned(connection: Connection, table: str) -> bool:
    """Whether the table holds its rows in parts."""
    kind = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(quote_ident(%s))"
    found = all_rows(connection, kind, [table])
    return bool(found and found[0][0])


def columns(connection: Connection, table: str) -> tuple[Column, ...]:
    """The table's columns in their order; none when there is no such table."""
    # A built-in function leaves no row in pg_depend, so the calls are read from the stored expression tree.
    statement = r"""
        SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
            pg_get_expr(d.adbin, d.adrelid) AS default,
            EXISTS (
                SELECT 1 FROM regexp_matches(d.adbin::text, 'funcid (\d+)', 'g') AS called(oids)
                JOIN pg_proc AS p ON p.oid = called.oids[1]::oid
                WHERE p.provolatile = 'v'
            ) AS volatile_default
        FROM pg_attribute AS a
        LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = to_regclass(quote_ident(%s)) AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum"""
    with connection.cursor(row_factory=class_row(Column)) as cursor:
        return tuple(cursor.execute(statement, [table]).fetchall())


def indexes(connection: Connection, table: str) -> tuple[Index, ...]:
    """The table's indexes by name, those of its constraints too; none when there is no such table."""
    found = all_rows(connection, sql_text("queries/indexes.sql"), [table])
    return tuple(
        Index(
            name,
            method,
            tuple(keys),
            predicate,
            unique,
            valid,
            ready,
            live,
            tuple(unlike),
            tuple(also),
            young,
        )
        for name, method, keys, predicate, unique, valid, ready, live, unlike, also, young in found
    )


def locks(connection: Connection, table: str) -> tuple[Lock, ...]:
    """The locks on a table in this database, held and awaited, by process."""
    statement = """
        SELECT l.pid, l.mode, l.granted, c.relname AS relation
        FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
        WHERE l.locktype = 'relation' AND l.relation = to_regclass(quote_ident(%s))
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        ORDER BY l.pid, l.mode"""
    with connection.cursor(row_factory=class_row(Lock)) as cursor:
        return tuple(cursor.execute(statement, [table]).fetchall())


def relfilenode(connection: Connection, relation: str) -> int | None:
    """Number of the file that holds the table's rows, None without a table; it changes when all are rewritten."""
    (found,) = one_row(connection, "SELECT pg_relation_filenode(to_regclass(quote_ident(%s)))", [relation])
    return None if found is None else int(found)


def relation_bytes(connection: Connection, relation: str) -> int:
    """Bytes of a table or an index, 0 without one."""
    size = "SELECT coalesce(pg_relation_size(to_regclass(quote_ident(%s))), 0)"
    return int(one_row(connection, size, [relation])[0])


def digest(connection: Connection, table: str, names: Sequence[str], key: str = "id") -> Digest:
    """Counts a table's rows and fingerprints the given columns, ordered by the key; equal only if every value is.

    Holds 32 bytes a row in the server's memory; up to 30 million rows. Raises psycopg.Error when a column is
    missing.
    """
    statement = sql.SQL(
        "SELECT count(*), md5(coalesce(string_agg(md5(ROW({names})::text), '' ORDER BY {key}), '')) FROM {table}"
    ).format(
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        table=sql.Identifier(table),
        key=sql.Identifier(key),
    )
    with connection.transaction():
        # The text of a timestamp or a float depends on these; two sessions must agree.
        connection.execute("SET LOCAL TimeZone = 'UTC'")
        connection.execute("SET LOCAL DateStyle = 'ISO'")
        connection.execute("SET LOCAL extra_float_digits = 1")
        return Digest(*one_row(connection, statement))


def readers_of_column(connection: Connection, table: str, column: str) -> tuple[str, ...]:
    """The views that read a column and so keep it from being dropped, by name."""
    statement = """
        SELECT DISTINCT v.relname
        FROM pg_depend AS d
        JOIN pg_rewrite AS r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_class AS v ON v.oid = r.ev_class
        JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass(quote_ident(%s))
            AND a.attname = %s
        ORDER BY v.relname"""
    return tuple(row[0] for row in all_rows(connection, statement, [table, column]))


def schema_state(connection: Connection) -> SchemaStatus:
    """The database's state in the plan's rollout, by its catalogue alone.

    An index that is not valid is BUILDING while some session builds it, else INVALID. A session without
    pg_read_all_stats does not see the builds of others and gets INVALID.
    """
    store = plan_store()
    if not any(exists(connection, table) for table in store.tables):
        return UnmanagedSchema.EMPTY
    if differences(connection, store):
        return UnmanagedSchema.FOREIGN
    if find(columns(connection, store.table), store.column.name) is None:
        return SchemaState.BASE
    if store.index is None:
        return SchemaState.READY
    index = find(indexes(connection, store.table), store.index.name)
    if index is None:
        return SchemaState.COLUMN
    if index.is_usable:
        return SchemaState.READY
    return SchemaState.BUILDING if is_being_built(connection, store.index.name) else SchemaState.INVALID


def is_being_built(connection: Connection, index: str) -> bool:
    """Whether a session builds an index that is there, as far as this one may see others."""
    building = "SELECT 1 FROM pg_stat_progress_create_index WHERE index_relid = to_regclass(quote_ident(%s))"
    return bool(all_rows(connection, building, [index]))


def differences(connection: Connection, store: DeclaredStore | None = None) -> tuple[str, ...]:
    """What keeps the database from being in any state of a rollout, a phrase each; none when nothing does.

    Further columns and indexes are no difference: the rollout touches none of them.
    """
    store = store or plan_store()
    tables, names, types = ([each[place] for each in store.kept_columns] for place in range(3))
    found = [
        f"{table}.{column} is {'missing' if there is None else there}, not {wanted}"
        for table, column, wanted, there in all_rows(
            connection, sql_text("queries/baseline_differences.sql"), [tables, names, types]
        )
    ]
    column = column_difference(columns(connection, store.table), store.column)
    if column is not None and column.kind is DifferenceKind.OTHER:
        found.append(f"{store.table}.{column.describe()}, not {column.declared.describe()}")
    index = None if store.index is None else index_difference(indexes(connection, store.table), store.index)
    if index is not None and index.kind is DifferenceKind.OTHER:
        found.append(f"{index.describe()}, not btree ({store.column.name})")
    return tuple(found)
