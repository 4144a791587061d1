"""Which columns of a rollout's tables a role may read, and how they are asked for. Sends nothing.

The queries name the main table `main` and the other one `detail`; where a rollout has one table, both are that one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from psycopg import sql

from harness.database.declared import DeclaredStore
from harness.database.relations import Relations

NOTHING: Final = sql.SQL("false")
COLUMNS_QUERY: Final = """
    SELECT c.relname, a.attname, has_column_privilege(a.attrelid, a.attnum, 'SELECT'), a.attgenerated <> ''
    FROM unnest(%s::text[]) AS wanted(name)
    JOIN pg_class AS c ON c.oid = to_regclass(quote_ident(wanted.name))
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum"""
"""Table, column, whether it may be read and whether it is generated, of the tables that are named."""


@dataclass(frozen=True, slots=True)
class ReadableColumns:
    """Columns by table, without the one that is rolled out.

    Nor those that the database generates: what they hold follows from other columns of their row.
    """

    store: DeclaredStore
    main: tuple[str, ...] = ()
    detail: tuple[str, ...] = ()
    """Of the other table; none where there is one table."""
    unreadable: tuple[str, ...] = ()
    """With the table's name before a dot."""
    has_value: bool = False
    """Whether the column that is rolled out is there."""
    has_time: bool = False
    """Whether the detail has a time of its own."""

    @classmethod
    def of(cls, store: DeclaredStore, records: Iterable[Sequence[object]]) -> "ReadableColumns":
        """From table, column, whether it may be read and whether it is generated."""
        records = list(records)
        listed = [(str(table), str(column), bool(readable)) for table, column, readable, _ in records]
        rolled_out = (store.table, store.column.name)
        follow = {(table, column) for table, column, _, generated in records if generated}

        def readable(table: str) -> tuple[str, ...]:
            return tuple(
                name
                for there, name, may_read in listed
                if there == table
                and may_read
                and (there, name) != rolled_out
                and ((there, name) not in follow or name in store.needed[table])
            )

        main, detail = store.main, store.detail
        return cls(
            store,
            main=readable(main.table),
            detail=readable(store.table) if detail else (),
            unreadable=tuple(f"{table}.{name}" for table, name, may_read in listed if not may_read),
            has_value=any((table, name) == rolled_out for table, name, _ in listed),
            has_time=detail is not None and detail.created_at in readable(store.table),
        )

    @property
    def marks(self) -> dict[str, sql.Composable]:
        """What the marks of the queries stand for."""
        main, detail = self.store.main, self.store.detail
        marks = {
            "main_table": sql.Identifier(main.table),
            "detail_table": sql.Identifier(self.store.table),
            "main_key": sql.Identifier(main.key),
            "detail_key": sql.Identifier(self.store.key),
            "user": self._text("main", main.user),
            "created_at": self._created_at(),
            "value": self._value(),
            "valued": self._valued(),
            "main_columns": _array("main", self.main),
            "detail_columns": _array("detail", self.detail),
            "owned": _among("main", main.user, "user_ids"),
            "main_replied": _among("main", main.reply_id, "reply_ids"),
            "main_bounded": _since("main", main.created_at),
        }
        if detail is None:
            return marks | {"reply_id": self._text("main", main.reply_id), "sent": self._sent("main")}
        side, reply_id = ("main", main.reply_id) if main.reply_id else ("detail", detail.reply_id)
        return marks | {
            "reply_id": self._text(side, reply_id),
            "replied": _among(side, reply_id, "reply_ids"),
            "detail_replied": _among("detail", detail.reply_id, "reply_ids"),
            "detail_bounded": _since("detail", detail.created_at if self.has_time else None),
            "sent": self._sent("detail"),
            "main_created_at": sql.Identifier("main", main.created_at)
            if main.created_at
            else sql.SQL("NULL::timestamptz"),
            "main_reply_id": self._text("main", main.reply_id),
            "main_names": self._listed(main.table, self.main),
            "detail_names": self._listed(self.store.table, self.detail),
        }

    def named(
        self, main: Sequence[str | None] | None, detail: Sequence[str | None] | None
    ) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
        """The columns of one record, and their texts; a side that is missing has none."""
        tables = (self.store.main.table, self.store.table)
        names = _dotted(
            tables, self.main if main is not None else (), self.detail if detail is not None else ()
        )
        return names, (*(main or ()), *(detail or ()))

    def _text(self, side: str, name: str | None) -> sql.Composable:
        return sql.SQL("{}::text").format(sql.Identifier(side, name)) if name else sql.SQL("NULL::text")

    def _created_at(self) -> sql.Composable:
        main, detail = self.store.main, self.store.detail
        if main.created_at:
            return sql.Identifier("main", main.created_at)
        if detail is not None and detail.created_at and self.has_time:
            return sql.Identifier("detail", detail.created_at)
        return sql.SQL("NULL::timestamptz")

    @property
    def _rows(self) -> bool:
        """Whether the file has a SELECT of its own for the value, which a look-up table holds."""
        detail = self.store.detail
        return bool(detail and detail.rows) and self.has_value

    def _value(self) -> sql.Composable:
        if self._rows:
            return sql.SQL("valued.value::text")
        side = "detail" if self.store.detail else "main"
        return self._text(side, self.store.column.name if self.has_value else None)

    def _valued(self) -> sql.Composable:
        if not self._rows:
            return sql.SQL("")
        join = sql.SQL("LEFT JOIN {} AS valued ON valued.key = detail.{}")
        relation = Relations(self.store.rollout).detail_relation(only=("key", "value"))
        return join.format(relation, sql.Identifier(self.store.key))

    def _sent(self, side: str) -> sql.Composable:
        """Whether a row holds one of the values; of a look-up table that is not asked."""
        if not self.has_value or self._rows:
            return NOTHING
        return _among(side, self.store.column.name, "values")

    def _listed(self, table: str, columns: tuple[str, ...]) -> sql.Composed:
        # Asked for whether or not they may be read, so that the server says what is refused.
        rolled_out = self.store.column.name
        needed = [name for name in self.store.needed[table] if name != rolled_out or self.has_value]
        return sql.SQL(", ").join(map(sql.Identifier, dict.fromkeys([*needed, *columns])))


def _among(side: str, name: str | None, parameter: str) -> sql.Composable:
    if not name:
        return NOTHING
    # Of a column that is text already the cast is none, and an index on it serves.
    return sql.SQL(f"{{}}::text = ANY(%({parameter})s::text[])").format(sql.Identifier(side, name))


def _since(side: str, name: str | None) -> sql.Composable:
    return sql.SQL("{} >= %(since)s").format(sql.Identifier(side, name)) if name else sql.SQL("true")


def _array(table: str, columns: Sequence[str]) -> sql.Composable:
    listed = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(table, name)) for name in columns)
    return sql.SQL("ARRAY[{}]::text[]").format(listed)


@lru_cache(maxsize=8)  # of thousands of rows
def _dotted(tables: tuple[str, str], main: tuple[str, ...], detail: tuple[str, ...]) -> tuple[str, ...]:
    sides = zip(tables, (main, detail), strict=True)
    return tuple(f"{table}.{name}" for table, columns in sides for name in columns)
