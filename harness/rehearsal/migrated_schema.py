"""Migrates a filled database and reads what came of its schema and rows, from the catalogue and the rows alone."""

from contextlib import nullcontext
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.database import catalog
from harness.database.declaration import column_difference, find, index_difference
from harness.database.rows import one_row
from harness.database.runners import connect
from harness.database.scripts import StatementFailed
from harness.database.sqlstate import named
from harness.rehearsal.built_indexes import indexes_in
from harness.rehearsal.held import old_snapshot
from harness.rehearsal.layouts import Layout
from harness.rehearsal.migration_evidence import ColumnUse, MigratedSchema, RowSizes
from harness.rehearsal.recovery import send
from harness.rehearsal.table import fill
from harness.rehearsal.table_changes import TablesBefore

KEYS: Final = {plan.USAGE_TABLE: "id", plan.METADATA_TABLE: "id"}
VALUED_ROWS: Final = 1000
"""Rows with a value: those added with the longest, to measure what one takes, and those looked up."""


def migrate_and_read(dsn: str, layout: Layout) -> MigratedSchema:
    """Migrates a filled database in state `base`, which is not to be used afterwards, and reads what came of it."""
    with connect(dsn) as connection:
        before = TablesBefore.read(connection, KEYS)
        row_bytes = _copied_row_bytes(connection, before.columns[plan.METADATA_TABLE], None)
        failed = migrate_as_laid_out(dsn, layout)
        tables = before.changes(connection)
        columns = catalog.columns(connection, plan.METADATA_TABLE)
        has_column = find(columns, plan.COLUMN) is not None
        return MigratedSchema(
            migration=layout.name,
            refused="" if failed is None else _refusal(failed),
            tables=tables,
            column=column_difference(columns),
            index=index_difference(catalog.indexes(connection, plan.METADATA_TABLE)),
            use=_use(dsn, connection, before, row_bytes) if has_column else None,
        )


def migrate_as_laid_out(dsn: str, layout: Layout) -> StatementFailed | None:
    """Sends each statement by itself, under the conditions of the layout; the first refusal, or None."""
    with old_snapshot(dsn) if layout.old_snapshot else nullcontext():
        for script in layout.scripts:
            failed = send(dsn, script)
            if failed is not None:
                return failed
    return None


def _refusal(failed: StatementFailed) -> str:
    headline = " ".join(failed.statement.headline.split())
    return f"refused with {failed.sqlstate}: {failed.message} ({headline})"


def _use(dsn: str, connection: psycopg.Connection[Any], before: TablesBefore, row_bytes: int) -> ColumnUse:
    sizes = _sizes(dsn, connection, before, row_bytes)
    valued = _execute(
        connection,
        "UPDATE {table} SET {column} = {prefix} || left(md5(id::text), {digits})"
        " WHERE id IN (SELECT id FROM {table} LIMIT {count})",
    ).rowcount
    _execute(connection, "ANALYZE {table}")
    look_up = (
        "EXPLAIN (FORMAT JSON) SELECT message_id FROM {table} WHERE {column} = {prefix} || '0123456789abcdef'"
    )
    row = _execute(connection, look_up).fetchone()
    assert row is not None
    return ColumnUse(sizes, valued, tuple(sorted(indexes_in(row[0]))))


def _sizes(
    dsn: str, connection: psycopg.Connection[Any], before: TablesBefore, row_bytes: int
) -> RowSizes | str:
    names = [*before.columns[plan.METADATA_TABLE], plan.COLUMN]
    try:
        without_value = _copied_row_bytes(connection, names, None)
        with_longest = _copied_row_bytes(connection, names, "v" * plan.LENGTH_MAX)
    except psycopg.Error as error:
        return f"a row could not be stored ({named(error.sqlstate)})"
    index_bytes = catalog.relation_bytes(connection, plan.INDEX)
    fill(dsn, VALUED_ROWS, value_length=plan.LENGTH_MAX)
    return RowSizes(
        before=row_bytes,
        without_value=without_value,
        with_longest=with_longest,
        index_without_value=index_bytes / before.digests[plan.METADATA_TABLE].rows,
        index_with_longest=(catalog.relation_bytes(connection, plan.INDEX) - index_bytes) / VALUED_ROWS,
    )


def _copied_row_bytes(connection: psycopg.Connection[Any], names: list[str], value: str | None) -> int:
    """Bytes of a new row that copies the oldest one; with the column among the names, it holds the value there.

    The row is taken back. Raises psycopg.Error when it cannot be stored.
    """
    copied = [sql.Identifier(name) for name in names if name not in ("id", plan.COLUMN)]
    table = sql.Identifier(plan.METADATA_TABLE)
    column = [sql.Identifier(plan.COLUMN)] if plan.COLUMN in names else []
    insert = sql.SQL(
        "INSERT INTO {table} (id, {into}) SELECT gen_random_uuid(), {values} FROM {table}"
        " ORDER BY created_at, message_id LIMIT 1 RETURNING pg_column_size({table}.*)"
    ).format(
        table=table,
        into=sql.SQL(", ").join([*copied, *column]),
        values=sql.SQL(", ").join([*copied, *(sql.Literal(value) for _ in column)]),
    )
    with connection.transaction(force_rollback=True):
        return int(one_row(connection, insert)[0])


def _execute(connection: psycopg.Connection[Any], statement: str) -> psycopg.Cursor[Any]:
    """Runs a statement with the plan's names in the places that are marked with them."""
    return connection.execute(
        sql.SQL(statement).format(
            table=sql.Identifier(plan.METADATA_TABLE),
            column=sql.Identifier(plan.COLUMN),
            prefix=sql.Literal(plan.DERIVED_PREFIX),
            digits=sql.Literal(plan.DERIVED_HEX_DIGITS),
            count=sql.Literal(VALUED_ROWS),
        )
    )
