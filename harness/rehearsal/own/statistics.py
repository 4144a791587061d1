"""What a live database's statistics say of its columns: how many values differ, how many are NULL, how wide they are.

No value of a row is read: not the most common ones either, which pg_stats has, too. Source: PostgreSQL, "pg_stats",
and pg_restore_attribute_stats, which `pg_dump --statistics-only` of version 18 writes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from harness.rehearsal.own.relations import GivenTable


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Of one column."""

    null_share: float
    """From 0 to 1."""
    width: int
    """Bytes of a value, on average."""
    distinct: float
    """How many values differ; below 0 it is a share of the rows: -1 where all do."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of all tables, each by its schema and name."""

    rows: Mapping[tuple[str, str], float] = field(default_factory=dict)
    columns: Mapping[tuple[str, str], Mapping[str, ColumnStatistics]] = field(default_factory=dict)

    def of(self, table: GivenTable) -> Mapping[str, ColumnStatistics]:
        """What is known of a table's columns, by their names."""
        return self.columns.get((table.schema, table.name), {})

    def rows_of(self, table: GivenTable) -> float:
        """How many rows a table has; 0 where that is not known."""
        return max(0.0, self.rows.get((table.schema, table.name), 0.0))

    def describe(self) -> str:
        """How much there is, in a few words."""
        return f"statistics of {sum(map(len, self.columns.values()))} columns in {len(self.columns)} tables"


NO_STATISTICS: Final = Statistics()

# Of a partitioned table pg_class has -1 before it is analyzed; its parts have the rows.
_ROWS: Final = """
    SELECT n.nspname, c.relname, (
        SELECT sum(greatest(leaf.reltuples, 0)) FROM pg_partition_tree(c.oid) AS part
        JOIN pg_class AS leaf ON leaf.oid = part.relid WHERE part.isleaf OR part.relid = c.oid AND c.relkind = 'r'
    )::float8
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')"""
_COLUMNS: Final = """
    SELECT schemaname, tablename, attname, null_frac, avg_width, n_distinct FROM pg_stats
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY inherited"""


def live_statistics(connection: psycopg.Connection[Any]) -> Statistics:
    """Those of the database behind a connection, of the tables that its role may read. Raises psycopg.Error."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = {(schema, name): float(count or 0) for schema, name, count in cursor.execute(_ROWS)}
        return Statistics(rows, _by_table(cursor.execute(_COLUMNS)))


_CALL: Final = re.compile(
    r"pg_restore_(?P<what>relation|attribute)_stats\s*\((?P<arguments>(?:'(?:''|[^'])*'|[^')])*)\)",
    re.IGNORECASE,
)
_ARGUMENT: Final = re.compile(r"'(?P<name>\w+)'\s*,\s*E?'(?P<value>(?:''|[^'])*)'(?=\s*(?:::|,|$))")


def dumped_statistics(text: str) -> Statistics:
    """Those of a file that `pg_dump --statistics-only` has written. Raises ValueError for what is none."""
    rows: dict[tuple[str, str], float] = {}
    columns: list[tuple[Any, ...]] = []
    for call in _CALL.finditer(text):
        given = {
            found["name"]: found["value"].replace("''", "'")
            for found in _ARGUMENT.finditer(call["arguments"])
        }
        place = (
            (given["schemaname"], given["relname"]) if {"schemaname", "relname"} <= given.keys() else ("", "")
        )
        if call["what"].lower() == "relation":
            rows[place] = float(given.get("reltuples", 0))
        elif "attname" in given:
            numbers = (float(given.get(name, 0)) for name in ("null_frac", "avg_width", "n_distinct"))
            columns.append((*place, given["attname"], *numbers, given.get("inherited", "f")))
    if not columns and not rows:
        raise ValueError("it holds no call of pg_restore_attribute_stats")
    in_order = sorted(columns, key=lambda column: str(column[-1]).startswith("t"))
    return Statistics(rows, _by_table(column[:-1] for column in in_order))


def _by_table(found: Iterable[tuple[Any, ...]]) -> dict[tuple[str, str], dict[str, ColumnStatistics]]:
    """Those of a table with all its parts come last, and count."""
    columns: dict[tuple[str, str], dict[str, ColumnStatistics]] = {}
    for schema, table, column, null_share, width, distinct in _known(found):
        statistics = ColumnStatistics(min(1.0, max(0.0, float(null_share))), int(width), float(distinct))
        columns.setdefault((schema, table), {})[column] = statistics
    return columns


def _known(found: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    return (row for row in found if None not in row)
