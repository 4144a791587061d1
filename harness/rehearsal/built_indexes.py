"""What becomes of the indexes that a rollout builds concurrently: the build held in each wait, sent in a transaction.

Afterwards the catalogue says what is there, and the planner what it finds a value by. Judges nothing.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from harness.database import catalog
from harness.database.declaration import find
from harness.database.declared import DeclaredStore, declared_store
from harness.database.rows import one_row
from harness.database.runners import connect, run_statements
from harness.database.scripts import Script, StatementFailed, statements_of
from harness.database.sql_statement import SqlStatement, plain_name, read_statement
from harness.database.structure import structure
from harness.database.templates import Templates
from harness.database.transactions import run_file_transaction, run_simple_query
from harness.rehearsal.build_phase import BUILD_WAITS, Hold
from harness.rehearsal.held import held
from harness.rehearsal.index_evidence import BuiltIndex, BuiltIndexes, HeldBuild, SentBuild
from harness.rehearsal.locks import refused_modes

VALUED_ROWS: Final = 1000
"""Rows that are given a value before the planner is asked, where the column takes one that is made up."""
_WHOLE: Final = "every file so far in one transaction"


def build_indexes(
    templates: Templates, filled: Templates, ups: Sequence[Script], builds: Sequence[str]
) -> BuiltIndexes:
    """Sends each of these files, by their names, and holds each build, on a database with what was applied before it.

    What is there after all steps is read of the `filled` ones: of a small table the planner reads all.
    """
    store = declared_store(templates.rollout)
    locked: list[HeldBuild] = []
    sent: list[SentBuild] = []
    built: tuple[BuiltIndex, ...] = ()
    valued = 0
    found_by: tuple[str, ...] = ()
    try:
        for number, script in enumerate(ups):
            if script.name in builds:
                sent += _sent(templates, ups[:number], script)
            locked += asyncio.run(_held(templates, ups[:number], script))
        built, valued, found_by = _applied(filled, store, ups, builds)
    except StatementFailed as failed:
        refused = f"{failed.file} is refused with {failed.sqlstate}: {failed.message}"
    except psycopg.Error as error:
        refused = f"the build is refused with {error.sqlstate}: {error.diag.message_primary or error}"
    else:
        refused = ""
    return BuiltIndexes(tuple(locked), tuple(sent), built, store.index, valued, found_by, refused)


def _sent(templates: Templates, before: Sequence[Script], script: Script) -> Iterator[SentBuild]:
    whole = Script(script.name, "\n".join(each.text for each in (*before, script)))
    yield _tried(templates, before, script, "each statement by itself", run_statements)
    yield _tried(templates, before, script, "the file in one transaction", run_file_transaction)
    if len(statements_of(script.text)) > 1:
        yield _tried(templates, before, script, "the file in one message", run_simple_query)
    if before:
        yield _tried(templates, (), whole, _WHOLE, run_file_transaction)


def _tried(
    templates: Templates, before: Sequence[Script], script: Script, way: str, run: Callable[..., None]
) -> SentBuild:
    sqlstate = message = ""
    with templates.after(before) as dsn:
        as_it_was = structure(dsn)
        try:
            run(dsn, [script], lambda _: None)
        except StatementFailed as failed:
            sqlstate, message = failed.sqlstate, failed.message
        has_changed = structure(dsn) != as_it_was
    return SentBuild(script.name, way, run is not run_statements, sqlstate, message, has_changed)


async def _held(templates: Templates, before: Sequence[Script], script: Script) -> list[HeldBuild]:
    """Each build of the file: a concurrent one in its waits, another, of a table with rows, in its transaction."""
    found: list[HeldBuild] = []
    tables = declared_store(templates.rollout).tables
    statements = statements_of(script.text)
    for number, statement in enumerate(statements):
        build = read_statement(statement.text)
        table = plain_name(build.table)
        if not build.builds or (table not in tables and not build.is_concurrent):
            continue
        first = Script(script.name, "\n".join(each.text for each in statements[:number]))
        for hold in BUILD_WAITS if build.is_concurrent else (Hold.TRANSACTION,):
            with templates.after(before) as dsn:
                run_statements(dsn, [first], lambda _: None)
                with connect(dsn) as other:
                    async with held(dsn, hold, build.text, table):
                        found.append(HeldBuild(script.name, hold, refused_modes(other, table)))
    return found


def _build_of(script: Script) -> SqlStatement:
    return read_statement(statements_of(script.text)[-1].text)


def _applied(
    templates: Templates, store: DeclaredStore, ups: Sequence[Script], builds: Sequence[str]
) -> tuple[tuple[BuiltIndex, ...], int, tuple[str, ...]]:
    with templates.after([]) as dsn:
        run_statements(dsn, ups, lambda _: None)
        with connect(dsn) as connection:
            built = [_found(connection, each) for each in ups if each.name in builds and _build_of(each).name]
            if store.index is None:
                return tuple(built), 0, ()
            valued = _give_values(connection, store)
            return tuple(built), valued, _found_by(connection, store)


def _found(connection: psycopg.Connection[Any], script: Script) -> BuiltIndex:
    build = _build_of(script)
    name = plain_name(build.name)
    return BuiltIndex(script.name, name, find(catalog.indexes(connection, plain_name(build.table)), name))


def _give_values(connection: psycopg.Connection[Any], store: DeclaredStore) -> int:
    """How many rows got a value; none where the column takes no text, or another constraint forbids it."""
    statement = sql.SQL(
        "UPDATE {table} SET {column} = 'v-' || left(md5({key}::text), 16)"
        " WHERE {key} IN (SELECT {key} FROM {table} LIMIT {most})"
    ).format(**_names(store), most=VALUED_ROWS)
    try:
        with connection.transaction():
            valued = connection.execute(statement).rowcount
    except psycopg.Error:
        valued = 0
    connection.execute(sql.SQL("ANALYZE {table}").format(**_names(store)))
    return valued


def _found_by(connection: psycopg.Connection[Any], store: DeclaredStore) -> tuple[str, ...]:
    """By the plan for any value, not for one: a prepared statement's."""
    column = store.column
    prepare = sql.SQL("PREPARE look_up ({kind}) AS SELECT {key} FROM {table} WHERE {column} = $1").format(
        **_names(store), kind=sql.SQL(column.type)
    )
    connection.execute("SET plan_cache_mode = force_generic_plan")
    connection.execute(prepare)
    (nodes,) = one_row(connection, "EXPLAIN (FORMAT JSON) EXECUTE look_up (NULL)")
    return indexes_in(nodes)


def indexes_in(plans: Any) -> tuple[str, ...]:
    """Every index that is named in query plans, as EXPLAIN (FORMAT JSON) has them."""
    return tuple(dict.fromkeys(_indexes_in({"Plans": [plan["Plan"] for plan in plans]})))


def _indexes_in(node: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in node:
        yield node["Index Name"]
    for child in node.get("Plans", ()):
        yield from _indexes_in(child)


def _names(store: DeclaredStore) -> dict[str, sql.Composable]:
    return {
        "table": sql.Identifier(store.table),
        "key": sql.Identifier(store.key),
        "column": sql.Identifier(store.column.name),
    }
