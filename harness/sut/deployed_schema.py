"""Reads a deployed database: its column and index, what it does to values, and how the planner looks one up.

Only reads, in transactions that say so and are bounded in time. Judges nothing.
"""

import json
from collections.abc import Iterator
from typing import Final

import psycopg
from psycopg import sql

from harness import plan
from harness.database import catalog
from harness.database.catalog import Connection
from harness.database.declaration import find
from harness.database.deployed import DeployedSchema, LookUp, PlanNode
from harness.database.dsn import CONNECT_S_MAX
from harness.database.effects.survey import database_effects
from harness.database.visibility import obstacles, whereabouts
from harness.report.escape import masked
from harness.rule.shapes import STORED_VALUES
from harness.sut.foreign_rows import DatabaseUnavailableError
from harness.sut.read_only import read_only

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


def read_deployed_schema(dsn: str) -> DeployedSchema:
    """What can be read of it. Raises DatabaseUnavailableError when that is nothing.

    Where the database goes away, or takes too long, later on, `cut_short` says so.
    """
    schema = DeployedSchema()
    try:
        with read_only(dsn, CONNECT_S_MAX) as connection:
            _read(connection, schema)
    except DatabaseUnavailableError as error:
        if not schema.columns:
            raise
        schema.cut_short = str(error)
    return schema


def _read(connection: Connection, schema: DeployedSchema) -> None:
    schema.columns = catalog.columns(connection, plan.METADATA_TABLE)
    if not schema.columns:
        schema.missing = whereabouts(connection, plan.METADATA_TABLE)
        return
    schema.obstacles = tuple(
        obstacle for obstacle in obstacles(connection) if obstacle.elsewhere or obstacle.stale
    )
    of_table = [
        obstacle for obstacle in schema.obstacles if obstacle.stale or obstacle.table == plan.METADATA_TABLE
    ]
    if any(obstacle.ambiguous or obstacle.stale for obstacle in of_table):
        return  # nothing of it need be true of the table that is written
    if not any(obstacle.ambiguous for obstacle in schema.obstacles):
        schema.effects = database_effects(connection, STORED_VALUES)
    if of_table:
        return  # a view has no index
    schema.indexes = catalog.indexes(connection, plan.METADATA_TABLE)
    if find(schema.columns, plan.COLUMN) is not None:
        schema.look_up = _look_up(connection)


def _look_up(connection: Connection) -> LookUp:
    readable = obstacles(connection, {plan.METADATA_TABLE: (plan.COLUMN,)})
    refused = [obstacle.describe() for obstacle in readable if obstacle.refused and not obstacle.filtered]
    if refused:
        return LookUp(refused="; ".join(refused))
    try:
        with connection.transaction():
            return LookUp(_nodes(connection))
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error as error:  # of a policy's condition, which the planner evaluates
        return LookUp(refused=masked(" ".join(str(error).split())))


def _nodes(connection: Connection) -> tuple[PlanNode, ...]:
    """What the planner reads to find a value of the column: the nodes of the table's own tables and indexes."""
    connection.execute(SWITCHES)
    in_parts = catalog.is_partitioned(connection, plan.METADATA_TABLE)
    query = sql.SQL(LOOK_UP).format(
        only=sql.SQL("" if in_parts else "ONLY"),
        table=sql.Identifier(plan.METADATA_TABLE),
        column=sql.Identifier(plan.COLUMN),
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
