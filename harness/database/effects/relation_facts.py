"""What a table's name stands for, and its columns, as the catalogue has them."""

from dataclasses import dataclass

from harness.database.effects.facts import Connection, facts_of


@dataclass(frozen=True, slots=True)
class RelationFacts:
    """What a name stands for. `kind` is r for a table, p for a partitioned one, v for a view, m, f as in pg_class."""

    kind: str
    is_partition: bool
    top: list[str]
    """The table that this one is a part of, the uppermost; its own name where it is no partition."""
    is_of_type: bool
    """Whether it takes its columns from a composite type."""
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
    readers: list[str]
    """What depends on a view, in words."""
    free_name: str
    """A name for the view that nothing has yet."""
    free_part: str
    """A name for a default partition that nothing has yet."""
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
    identity: str
    """Empty, or a (always), or d (by default)."""
    is_held: bool
    """Whether something depends on it that would refuse its drop."""
    expression: str | None
    type_kind: str
    """b for a base type, d for a domain, e for an enumeration."""
    category: str
    """S for types of text."""
    type_default: str | None
    not_null: bool
    collation: str
    """Empty for a type that has none."""
    deterministic: bool
    """Whether only values of the same bytes are equal."""


def relation(connection: Connection, table: str) -> RelationFacts | None:
    """What the name stands for, None when for nothing."""
    return next(iter(facts_of(connection, RelationFacts, "relation", table=table)), None)


def column_facts(connection: Connection, table: str) -> tuple[ColumnFacts, ...]:
    """The columns in their order."""
    return facts_of(connection, ColumnFacts, "columns", table=table)
