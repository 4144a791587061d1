"""Rows of a statement as tuples, whatever a connection makes of them elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

Values = Sequence[object] | Mapping[str, object] | None


def all_rows(
    connection: psycopg.Connection[Any], statement: str | sql.SQL | sql.Composed, values: Values = None
) -> list[tuple[Any, ...]]:
    """Every row. Raises psycopg.Error."""
    query = statement.encode() if isinstance(statement, str) else statement
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(query, values).fetchall()


def one_row(
    connection: psycopg.Connection[Any], statement: str | sql.SQL | sql.Composed, values: Values = None
) -> tuple[Any, ...]:
    """The row of a statement that always has one, such as a count. Raises psycopg.Error."""
    (row,) = all_rows(connection, statement, values)
    return row
