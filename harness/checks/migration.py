"""Judges the migration: what it makes of the schema, what of the rows that are there, what each row then takes.

Knows no traffic; what the migration does to others is in `migration_traffic`. Every fact is read from the catalogue
or from the rows, none from what a runner reports.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.checks.migration_traffic import judge_build_locks, judge_plan_file, judge_writers
from harness.database import catalog
from harness.database.declaration import (
    EXPECTED_COLUMN,
    EXPECTED_INDEX,
    column_difference,
    find,
    index_difference,
)
from harness.database.runners import connect
from harness.database.scripts import StatementFailed
from harness.database.server import Server
from harness.database.sqlstate import named
from harness.database.templates import Templates
from harness.rehearsal.held import old_snapshot
from harness.rehearsal.layouts import CORRECTED, Layout
from harness.rehearsal.recovery import send
from harness.rehearsal.table import fill, filled
from harness.verdict import Finding, Method, Results

UNTOUCHED, NO_REWRITE, COLUMN, INDEX, LOOK_UP, SIZE = "M1", "M2", "M3", "M4", "M5", "M7"
TABLES: Final = (plan.USAGE_TABLE, plan.METADATA_TABLE)

VALUED_ROWS: Final = 1000
"""Rows with a value: those added with the longest, to measure what one takes, and those looked up."""
OVERHEAD_BYTES_MAX: Final = 10
"""Of one value in a row: its length word and up to six bytes of alignment."""
WORKAROUND: Final = "apply sql/corrected/0005a and 0005b, each statement by itself"


def judge_migration(
    results: Results, server: Server, templates: Templates, rows: int, layout: Layout = CORRECTED
) -> None:
    """Judges M1 to M10 and M12 for a migration, each statement sent by itself, on a table of so many rows.

    The results must hold those claims. Of M10 and M12 only the plan's own file is the subject.
    """
    with filled(server, templates, rows) as name:
        with server.database(name) as dsn:
            judge_schema(results, dsn, layout)
        with server.database(name) as dsn:
            judge_writers(results, dsn, layout)
    judge_build_locks(results, templates, layout)
    judge_plan_file(results, server)


@dataclass(frozen=True, slots=True)
class _Before:
    """What was there before the migration."""

    columns: dict[str, list[str]]
    digests: dict[str, catalog.Digest]
    files: dict[str, int | None]
    row_bytes: int

    @property
    def rows(self) -> int:
        """Rows of the metadata table."""
        return self.digests[plan.METADATA_TABLE].rows

    @classmethod
    def read(cls, connection: psycopg.Connection[Any]) -> "_Before":
        columns = {table: [one.name for one in catalog.columns(connection, table)] for table in TABLES}
        return cls(
            columns=columns,
            digests={table: catalog.digest(connection, table, columns[table]) for table in TABLES},
            files={table: catalog.relfilenode(connection, table) for table in TABLES},
            row_bytes=_copied_row_bytes(connection, columns[plan.METADATA_TABLE], None),
        )


def judge_schema(results: Results, dsn: str, layout: Layout) -> None:
    """Judges M1 to M5 and M7 on a filled database in state `base`, which is not to be used afterwards."""
    with connect(dsn) as connection:
        before = _Before.read(connection)
        refused = migrate_as_laid_out(dsn, layout)
        condition = f"migration `{layout.name}` on {before.rows:,} rows"
        if refused is not None:
            told = " ".join(refused.statement.headline.split())
            condition += f", refused with {refused.sqlstate}: {refused.message} ({told})"
        _judge_rows(results, connection, before, condition)
        _judge_shapes(results, connection, condition)
        if find(catalog.columns(connection, plan.METADATA_TABLE), plan.COLUMN) is not None:
            _judge_size(results, dsn, connection, before, condition)
            _judge_look_up(results, connection, condition)
        else:
            results.inconclusive(SIZE, "there is no column")
            results.inconclusive(LOOK_UP, "there is no column")


def migrate_as_laid_out(dsn: str, layout: Layout) -> StatementFailed | None:
    """Sends each statement by itself, under the conditions of the layout; the first refusal, or None."""
    with old_snapshot(dsn) if layout.old_snapshot else nullcontext():
        for script in layout.scripts:
            refused = send(dsn, script)
            if refused is not None:
                return refused
    return None


def _judge_rows(
    results: Results, connection: psycopg.Connection[Any], before: _Before, condition: str
) -> None:
    results.method(UNTOUCHED, Method.EXHAUSTIVE)
    results.method(NO_REWRITE, Method.EXHAUSTIVE)
    for table in TABLES:
        was, names = before.digests[table], before.columns[table]
        results.observed(UNTOUCHED, was.rows)
        results.detail(UNTOUCHED, f"{was.rows:,} rows of {table}, {len(names)} columns")
        now = catalog.digest(connection, table, names)
        if now != was:
            effect = f"{was.rows} rows with digest {was.md5} became {now.rows} with {now.md5}"
            results.refute(Finding(UNTOUCHED, f"{condition}: old columns of {table}", effect))
        results.observed(NO_REWRITE)
        file = catalog.relfilenode(connection, table)
        if file != before.files[table]:
            effect = f"file {before.files[table]} of {table} became {file}: every row was written again"
            results.refute(Finding(NO_REWRITE, condition, effect, workaround=WORKAROUND))
    results.detail(NO_REWRITE, f"the files of {len(TABLES)} tables are the same, {before.rows:,} rows")


def _judge_shapes(results: Results, connection: psycopg.Connection[Any], condition: str) -> None:
    results.method(COLUMN, Method.EXHAUSTIVE)
    results.method(INDEX, Method.EXHAUSTIVE)
    column = column_difference(catalog.columns(connection, plan.METADATA_TABLE))
    index = index_difference(catalog.indexes(connection, plan.METADATA_TABLE))
    for claim, declared, difference in (
        (COLUMN, EXPECTED_COLUMN.describe(), column),
        (INDEX, EXPECTED_INDEX.describe(), index),
    ):
        results.observed(claim)
        found = declared if difference is None else difference.describe()
        results.detail(claim, found)
        if difference is not None:
            results.refute(Finding(claim, condition, f"{found}; not {declared}", workaround=WORKAROUND))


def _judge_look_up(results: Results, connection: psycopg.Connection[Any], condition: str) -> None:
    """Gives some rows a value, and asks the planner."""
    results.method(LOOK_UP, Method.EXHAUSTIVE)
    valued = _execute(
        connection,
        "UPDATE {table} SET {column} = {prefix} || left(md5(id::text), {digits})"
        " WHERE id IN (SELECT id FROM {table} LIMIT {count})",
    ).rowcount
    _execute(connection, "ANALYZE {table}")
    look_up = (
        "EXPLAIN (FORMAT JSON) SELECT message_id FROM {table} WHERE {column} = {prefix} || '0123456789abcdef'"
    )
    found = _execute(connection, look_up).fetchone()
    assert found is not None
    used = sorted(_index_names(found[0]))
    results.observed(LOOK_UP)
    results.detail(LOOK_UP, f"{valued:,} rows with a value")
    if used != [plan.INDEX]:
        effect = f"the plan uses {', '.join(used) or 'no index'}"
        results.refute(Finding(LOOK_UP, condition, effect, workaround=WORKAROUND))


def _index_names(node: Any) -> set[str]:
    """Every index named anywhere in a plan."""
    if isinstance(node, list):
        return set().union(*map(_index_names, node))
    if not isinstance(node, dict):
        return set()
    named = {node["Index Name"]} if "Index Name" in node else set()
    return named.union(*map(_index_names, node.values()))


def _judge_size(
    results: Results, dsn: str, connection: psycopg.Connection[Any], before: _Before, condition: str
) -> None:
    results.method(SIZE, Method.MEASURED)
    names = [*before.columns[plan.METADATA_TABLE], plan.COLUMN]
    try:
        empty = _copied_row_bytes(connection, names, None)
        full = _copied_row_bytes(connection, names, "v" * plan.LENGTH_MAX)
    except psycopg.Error as error:
        results.inconclusive(SIZE, f"a row could not be stored ({named(error.sqlstate)})")
        return
    results.observed(SIZE, 3)
    results.detail(
        SIZE, f"a row takes {empty} bytes without a value, {full} with {plan.LENGTH_MAX} characters"
    )
    if empty > before.row_bytes or full > empty + plan.LENGTH_MAX + OVERHEAD_BYTES_MAX:
        effect = (
            f"a row took {before.row_bytes} bytes before, {empty} without a value, {full} with the longest"
        )
        results.refute(Finding(SIZE, condition, effect, workaround=WORKAROUND))
    index = _index_bytes(connection)
    fill(dsn, VALUED_ROWS, value_length=plan.LENGTH_MAX)
    results.detail(
        SIZE,
        f"the index {index / before.rows:.1f} bytes a row without a value, "
        f"{(_index_bytes(connection) - index) / VALUED_ROWS:.0f} with the longest",
    )


def _index_bytes(connection: psycopg.Connection[Any]) -> int:
    """0 when there is no index."""
    size = "SELECT coalesce(pg_relation_size(to_regclass(quote_ident(%s))), 0)"
    found = connection.execute(size, [plan.INDEX]).fetchone()
    assert found is not None
    return int(found[0])


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
        found = connection.execute(insert).fetchone()
    assert found is not None
    return int(found[0])


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
