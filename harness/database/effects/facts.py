"""What in a database changes or refuses the rows of a table, as its catalogue has it. Judges nothing.

Tables are named without a schema and found by the connection's search_path, as in `catalog`.
Source: PostgreSQL, "System Catalogs" (pg_constraint, pg_trigger, pg_rewrite, pg_index, pg_inherits, pg_attribute).
"""

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import psycopg
from psycopg.rows import class_row

from harness.data import sql_text

Connection = psycopg.Connection[Any]
_Fact = TypeVar("_Fact")

ROW: Final = 1
BEFORE: Final = 2
INSERT: Final = 4
UPDATE: Final = 16
INSTEAD: Final = 64
"""Bits of `Trigger.type`. Source: PostgreSQL, src/include/catalog/pg_trigger.h."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A CHECK (`kind` c), a foreign key (f) or an EXCLUDE (x) of a table or of one of its partitions."""

    relation: str
    name: str
    kind: str
    definition: str
    expression: str | None
    columns: list[str]
    enforced: bool
    other: str
    """The table that a foreign key refers to."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger with the source of its function."""

    relation: str
    name: str
    type: int
    enabled: str
    """O and A fire, D and R (replication alone) do not."""
    definition: str
    function: str
    language: str
    source: str
    arguments: list[str]

    def has(self, bit: int) -> bool:
        """Whether it is of that kind: one of `ROW`, `BEFORE`, `INSERT`, `UPDATE`, `INSTEAD`."""
        return bool(self.type & bit)

    @property
    def is_row(self) -> bool:
        """Whether it runs for each row."""
        return self.has(ROW)

    @property
    def timing(self) -> str:
        """BEFORE, AFTER or INSTEAD OF."""
        return "BEFORE" if self.has(BEFORE) else "INSTEAD OF" if self.has(INSTEAD) else "AFTER"

    @property
    def has_row_result(self) -> bool:
        """Whether the row that the function returns is the one that is written."""
        return self.is_row and self.timing != "AFTER"

    @property
    def fires(self) -> bool:
        """Whether it fires for what an application writes."""
        return self.enabled in "OA"


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the owner's own. `source` is empty where its body was parsed when it was made (BEGIN ATOMIC)."""

    name: str
    language: str
    source: str


@dataclass(frozen=True, slots=True)
class RowPolicy:
    """A row-level security policy that looks at rows which are inserted."""

    name: str
    permissive: bool
    roles: list[str]
    """Names; `public` for all."""
    check: str
    forced: bool
    """Whether it holds for the table's owner, too."""


@dataclass(frozen=True, slots=True)
class RewriteRule:
    """A rule that rewrites statements. `event` is 2 for UPDATE, 3 for INSERT, 4 for DELETE."""

    relation: str
    name: str
    event: str
    instead: bool
    enabled: str
    conditional: bool
    definition: str


@dataclass(frozen=True, slots=True)
class MaintainedIndex:
    """An index that every write maintains. `held_as` names the constraint that it belongs to, if any."""

    relation: str
    name: str
    is_unique: bool
    exclusion: bool
    nulls_equal: bool
    keys: list[str]
    predicate: str | None
    held_as: str
    definition: str
    partitioned: bool
    """Whether its table is, so that it cannot be dropped concurrently."""


@dataclass(frozen=True, slots=True)
class RelationFacts:
    """What a name stands for. `kind` is r for a table, p for a partitioned one, v for a view, m, f as in pg_class."""

    kind: str
    view: str | None
    partition_key: str | None
    leaves: list[str | None]
    """What a row must meet to be taken by each partition that has none itself; None: it takes every row."""
    bound: str | None
    """The same of the relation, where it is a partition."""
    children: list[str]
    parents: list[str]
    has_default: bool
    """Whether it has a default partition."""
    has_parts_in_parts: bool
    """Whether a partition of it is partitioned."""
    bases: list[str]
    """The relations that a view reads."""
    insertable: bool
    unwritable: list[str]
    """Columns of a view that are expressions."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column with what its value is made of where none is given."""

    name: str
    type: str
    generated: str
    """Empty, or s (stored), or v (virtual)."""
    expression: str | None
    type_kind: str
    """b for a base type, d for a domain, e for an enumeration."""
    type_default: str | None
    not_null: bool
    collation: str
    """Empty for a type that has none."""
    deterministic: bool
    """Whether only values of the same bytes are equal."""


def constraints(connection: Connection, table: str) -> tuple[Constraint, ...]:
    """Constraints other than keys and NOT NULL, by table and name."""
    return _facts(connection, Constraint, "constraints", table=table)


def triggers(connection: Connection, table: str) -> tuple[Trigger, ...]:
    """All triggers but PostgreSQL's own, by table and name."""
    return _facts(connection, Trigger, "triggers", table=table)


def functions(connection: Connection, name: str) -> tuple[Function, ...]:
    """Functions of a name, without its schema, that do not come with PostgreSQL."""
    return _facts(connection, Function, "functions", name=name)


def policies(connection: Connection, table: str) -> tuple[RowPolicy, ...]:
    """Policies for INSERT, by name; none where row-level security is off."""
    return _facts(connection, RowPolicy, "policies", table=table)


def rules(connection: Connection, table: str) -> tuple[RewriteRule, ...]:
    """Rules by name, but for the one that a view is."""
    return _facts(connection, RewriteRule, "rules", table=table)


def maintained_indexes(connection: Connection, table: str) -> tuple[MaintainedIndex, ...]:
    """Indexes that writes maintain, by table and name; valid or not."""
    return _facts(connection, MaintainedIndex, "indexes", table=table)


def relation(connection: Connection, table: str) -> RelationFacts | None:
    """What the name stands for, None when for nothing."""
    return next(iter(_facts(connection, RelationFacts, "relation", table=table)), None)


def column_facts(connection: Connection, table: str) -> tuple[ColumnFacts, ...]:
    """The columns in their order."""
    return _facts(connection, ColumnFacts, "columns", table=table)


def _facts(connection: Connection, kind: type[_Fact], query: str, **parameters: str) -> tuple[_Fact, ...]:
    statement = sql_text(f"queries/effects_{query}.sql").encode()
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return tuple(cursor.execute(statement, parameters).fetchall())
