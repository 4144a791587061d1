"""The parts of a partitioned table: their names, and which values of its key lead to each.

Source: PostgreSQL, CREATE TABLE, "partition_bound_spec", as pg_get_expr(relpartbound) writes it.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from harness.database.rows import all_rows
from harness.rehearsal.own.relations import GivenColumn, GivenTable

_TREE: Final = """
    SELECT part.relid::int8, part.parentrelid::int8,
        quote_ident(n.nspname), quote_ident(c.relname), c.relname, part.isleaf,
        coalesce(pg_get_expr(c.relpartbound, c.oid), ''), k.partstrat::text,
        ARRAY(SELECT a.attname::text FROM unnest(k.partattrs::smallint[]) WITH ORDINALITY AS p (number, place)
            JOIN pg_attribute AS a ON a.attrelid = k.partrelid AND a.attnum = p.number ORDER BY p.place)
    FROM pg_partition_tree(%s::oid::regclass) AS part
    JOIN pg_class AS c ON c.oid = part.relid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_partitioned_table AS k ON k.partrelid = part.parentrelid
    WHERE part.relid <> %s::oid ORDER BY part.level, n.nspname, c.relname"""
_LIST: Final = re.compile(r"FOR VALUES IN \((?P<values>.*)\)$", re.DOTALL)
_RANGE: Final = re.compile(r"FOR VALUES FROM \((?P<least>.*)\) TO \((?P<most>.*)\)$", re.DOTALL)
_ITEM: Final = re.compile(r"'(?:''|[^'])*'|[^,\s]+")
_SPREAD: Final = 1_000_000
"""How many values a range without an end is spread over."""


@dataclass(frozen=True, slots=True)
class TablePart:
    """A part of a table, or of another part."""

    oid: int
    parent: int
    schema: str
    """In quotes where it needs them, as the next."""
    written: str
    name: str
    is_leaf: bool
    bound: str
    strategy: str
    """Of its parent: l, r or h."""
    columns: tuple[str, ...]
    """Of its parent's key; none where it is an expression."""


def parts_of(connection: psycopg.Connection[Any], oid: int) -> tuple[TablePart, ...]:
    """All parts below a table, those above before those below."""
    return tuple(
        TablePart(oid, parent, schema, written, name, is_leaf, bound, strategy or "", tuple(columns or ()))
        for oid, parent, schema, written, name, is_leaf, bound, strategy, columns in all_rows(
            connection, _TREE, [oid, oid]
        )
    )


def routes(table: GivenTable, parts: tuple[TablePart, ...]) -> tuple[dict[str, str], ...]:
    """For each part without parts what leads a row to it: SQL by column, over `{n}`, a whole number from 0 on.

    Parts by hash need nothing and share one. What lies in a part for all the rest is left out where there are others.
    """
    by_oid = {part.oid: part for part in parts}
    found: dict[tuple[tuple[str, str], ...], None] = {}
    for leaf in (part for part in parts if part.is_leaf):
        chain = [leaf]
        while chain[-1].parent in by_oid:
            chain.append(by_oid[chain[-1].parent])
        if any(part.bound == "DEFAULT" for part in chain):
            continue
        wanted: dict[str, str] = {}
        for part in chain:  # the nearest bound of a column is the narrowest
            wanted = _wanted(table, part) | wanted
        found[tuple(sorted(wanted.items()))] = None
    return tuple(dict(items) for items in found) or ({},)


def _wanted(table: GivenTable, part: TablePart) -> dict[str, str]:
    if part.strategy == "h" or not part.columns:
        return {}
    column = table.column(part.columns[0])
    if listed := _LIST.match(part.bound):
        values = [value for value in _ITEM.findall(listed["values"]) if value != "NULL"]
        if not values:
            return {column.name: "NULL"}
        return {
            column.name: f"((ARRAY[{', '.join(values)}])::text[])[1 + ({{n}}) % {len(values)}]::{column.type}"
        }
    ranged = _RANGE.match(part.bound)
    if ranged is None:
        return {}
    least, most = (_ITEM.findall(ranged[end]) for end in ("least", "most"))
    found = {column.name: _between(column, least[0], most[0])}
    if least[0] == most[0] and len(part.columns) > 1:
        second = table.column(part.columns[1])
        found[second.name] = _between(second, least[1], most[1])
    return found


def _between(column: GivenColumn, least: str, most: str) -> str:
    """SQL for a value from the least on and below the most; the least itself where the type knows no distance."""
    whole = column.base in ("int2", "int4", "int8", "oid", "date")
    in_time = column.base in ("timestamp", "timestamptz")
    scaled = column.base in ("numeric", "float4", "float8")
    low, high = f"({least})::{column.type}", f"({most})::{column.type}"
    unit = " * interval '1 second'" if in_time else "::int"
    step = f"(1 + ({{n}}) % {_SPREAD}){unit}"
    if "MINVALUE" in (least, most) or "MAXVALUE" in (least, most):
        if not (whole or in_time or scaled):
            return low if least != "MINVALUE" else "''"
        if least == "MINVALUE":
            return f"({high} - {step})::{column.type}" if most != "MAXVALUE" else f"({{n}})::{column.type}"
        return f"({low} + {step})::{column.type}"
    if whole:
        return f"({low} + (({{n}}) % ({high} - {low}))::int)::{column.type}"
    if in_time or scaled:
        return f"({low} + ({high} - {low}) * (({{n}}) % 99991 / 99991.0))::{column.type}"
    return low
