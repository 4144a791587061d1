"""Which columns of the two tables a role may read, and how they are asked for. Sends nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from psycopg import sql

from harness import plan
from harness.database.visibility import NEEDED


@dataclass(frozen=True, slots=True)
class ReadableColumns:
    """Columns by table, without the one that is rolled out."""

    usage: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    """With the table's name before a dot."""
    has_value: bool = False
    """Whether the column that is rolled out is there."""
    has_time: bool = False
    """Whether metadata has a time of its own."""

    @classmethod
    def of(cls, records: Iterable[Sequence[object]]) -> Self:
        """From table, column and whether it may be read."""
        listed = [(str(table), str(column), bool(readable)) for table, column, readable in records]

        def readable(table: str) -> tuple[str, ...]:
            return tuple(
                name
                for there, name, may_read in listed
                if there == table and may_read and (there, name) != (plan.METADATA_TABLE, plan.COLUMN)
            )

        return cls(
            usage=readable(plan.USAGE_TABLE),
            metadata=readable(plan.METADATA_TABLE),
            unreadable=tuple(f"{table}.{name}" for table, name, may_read in listed if not may_read),
            has_value=any((table, name) == (plan.METADATA_TABLE, plan.COLUMN) for table, name, _ in listed),
            has_time=plan.CREATED_AT in readable(plan.METADATA_TABLE),
        )

    @property
    def marks(self) -> dict[str, sql.Composable]:
        """What the marks of the queries stand for."""
        value = sql.SQL("{}::text").format(sql.Identifier("metadata", plan.COLUMN))
        return {
            "value": value if self.has_value else sql.SQL("NULL::text"),
            "usage_columns": _array("usage", self.usage),
            "metadata_columns": _array("metadata", self.metadata),
        }

    @property
    def names(self) -> dict[str, sql.Composable]:
        """What further marks of the query for both sides stand for."""
        column = sql.Identifier(plan.COLUMN)
        return {
            "usage_names": self._listed(plan.USAGE_TABLE, self.usage),
            "metadata_names": self._listed(plan.METADATA_TABLE, self.metadata),
            "bounded": sql.SQL("{} >= %(since)s").format(sql.Identifier(plan.CREATED_AT))
            if self.has_time
            else sql.SQL("true"),
            "sent": sql.SQL("{}::text = ANY(%(values)s)").format(column)
            if self.has_value
            else sql.SQL("coalesce(cardinality(%(values)s::text[]), 0) < 0"),
        }

    def named(
        self, usage: Sequence[str | None] | None, metadata: Sequence[str | None] | None
    ) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
        """The columns of one record, and their texts; a side that is missing has none."""
        names = _dotted(
            self.usage if usage is not None else (), self.metadata if metadata is not None else ()
        )
        return names, (*(usage or ()), *(metadata or ()))

    def _listed(self, table: str, columns: tuple[str, ...]) -> sql.Composed:
        # Asked for whether or not they may be read, so that the server says what is refused.
        needed = [name for name in NEEDED[table] if name != plan.COLUMN or self.has_value]
        return sql.SQL(", ").join(map(sql.Identifier, dict.fromkeys([*needed, *columns])))


def _array(table: str, columns: Sequence[str]) -> sql.Composable:
    listed = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(table, name)) for name in columns)
    return sql.SQL("ARRAY[{}]::text[]").format(listed)


@lru_cache(maxsize=8)  # of thousands of rows
def _dotted(usage: tuple[str, ...], metadata: tuple[str, ...]) -> tuple[str, ...]:
    sides = ((plan.USAGE_TABLE, usage), (plan.METADATA_TABLE, metadata))
    return tuple(f"{table}.{name}" for table, columns in sides for name in columns)
