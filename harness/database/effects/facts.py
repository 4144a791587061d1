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
    at: list[str]
    """The same name as in a statement: the schema where it is needed, then the name."""
    top: list[str]
    """The table that it is inherited from, whose it is to drop; its own where it is not inherited."""
    top_name: str
    """What it is called there."""
    is_local: bool
    """Whether it is its own, too, and so stays when it is dropped there."""
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
    at: list[str]
    """The same name as in a statement: the schema where it is needed, then the name."""
    top: list[str]
    """The partitioned table that it is a copy of its trigger; its own where it is no copy."""
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
    at: list[str]
    """The same name as in a statement: the schema where it is needed, then the name."""
    name: str
    event: str
    instead: bool
    enabled: str
    conditional: bool
    definition: str


@dataclass(frozen=True, slots=True)
class MaintainedIndex:
    """An index that every write maintains."""

    relation: str
    at: list[str]
    """The same name as in a statement: the schema where it is needed, then the name."""
    name: str
    is_unique: bool
    exclusion: bool
    is_primary: bool
    nulls_equal: bool
    keys: list[str]
    predicate: str | None
    definition: str


@dataclass(frozen=True, slots=True)
class Key:
    """A primary key, or an index by which rows are identified for replication."""

    name: str
    relation: str
    is_primary: bool
    at: list[str]
    """The table as in a statement: the schema where it is needed, then the name."""
    has_key: bool
    """Whether the table has a primary key beside it."""


def constraints(connection: Connection, table: str) -> tuple[Constraint, ...]:
    """Constraints other than keys and NOT NULL, by table and name."""
    return facts_of(connection, Constraint, "constraints", table=table)


def triggers(connection: Connection, table: str) -> tuple[Trigger, ...]:
    """All triggers but PostgreSQL's own, by table and name."""
    return facts_of(connection, Trigger, "triggers", table=table)


def functions(connection: Connection, name: str) -> tuple[Function, ...]:
    """Functions of a name, without its schema, that do not come with PostgreSQL."""
    return facts_of(connection, Function, "functions", name=name)


def policies(connection: Connection, table: str) -> tuple[RowPolicy, ...]:
    """Policies for INSERT, by name; none where row-level security is off."""
    return facts_of(connection, RowPolicy, "policies", table=table)


def rules(connection: Connection, table: str) -> tuple[RewriteRule, ...]:
    """Rules by name, but for the one that a view is."""
    return facts_of(connection, RewriteRule, "rules", table=table)


def maintained_indexes(connection: Connection, table: str) -> tuple[MaintainedIndex, ...]:
    """Indexes that writes maintain, by table and name; valid or not."""
    return facts_of(connection, MaintainedIndex, "indexes", table=table)


def not_null_holders(connection: Connection, table: str, column: str) -> tuple[Key, ...]:
    """Indexes for which a column may not be NULL, of a table and of those that it is a part of."""
    with connection.cursor(row_factory=class_row(Key)) as cursor:
        statement = sql_text("queries/not_null_holders.sql").encode()
        return tuple(cursor.execute(statement, {"table": table, "column": column}).fetchall())


def facts_of(connection: Connection, kind: type[_Fact], query: str, **parameters: str) -> tuple[_Fact, ...]:
    statement = sql_text(f"queries/effects_{query}.sql").encode()
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return tuple(cursor.execute(statement, parameters).fetchall())
