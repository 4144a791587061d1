"""The statements that build an index without keeping writers out, on a table or on one in partitions.

A concurrent build of a partitioned table is always refused; the way is an index on its parents alone, one concurrent
build a partition, and ATTACH. Source: PostgreSQL, "CREATE INDEX", "Building Indexes Concurrently" and "Table
Partitioning".
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row

from harness.data import sql_text
from harness.database import catalog
from harness.database.catalog import Connection
from harness.database.evaluation import identifier
from harness.database.holders import index_hold
from harness.database.rows import all_rows


class _Part(NamedTuple):
    name: str
    """As it stands in a statement."""
    parent: str
    is_leaf: bool
    is_table: bool
    schema: str


class Drop(NamedTuple):
    """How an index is taken away."""

    statements: tuple[str, ...]
    """None where something needs it that cannot go with it."""
    advice: str
    """What goes with it, or what needs it; empty where nothing does."""


def build_statements(connection: Connection, table: str, index: str, column: str) -> tuple[str, ...]:
    """Each to be sent by itself and outside a transaction; none where a partition is a foreign table, which has none.

    `table` is found by its name. Raises psycopg.Error when the catalogue cannot be read.
    """
    if not catalog.is_partitioned(connection, table):
        begin = f"CREATE INDEX CONCURRENTLY {identifier(index)}"
        return (f"{begin} ON {identifier(table)} ({identifier(column)});",)
    parts = _parts(connection, table)
    if any(part.is_leaf and not part.is_table for part in parts):
        return ()
    names = dict(zip((part.name for part in parts), _free_names(connection, index, len(parts)), strict=True))
    built = []
    for part in parts:
        how = "CONCURRENTLY {index} ON" if part.is_leaf else "{index} ON ONLY"
        # The part's name stands in quotes already where it needs them.
        begin = f"CREATE INDEX {how.format(index=identifier(names[part.name]))}"
        built.append(f"{begin} {part.name} ({identifier(column)});")
    # An index lies in the schema of its table, which need not be on the search_path, or not first.
    written = {part.name: identifier(part.schema, names[part.name]) for part in parts}
    attached = [
        f"ALTER INDEX {written[part.parent]} ATTACH PARTITION {written[part.name]};"
        for part in reversed(parts)
        if part.parent
    ]
    return (*built, *attached)


def make_room(connection: Connection, table: str, index: str) -> Drop | None:
    """What gives another index another name where it has the one that an index of the table is to have.

    None where the name is free; without statements where it is no index that has it. Raises psycopg.Error.
    """
    found = all_rows(connection, sql_text("queries/name_taken.sql"), {"table": table, "index": index})
    if not found:
        return None
    kind, holder, schema = found[0]
    if kind != "index":
        return Drop((), f"{kind} {index} has the name of the index: give it another one first")
    *_, free = _free_names(connection, index, 2)
    rename = f"ALTER INDEX {identifier(schema, index)} RENAME TO {identifier(free)};"
    return Drop((rename,), f"an index of {holder} has its name")


def drop_index(
    connection: Connection, table: Sequence[str], index: str, *, alone: bool = False, if_exists: bool = False
) -> Drop:
    """Takes an index away: with the constraint that holds it (2BP01), in parts not concurrently (0A000).

    Foreign keys that need it go first, and what is identified by it for replication is identified otherwise. `table`
    has its schema before it where it needs one; `alone` is whether it is taken for no part of another, `if_exists`
    whether something told before may have dropped the index. Raises psycopg.Error.
    """
    hold = index_hold(connection, table, index, alone=alone)
    if hold is None:
        return Drop((), "")
    if hold.others:
        return Drop(
            (), f"it is needed by {', '.join(hold.others)}: drop that first, and make it again without it"
        )
    referring = [
        f"ALTER TABLE {identifier(*names)} DROP CONSTRAINT IF EXISTS {identifier(name)};"
        for *names, name in hold.referring
    ]
    identified = [
        f"ALTER TABLE {identifier(*names)} REPLICA IDENTITY {kind};" for *names, kind in hold.identifies
    ]
    how = "" if hold.in_parts else "CONCURRENTLY "
    drop = f"DROP INDEX {how}{'IF EXISTS ' if if_exists else ''}{identifier(*hold.index)};"
    if hold.constraint:
        drop = f"ALTER TABLE {identifier(*hold.table)} DROP CONSTRAINT {identifier(hold.constraint)};"
    text = [f"foreign key {name} of {table}, which needs it, goes first" for _, table, name in hold.referring]
    text += ["the replica identity is another one then"] if identified else []
    return Drop((*referring, *identified, drop), "; ".join(text))


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
        while _is_taken(connection, f"{index[:56]}_{number}"):
            number += 1
        yield f"{index[:56]}_{number}"


def _is_taken(connection: Connection, name: str) -> bool:
    """Whether a relation of any schema has the name."""
    return bool(all_rows(connection, "SELECT 1 FROM pg_class WHERE relname = %s", [name]))
