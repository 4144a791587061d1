"""The statements that build an index without keeping writers out, on a table or on one in partitions.

A concurrent build of a partitioned table is always refused; the way is an index on its parents alone, one concurrent
build a partition, and ATTACH. Source: PostgreSQL, "CREATE INDEX", "Building Indexes Concurrently" and "Table
Partitioning".
"""

from collections.abc import Iterator
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from harness.data import sql_text
from harness.database import catalog
from harness.database.catalog import Connection


class _Part(NamedTuple):
    name: str
    """As it stands in a statement."""
    parent: str
    is_leaf: bool
    is_table: bool


def build_statements(connection: Connection, table: str, index: str, column: str) -> tuple[str, ...]:
    """Each to be sent by itself and outside a transaction; none where a partition is a foreign table, which has none.

    Raises psycopg.Error when the catalogue cannot be read.
    """
    if not catalog.is_partitioned(connection, table):
        statement = "CREATE INDEX CONCURRENTLY {index} ON {table} ({column});"
        return (_written(statement, index=index, table=table, column=column),)
    parts = _parts(connection, table)
    if any(part.is_leaf and not part.is_table for part in parts):
        return ()
    names = dict(zip((part.name for part in parts), _free_names(connection, index, len(parts)), strict=True))
    built = []
    for part in parts:
        how = "CONCURRENTLY {index} ON" if part.is_leaf else "{index} ON ONLY"
        statement = f"CREATE INDEX {how} {{table}} ({{column}});"
        # The part's name stands in quotes already where it needs them.
        built.append(_written(statement, index=names[part.name], table=sql.SQL(part.name), column=column))
    attached = [
        _written(
            "ALTER INDEX {above} ATTACH PARTITION {index};", above=names[part.parent], index=names[part.name]
        )
        for part in reversed(parts)
        if part.parent
    ]
    return (*built, *attached)


def drop_statement(connection: Connection, table: str, index: str) -> str:
    """Takes an index away: with the constraint that holds it (2BP01), in parts not concurrently (0A000)."""
    if held := catalog.constraint_of(connection, index):
        statement = "ALTER TABLE {table} DROP CONSTRAINT {constraint};"
        return _written(statement, table=table, constraint=held)
    how = "" if catalog.is_partitioned(connection, table) else "CONCURRENTLY "
    return _written(f"DROP INDEX {how}{{index}};", index=index)


def _parts(connection: Connection, table: str) -> list[_Part]:
    with connection.cursor(row_factory=class_row(_Part)) as cursor:
        found = cursor.execute(sql_text("queries/partition_tree.sql").encode(), [table]).fetchall()
    # The table's own parent, where it is a partition itself, has nothing to do with it.
    return [part if number else part._replace(parent="") for number, part in enumerate(found)]


def _free_names(connection: psycopg.Connection, index: str, count: int) -> Iterator[str]:
    """The index's name, then names for those of partitions that nothing has yet."""
    yield index
    number = 0
    for _ in range(count - 1):
        number += 1
        while catalog.exists(connection, f"{index[:56]}_{number}"):
            number += 1
        yield f"{index[:56]}_{number}"


def _written(statement: str, **names: str | sql.SQL) -> str:
    given = {key: sql.Identifier(name) if isinstance(name, str) else name for key, name in names.items()}
    return sql.SQL(statement).format(**given).as_string()
