"""What stands in the way of a statement that would mend a table: what depends on a column, and on an index.

Reads the catalogue only. Tables are given with their schema where they are not found without it.
Source: PostgreSQL, "Dependency Tracking", "System Catalogs" (pg_depend, pg_constraint, pg_inherits).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.rows import class_row

from harness.data import sql_text
from harness.database.catalog import Connection
from harness.database.evaluation import identifier, quoted, selected
from harness.database.rows import one_row

_APART: Final = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|\$\w*\$.*?\$\w*\$)|\s+""", re.DOTALL)
"""What stands in quotes, whose white space counts; or white space."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Something that depends on a column, with what takes it away and what makes it again."""

    kind: str
    """As PostgreSQL calls it: view, policy, trigger, publication."""
    name: str
    stands_on: str
    """The table or view that it belongs to; empty for one that stands alone."""
    gone: str
    """The statement that drops it; empty where there is none."""
    again: list[str]
    """Statements that make it again; none where its definition cannot be had."""
    view_name: str | None
    body: str | None
    """The query of a view."""

    @property
    def subject(self) -> str:
        """What it is called, as in an effect's subject."""
        return f"{self.kind} {self.name}{f' of {self.stands_on}' if self.stands_on else ''}"


@dataclass(frozen=True, slots=True)
class Unfit:
    """An index or statistics that ALTER TYPE makes again, where that is possible with the new type."""

    kind: str
    name: str
    stands_on: str
    gone: str
    has_class: bool
    """Whether its access method has operators for text."""
    expressions: list[str]


@dataclass(frozen=True, slots=True)
class TypeLimits:
    """What no drop helps against."""

    keys: list[str]
    """Tables that are partitioned by the column."""
    row_users: list[str]
    """Columns of other tables that hold rows of this one."""
    is_of_type: bool
    """Whether the table takes its columns from a composite type."""


@dataclass(frozen=True, slots=True)
class IndexHold:
    """An index as it can be dropped: it, or the constraint or the parent's index that it belongs to."""

    index: list[str]
    """Schema, unless it is found without one, and name."""
    table: list[str]
    """The table of that index."""
    constraint: str
    """The constraint that goes, and the index with it; empty for an index by itself."""
    in_parts: bool
    """Whether it lies over partitions, so that it cannot be dropped concurrently."""
    identifies: list[list[str]]
    """The tables whose replica identity it is, each with whether it has a primary key beside it in the last place."""
    referring: list[list[str]]
    """Foreign keys that need it: each the table's name in parts, then the constraint's."""
    others: list[str]
    """What else needs it, in words."""


def column_holders(connection: Connection, table: Sequence[str], column: str) -> tuple[Holder, ...]:
    """What depends on a column of a table and of its heirs, in the order of dropping; making goes backwards."""
    with connection.cursor(row_factory=class_row(Holder)) as cursor:
        found = cursor.execute(sql_text("queries/holders.sql").encode(), _given(table, column)).fetchall()
    return tuple(_in_one_line(holder) for holder in found)


def unfit_for_text(connection: Connection, table: Sequence[str], column: str) -> tuple[Unfit, ...]:
    """Indexes and statistics that cannot be made again once the column is text."""
    with connection.cursor(row_factory=class_row(Unfit)) as cursor:
        found = cursor.execute(
            sql_text("queries/unfit_for_text.sql").encode(), _given(table, column)
        ).fetchall()
    columns = _as_text(connection, table, column)
    return tuple(
        one
        for one in found
        if not one.has_class or not all(_parses(connection, columns, text) for text in one.expressions)
    )


def column_limits(connection: Connection, table: Sequence[str], column: str) -> TypeLimits:
    """What keeps the column from another type."""
    with connection.cursor(row_factory=class_row(TypeLimits)) as cursor:
        found = cursor.execute(
            sql_text("queries/column_limits.sql").encode(), _given(table, column)
        ).fetchone()
    assert found is not None, "a query without FROM has a row"
    return found


def index_hold(
    connection: Connection, table: Sequence[str], index: str, *, alone: bool = False
) -> IndexHold | None:
    """How an index of a table can be dropped; None where the table has no such index.

    `alone` is whether the table is taken for one that is no part of another.
    """
    given = {"table": quoted(*table), "index": index, "alone": alone}
    with connection.cursor(row_factory=class_row(IndexHold)) as cursor:
        return cursor.execute(sql_text("queries/index_hold.sql").encode(), given).fetchone()


def unreadable_views(
    connection: Connection, table: Sequence[str], column: str, holders: Sequence[Holder]
) -> list[str]:
    """Those of the views whose query cannot be asked once the column is text: `column + 1`, for one."""
    heads = [f"{identifier(table[-1])} AS (SELECT * FROM {_as_text(connection, table, column)})"]  # noqa: S608
    unreadable = []
    for holder in reversed(holders):
        if holder.body is None or holder.view_name is None:
            continue
        body = holder.body.rstrip("; \n")
        # A name in WITH comes before a table of that name.
        statement = f"WITH {', '.join(heads)} SELECT FROM ({body}) AS view LIMIT 0"
        try:
            selected(connection, statement)
        except psycopg.Error:
            unreadable.append(holder.subject)
        else:
            heads.append(f"{identifier(holder.view_name)} AS ({body})")
    return unreadable


def one_statement(text: str) -> str:
    """A statement of the catalogue in one line, ended; empty where it holds a line's end or what cannot be shown."""
    line = _APART.sub(lambda found: found[1] or " ", text).strip().rstrip(";")
    return f"{line};" if line and line.isprintable() else ""


def _in_one_line(holder: Holder) -> Holder:
    gone = one_statement(holder.gone)
    again = [one_statement(text) for text in holder.again]
    return Holder(
        holder.kind,
        holder.name,
        holder.stands_on,
        gone,
        again if gone and all(again) else [],
        holder.view_name,
        holder.body,
    )


def _given(table: Sequence[str], column: str) -> dict[str, str]:
    return {"table": quoted(*table), "column": column}


def _as_text(connection: Connection, table: Sequence[str], column: str) -> str:
    """The table without a row, its column being text; as it stands after FROM."""
    statement = """
        SELECT string_agg(
            format(
                'CAST(NULL AS %%s) AS %%I',
                CASE WHEN attname = %s THEN 'text' ELSE format_type(atttypid, atttypmod) END, attname
            ), ', ' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"""
    (columns,) = one_row(connection, statement, [column, quoted(*table)])
    return f"(SELECT {columns}) AS one_row"


def _parses(connection: Connection, columns: str, expression: str) -> bool:
    try:
        selected(connection, f"SELECT {expression} FROM {columns} LIMIT 0")  # noqa: S608
    except psycopg.Error:
        return False
    return True
