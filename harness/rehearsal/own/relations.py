"""The tables of a schema as rows and traffic are made from them: columns, keys, references, what they refuse.

Source: PostgreSQL, "System Catalogs" (pg_attribute, pg_type, pg_index, pg_constraint).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import class_row, tuple_row

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class GivenColumn:
    """A column, with what its values must be like."""

    name: str
    type: str
    """As SQL writes it, with its length."""
    base: str
    """The name of the type below any domain: `int4`; of an array that of its elements."""
    kind: str
    """pg_type.typtype of that type: b, e (enum), r (range), c (composite)."""
    is_array: bool
    length: int
    """The most characters, bits or digits, or a vector's dimensions; 0 where the type has no bound."""
    scale: int
    """Of a number's digits those behind the point."""
    nullable: bool
    differs: bool
    """An identity, or a default that is another each time (nextval, gen_random_uuid), fills it in."""
    generated: bool
    """It is computed, and cannot be written."""
    always: bool
    """An identity that no UPDATE may change."""
    words: tuple[str, ...]
    """Of an enum."""

    @property
    def identifier(self) -> sql.Identifier:
        """Its name, quoted."""
        return sql.Identifier(self.name)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key."""

    name: str
    columns: tuple[str, ...]
    table: int
    """The oid of the one referred to."""
    their_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckConstraint:
    """A CHECK over columns of a table."""

    name: str
    columns: tuple[str, ...]
    definition: str


@dataclass(frozen=True, slots=True)
class GivenTable:
    """A table, partitioned or not."""

    oid: int
    schema: str
    name: str
    is_partitioned: bool
    columns: tuple[GivenColumn, ...]
    uniques: tuple[tuple[str, ...], ...]
    """Columns of each unique index, expressions and predicates among them; the primary key's are first."""
    key: tuple[str, ...]
    """The primary key's columns; none without one."""
    references: tuple[ForeignKey, ...]
    checks: tuple[CheckConstraint, ...]
    exclusions: tuple[str, ...]
    """Names of constraints that keep rows from overlapping."""

    @property
    def identifier(self) -> sql.Identifier:
        """Its name with its schema, quoted."""
        return sql.Identifier(self.schema, self.name)

    def describe(self) -> str:
        """Its name as people write it."""
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    def column(self, name: str) -> GivenColumn:
        """The column of that name. Raises KeyError without one."""
        found = {column.name: column for column in self.columns}
        return found[name]

    @property
    def written(self) -> tuple[GivenColumn, ...]:
        """The columns that can be written."""
        return tuple(column for column in self.columns if not column.generated)


_COLUMNS: Final = r"""
    WITH RECURSIVE below (origin, oid, typmod, not_null) AS (
        SELECT a.attnum, a.atttypid, a.atttypmod, a.attnotnull FROM pg_attribute AS a
        WHERE a.attrelid = %(table)s AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT below.origin, t.typbasetype, t.typtypmod, below.not_null OR t.typnotnull
        FROM below JOIN pg_type AS t ON t.oid = below.oid WHERE t.typtype = 'd'
    )
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
        e.typname AS base, e.typtype::text AS kind, t.typcategory = 'A' AS is_array,
        CASE WHEN below.typmod < 0 THEN 0
            WHEN e.typname IN ('varchar', 'bpchar') THEN below.typmod - 4
            WHEN e.typname IN ('bit', 'varbit', 'vector', 'halfvec') THEN below.typmod
            WHEN e.typname = 'numeric' THEN (below.typmod - 4) >> 16 & 65535
            ELSE 0 END AS length,
        -- eleven bits with a sign; below 0 it is taken for 0
        CASE WHEN below.typmod >= 0 AND e.typname = 'numeric'
            THEN greatest(((below.typmod - 4) & 2047 # 1024) - 1024, 0) ELSE 0 END AS scale,
        NOT below.not_null AS nullable,
        a.attidentity <> '' OR a.attgenerated = '' AND EXISTS (
            -- A built-in function leaves no row in pg_depend: the calls are read from the stored expression tree.
            SELECT FROM pg_attrdef AS d, regexp_matches(d.adbin::text, 'funcid (\d+)', 'g') AS called (oids)
            JOIN pg_proc AS p ON p.oid = called.oids[1]::oid
            WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND p.provolatile = 'v'
        ) AS differs,
        a.attgenerated <> '' AS generated, a.attidentity = 'a' AS always,
        ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = e.oid ORDER BY enumsortorder) AS words
    FROM below
    JOIN pg_attribute AS a ON a.attrelid = %(table)s AND a.attnum = below.origin
    JOIN pg_type AS t ON t.oid = below.oid AND t.typtype <> 'd'
    JOIN pg_type AS e ON e.oid = CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE t.oid END
    ORDER BY a.attnum"""

# An index over expressions depends on their columns; pg_index itself has 0 in their place.
_UNIQUES: Final = """
    SELECT i.indisprimary, ARRAY(
        SELECT DISTINCT a.attname::text FROM pg_attribute AS a
        WHERE a.attrelid = i.indrelid AND (
            a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
            OR 0 = ANY (i.indkey::smallint[]) AND EXISTS (
                SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                    AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
        ORDER BY 1)
    FROM pg_index AS i WHERE i.indrelid = %(table)s AND i.indisunique
    ORDER BY i.indisprimary DESC, i.indexrelid"""

_CONSTRAINTS: Final = """
    SELECT c.conname::text, c.contype::text, c.confrelid::int8, pg_get_constraintdef(c.oid),
        ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.place),
        ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.number ORDER BY k.place)
    FROM pg_constraint AS c WHERE c.conrelid = %(table)s AND c.contype IN ('c', 'f', 'x')
    ORDER BY c.oid"""


def given_table(connection: Connection, oid: int) -> GivenTable:
    """The table with that oid. Raises LookupError without one."""
    named = {"table": oid}
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(
            "SELECT n.nspname, c.relname, c.relkind = 'p' FROM pg_class AS c "
            "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = %(table)s",
            named,
        ).fetchone()
        if found is None:
            raise LookupError(f"no table with oid {oid}")
        uniques = cursor.execute(_UNIQUES, named).fetchall()
        constraints = cursor.execute(_CONSTRAINTS, named).fetchall()
    with connection.cursor(row_factory=class_row(GivenColumn)) as columns:
        read = tuple(columns.execute(_COLUMNS, named).fetchall())
    keys = [tuple(names) for primary, names in uniques if primary]
    return GivenTable(
        oid,
        schema=found[0],
        name=found[1],
        is_partitioned=found[2],
        columns=read,
        uniques=tuple(tuple(names) for _, names in uniques),
        key=keys[0] if keys else (),
        references=tuple(
            ForeignKey(name, tuple(ours), theirs, tuple(others))
            for name, kind, theirs, _, ours, others in constraints if kind == "f"
        ),
        checks=tuple(
            CheckConstraint(name, tuple(ours), definition)
            for name, kind, _, definition, ours, _ in constraints if kind == "c"
        ),
        exclusions=tuple(name for name, kind, *_ in constraints if kind == "x"),
    )  # fmt: skip


def with_parents(connection: Connection, oids: Iterable[int]) -> tuple[GivenTable, ...]:
    """These tables and all that they refer to, those that are referred to before the others."""
    found: dict[int, GivenTable] = {}
    ordered: list[GivenTable] = []

    def visit(oid: int) -> None:
        if oid in found:
            return  # also where references go round in a circle
        found[oid] = given_table(connection, oid)
        for reference in found[oid].references:
            visit(reference.table)
        ordered.append(found[oid])

    for oid in oids:
        visit(oid)
    return tuple(ordered)
