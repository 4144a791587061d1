"""Applies the SQL steps of any rollout to a filled database, and takes them back: what came of schema and rows."""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from harness.database import catalog
from harness.database.declaration import Column, SchemaDifference, column_difference
from harness.database.declared import DeclaredStore
from harness.database.rows import one_row
from harness.database.runners import connect, run_statements
from harness.database.scripts import Script, StatementFailed
from harness.database.structure import structure, structure_differences
from harness.rehearsal.migration_evidence import AppliedSteps
from harness.rehearsal.table_changes import TablesBefore


def apply_steps(
    dsn: str, store: DeclaredStore, ups: Sequence[Script], downs: Sequence[Script]
) -> AppliedSteps:
    """Runs the steps on a filled database, each statement by itself, then what takes them back, where that is given."""
    with connect(dsn) as connection:
        before_structure = structure(dsn)
        before = TablesBefore.read(connection, {store.main.table: store.main.key, store.table: store.key})
        own = before.columns[store.table]
        size = _row_bytes(connection, store, own)
        refused = _run(dsn, ups)
        changes = before.changes(connection)
        found = column_difference(catalog.columns(connection, store.table), store.column)
        size_after = _row_bytes(connection, store, [*own, store.column.name]) if _is_there(found) else size
        complete = not refused and bool(downs)
        if complete:
            refused = _run(dsn, downs)
        left = tuple(structure_differences(dsn, before_structure)) if complete else ()
        return AppliedSteps(
            refused, changes, store.column, found, size, size_after, complete, left,
            before.changes(connection),
        )  # fmt: skip


def _run(dsn: str, scripts: Sequence[Script]) -> str:
    """By what the first statement that was refused was refused; empty when none was."""
    try:
        run_statements(dsn, scripts, lambda _: None)
    except StatementFailed as failed:
        headline = " ".join(failed.statement.headline.split())
        return f"{failed.file} is refused with {failed.sqlstate}: {failed.message} ({headline})"
    return ""


def _row_bytes(connection: psycopg.Connection, store: DeclaredStore, names: Sequence[str]) -> int:
    """Bytes that these columns of the first row take, behind the row's header."""
    # A NULL behind them: a row without any has no bits for them in its header.
    statement = sql.SQL("SELECT pg_column_size(ROW({}, NULL::int)) FROM {} ORDER BY {} LIMIT 1").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(store.table), sql.Identifier(store.key)
    )
    return int(one_row(connection, statement)[0]) - _header_bytes(len(names) + 1)


def _is_there(found: SchemaDifference[Column] | None) -> bool:
    return found is None or found.found is not None


def _header_bytes(columns: int) -> int:
    """Of a row with a NULL: 23 bytes and a bit for each column, up to a multiple of 8. Source: PostgreSQL, 73.6.1."""
    return -(-(23 + -(-columns // 8)) // 8) * 8
