"""Reads a deployed database: its column and index, what it does to values, and how the planner looks one up.

Only reads, in transactions that say so and are bounded in time. Judges nothing.
"""

import json
from collections.abc import Iterator
from typing import Final

import psycopg
from psycopg import sql

from harness.database import catalog
from harness.database.catalog import Connection
from harness.database.declaration import find
from harness.database.declared import DeclaredStore, plan_store
from harness.database.deployed import DeployedSchema, LookUp, PlanNode
from harness.database.dsn import CONNECT_S_MAX
from harness.database.effects.survey import database_effects
from harness.database.visibility import obstacles, whereabouts
from harness.report.escape import masked
from harness.rule.shapes import STORED_VALUES
from harness.sut.foreign_rows import DatabaseUnavailableError
from harness.sut.read_only import read_only

Values = tuple[str | None, ...]

LOOK_UP: Final = """
    EXPLAIN (FORMAT JSON)
    SELECT 1 FROM {only} {table} WHERE {column} = (SELECT {column} FROM {table} WHERE false)"""
"""The value is known when the query runs, as a parameter's is, and has the column's type and collation.

With a literal, the planner would take an index that has this value and lacks others. Tables that inherit are not the
plan's.
"""
SWITCHES: Final = (
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = on; "
    "SET LOCAL row_security = on"  # no row is read
)
"""Sequential scans are taken only where there is nothing else; whatever the role or the database has switched off."""


def read_deployed_schema(
    dsn: str, declared: DeclaredStore | None = None, values: Values = STORED_VALUES
) -> DeployedSchema:
    """What can be read of it. Raises DatabaseUnavailableError when that is nothing.

    `declared` is what it is held to, by default the plan's; `values` must be stored as they are.
    Where the database goes away, or takes too long, later on, `cut_short` says so.
    """
    schema = DeployedSchema(declared or plan_store())
    try:
        with read_only(dsn, CONNECT_S_MAX) as connection:
            _read(connection, schema, values)
    except DatabaseUnavailableError as error:
        if not schema.columns:
            raise
        schema.cut_short = str(error)
    return schema


def _read(connection: Connection, schema: DeployedSchema, values: Values) -> None:
    store = schema.declared
    schema.columns = catalog.columns(connection, store.table)
    if not schema.columns:
        schema.missing = whereabouts(connection, store.table)
        return
    schema.obstacles = tuple(
        obstacle for obstacle in obstacles(connection, store.needed) if obstacle.elsewhere or obstacle.stale
    )
    of_table = [obstacle for obstacle in schema.obstacles if obstacle.stale or obstacle.table == store.table]
    if any(obstacle.ambiguous or obstacle.stale for obstacle in of_table):
        return  # nothing of it need be true of the table that is written
    if not any(obstacle.ambiguous for obstacle in schema.obstacles):
        schema.effects = database_effects(connection, values, store)
    if of_table:
        return  # a view has no index
    schema.indexes = catalog.indexes(connection, store.table)
    if store.index is not None and find(schema.columns, store.column.name) is not None:
        schema.look_up = _look_up(connection, store)


def _look_up(connection: Connection, store: DeclaredStore) -> LookUp:
    readable = obstacles(connection, {store.table: (store.column.name,)})
    refused = [obstacle.describe() for obstacle in readable if obstacle.refused and not obstacle.filtered]
    if refused:
        return LookUp(refused="; ".join(refused))
    try:
        with connection.transaction():
            return LookUp(_nodes(connection, store))
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error as error:  # of a policy's condition, which the planner evaluates
        return LookUp(refused=masked(" ".join(str(error).split())))


def _nodes(connection: Connection, store: DeclaredStore) -> tuple[PlanNode, ...]:
    """What the planner reads to find a value of the column: the nodes of the table's own tables and indexes."""
    connection.execute(SWITCHES)
    in_parts = catalog.is_partitioned(connection, store.table)
    query = sql.SQL(LOOK_UP).format(
        only=sql.SQL("" if in_parts else "ONLY"),
        table=sql.Identifier(store.table),
        column=sql.Identifier(store.column.name),
    )
    row = connection.execute(query).fetchone()
    assert row is not None, "EXPLAIN has a line"
    document = row[0] if isinstance(row[0], list) else json.loads(row[0])
    return tuple(_leaves(document[0]["Plan"]))


def _leaves(node: PlanNode) -> Iterator[PlanNode]:
    """The nodes that read the table; not those of the value, nor of a policy's conditions."""
    below = [
        child
        for child in node.get("Plans", [])
        if child["Parent Relationship"] not in ("InitPlan", "SubPlan")
    ]
    for child in below:
        yield from _leaves(child)
    if not below and node["Node Type"] != "Result":
        yield node
