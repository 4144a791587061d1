"""The INSERT that makes rows of one table, as SQL over the row's number: values that differ where they must. Pure.

A row's number `n` counts from 0. Of each column it is made a number of its own, so that as many values differ as the
statistics say, or as the table's unique indexes need.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.errors import UnavailableError
from harness.rehearsal.own.relations import ForeignKey, GivenColumn, GivenTable
from harness.rehearsal.own.statistics import ColumnStatistics
from harness.rehearsal.own.values import domain_size, quoted, value_of

ROOM: Final = 100_000
"""New rows that a table must have room for under its unique indexes, for writers to insert."""
UNIQUE_WIDTH: Final = 8
"""Hexadecimal digits in which as many values differ as there can be rows."""
SCATTERED: Final = "({n}) * 2654435761 % 4294967296"
"""Another order of the numbers below 2^32, in which each comes once (Knuth's multiplicative hash)."""
_NULL_DICE: Final = "({n}) * 2246822519 % 4294967296 % 10000"
_CHOICES: Final = re.compile(r"= ANY \(\(?(?P<array>ARRAY\[.*?\])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parent:
    """A reference of a table whose parent has rows."""

    reference: ForeignKey
    identifier: str
    """Of the parent, quoted."""
    rows: int
    is_own: bool
    """Whether each row needs a parent of its own."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """How rows of a table are made."""

    table: GivenTable
    rows: int
    routes: tuple[Mapping[str, str], ...]
    """What leads a row to each part of the table, by column."""
    parents: tuple[Parent, ...]
    statistics: Mapping[str, ColumnStatistics]

    @property
    def columns(self) -> tuple[GivenColumn, ...]:
        """The columns that an INSERT names: all but those that are computed, or unique by their default."""
        referring = self.referring
        return tuple(
            column
            for column in self.table.written
            if not (column.differs and column.name in self.table.key)
            or column.name in referring
            or column.name in self.routes[0]
        )

    @property
    def referring(self) -> dict[str, tuple[int, str]]:
        """Of each column that refers to a parent: the parent's number, and the parent's column."""
        found: dict[str, tuple[int, str]] = {}
        for number, parent in enumerate(self.parents):
            pairs = zip(parent.reference.columns, parent.reference.their_columns, strict=True)
            found |= {ours: (number, theirs) for ours, theirs in pairs}
        return found

    def values(self, route: Mapping[str, str], parent: str = "parent{number}.{column}") -> list[str]:
        """SQL for the value of each of `columns`, over `n`; `parent` is how a column of a parent is named.

        Raises UnavailableError for a column that must have a value of a type that is not known.
        """
        numbers, referring = numbers_of(self), self.referring
        found = []
        for column in self.columns:
            number = numbers[column.name]
            if column.name in route:
                value = route[column.name].replace("{n}", number)
            elif column.name in referring:
                place, theirs = referring[column.name]
                value = parent.format(number=place, column=quoted(theirs), type=column.type)
            else:
                value = self._value(column, number)
            found.append(self._or_null(column, value))
        return found

    def _value(self, column: GivenColumn, number: str) -> str:
        choices = choices_of(self.table, column)
        if choices is not None:
            array, count = choices
            return f"(({array})[1 + ({number}) % {count}])::{column.type}"
        known = self.statistics.get(column.name)
        width = known.width if known else 0
        if width and any(column.name in unique for unique in self.table.uniques):
            width = max(width, UNIQUE_WIDTH)  # the live values may be fewer than the rows that are made
        value = value_of(column, number, width)
        if value or column.nullable:
            return value or "NULL"
        raise UnavailableError(
            f"{self.table.describe()}.{column.name} is {column.type}, for which no value is known; drop its NOT NULL "
            "in the schema file, or give the column's table rows in it by a default"
        )

    def _or_null(self, column: GivenColumn, value: str) -> str:
        known = self.statistics.get(column.name)
        if known is None or not column.nullable or not known.null_share:
            return value
        return f"CASE WHEN {_NULL_DICE.format(n='n')} >= {round(known.null_share * 10_000)} THEN {value} END"


def insertion(of: TableRows, route: Mapping[str, str], source: str) -> str:
    """The INSERT of the rows whose numbers `source` gives in its column n.

    `route` has SQL over `{n}` for the columns whose values do not follow from their types.
    """
    table = quoted(of.table.schema, of.table.name)
    names = ", ".join(quoted(column.name) for column in of.columns)
    if not names:
        return f"INSERT INTO {table} DEFAULT VALUES"
    joins = "".join(
        _join(of, number, parent)
        for number, parent in enumerate(of.parents)
        if not set(parent.reference.columns) <= route.keys()
    )
    selected = f"SELECT {', '.join(of.values(route))} FROM {source}{joins}"  # noqa: S608  of quoted names
    return f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE {selected}"


def _join(of: TableRows, number: int, parent: Parent) -> str:
    theirs = ", ".join(map(quoted, parent.reference.their_columns))
    ours = numbers_of(of)[parent.reference.columns[0]]
    numbered = (
        f"SELECT row_number() OVER () - 1 AS ordinal, {theirs} FROM {parent.identifier} LIMIT {parent.rows}"  # noqa: S608  of quoted names
    )
    return f" JOIN ({numbered}) AS parent{number} ON parent{number}.ordinal = ({ours}) % {parent.rows}"


def choices_of(table: GivenTable, column: GivenColumn) -> tuple[str, int] | None:
    """The values that a CHECK lists for a column, as an array in SQL, and how many; None where none does."""
    for check in table.checks:
        if check.columns == (column.name,) and (found := _CHOICES.search(check.definition)):
            return found["array"], re.sub(r"'(?:''|[^'])*'", "", found["array"]).count(",") + 1
    return None


def has_room(of: TableRows, more: int) -> bool:
    """Whether so many more rows can be made one by one, each with parents that others have, too."""
    if any(parent.is_own for parent in of.parents):
        return False
    inserted, taken = {column.name for column in of.columns}, {*of.referring, *of.routes[0]}
    return all(
        any(
            name not in inserted or (name not in taken and _capacity(of, name) >= of.rows + more)
            for name in unique
        )
        for unique in of.table.uniques
    )


def numbers_of(of: TableRows) -> dict[str, str]:
    """SQL over `n` for the number of each column, from which its value is made.

    Raises UnavailableError where a unique index cannot hold so many rows.
    """
    found = {column.name: _usual(of, column.name) for column in of.table.columns}
    inserted = {column.name for column in of.columns}
    distinct: set[str] = set()
    for unique in of.table.uniques:
        if distinct & set(unique) or not set(unique) <= inserted:
            continue  # a default makes it unique, or another index's column does
        free = [name for name in unique if name not in of.routes[0]]
        wide = [name for name in free if _capacity(of, name) >= of.rows]
        if wide:
            best = max(wide, key=lambda name: (name not in of.referring, _capacity(of, name)))
            found[best] = "n"
            distinct.add(best)
            continue
        stride = 1
        for name in free:  # as the digits of a number
            found[name] = f"(n / {stride}) % {_capacity(of, name)}"
            stride *= _capacity(of, name)
        if stride < of.rows and len(free) == len(unique):
            columns = ", ".join(unique)
            raise UnavailableError(
                f"{of.table.describe()} holds {stride:,} rows that differ in ({columns}), not {of.rows:,}; "
                f"give --rows {stride}"
            )
    return found


def _usual(of: TableRows, name: str) -> str:
    known = of.statistics.get(name)
    if known is None or not known.distinct:
        return "n"
    count = known.distinct if known.distinct > 0 else -known.distinct * of.rows
    return "n" if count >= of.rows else f"({SCATTERED.format(n='n')}) % {max(1, round(count))}"


def _capacity(of: TableRows, name: str) -> int:
    if name in of.referring:
        return of.parents[of.referring[name][0]].rows
    column = of.table.column(name)
    choices = choices_of(of.table, column)
    return choices[1] if choices else domain_size(column)
