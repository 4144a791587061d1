"""Applies the SQL steps of any rollout to a filled database, and takes them back: what came of schema and rows."""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from harness.database import catalog
from harness.database.declaration import column_difference
from harness.database.declared import DeclaredStore
from harness.database.runners import connect, run_statements
from harness.database.scripts import Script, StatementFailed
from harness.database.structure import structure, structure_differences
from harness.database.templates import Templates
from harness.rehearsal.migration_evidence import AppliedSteps, TableChange


def apply_steps(
    templates: Templates, store: DeclaredStore, ups: Sequence[Script], downs: Sequence[Script]
) -> AppliedSteps:
    """Runs the steps on a database of its own, each statement by itself, then what takes them back, last first."""
    with templates.after([]) as dsn, connect(dsn) as connection:
        before_structure = structure(dsn)
        columns = {
            table: [column.name for column in catalog.columns(connection, table)] for table in store.tables
        }
        before = _state(connection, columns)
        size = _row_bytes(connection, store, columns[store.table])
        refused = _run(dsn, ups)
        changes = _changes(connection, columns, before)
        found = column_difference(catalog.columns(connection, store.table), store.column)
        size_after = _row_bytes(connection, store, columns[store.table])
        complete = not refused and len(downs) == len(ups)
        if complete:
            refused = _run(dsn, downs)
        left = tuple(structure_differences(dsn, before_structure)) if complete else ()
        return AppliedSteps(
            refused, changes, store.column, found, size, size_after, complete, left,
            _changes(connection, columns, before),
        )  # fmt: skip


_State = dict[str, tuple[catalog.Digest, int | None]]


def _state(connection: psycopg.Connection, columns: dict[str, list[str]]) -> _State:
    return {
        table: (catalog.digest(connection, table, names), catalog.relfilenode(connection, table))
        for table, names in columns.items()
    }


def _changes(
    connection: psycopg.Connection, columns: dict[str, list[str]], before: _State
) -> tuple[TableChange, ...]:
    after = _state(connection, columns)
    return tuple(
        TableChange(
            name=table,
            columns=len(names),
            rows_before=before[table][0].rows,
            rows_after=after[table][0].rows,
            digest_before=before[table][0].md5,
            digest_after=after[table][0].md5,
            file_before=before[table][1],
            file_after=after[table][1],
        )
        for table, names in columns.items()
    )


def _run(dsn: str, scripts: Sequence[Script]) -> str:
    """By what the first statement that was refused was refused; empty when none was."""
    try:
        run_statements(dsn, scripts, lambda _: None)
    except StatementFailed as failed:
        headline = " ".join(failed.statement.headline.split())
        return f"{failed.file} is refused with {failed.sqlstate}: {failed.message} ({headline})"
    return ""


def _row_bytes(connection: psycopg.Connection, store: DeclaredStore, names: Sequence[str]) -> int:
    """Bytes of a new row that copies one that is there, with every column but those in which each has its own."""
    copied = sql.SQL(", ").join(sql.Identifier(name) for name in names if name != store.key)
    statement = sql.SQL(
        "INSERT INTO {table} ({key}, {copied}) SELECT gen_random_uuid(), {copied} FROM {table} ORDER BY {key} LIMIT 1"
        " RETURNING pg_column_size({table}.*)"
    ).format(table=sql.Identifier(store.table), key=sql.Identifier(store.key), copied=copied)
    with connection.transaction(force_rollback=True):
        row = connection.execute(statement).fetchone()
    assert row is not None, "the seed makes rows"
    return int(row[0])
