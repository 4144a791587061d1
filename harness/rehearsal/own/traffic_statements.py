"""Writers and readers for tables of any schema: those of one's own as SQL, else derived from the tables by key.

They are those of the application as it is before the migration: every column by name, prepared. A writer of one's own
is a file of statements, sent in one transaction; `$1` in them is a whole number that no other statement is given.
"""

import itertools
import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from harness.database.rows import all_rows
from harness.errors import UsageError
from harness.rehearsal.own.insertion import ROOM, TableRows, has_room, insertion
from harness.rehearsal.own.values import quoted
from harness.rehearsal.workload import Workload

KEYS: Final = 1_000
"""Rows that are updated and read; keys of parents that new rows refer to."""
ERRORS_MAX: Final = 20
"""Different errors that are kept."""

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Template:
    """What is sent at once: one statement, or several in a transaction."""

    label: str
    statements: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...] = ()
    """Values for the parameters, as text; one line after the other."""
    is_numbered: bool = True
    """Whether the first parameter is a whole number that no other statement is given; its keys begin at `$2` then."""


@dataclass(slots=True)
class StatementTraffic:
    """Templates in turn, each with a number of its own; counts what is refused. Connections may share it."""

    templates: Sequence[Template]
    first: int
    """The number of the first statement."""
    after: Sequence[Template] = ()
    """What a sender of the build `after` sends in their place; none: the same."""
    errors: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How often each was refused: the template's label, SQLSTATE, message."""
    _numbers: "itertools.count[int]" = field(init=False)
    _turns: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    """Of each build by itself: senders take turns, and one of two builds might be given every other template alone."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(self.first)

    def send(self, connection: Connection, _name: str, after: bool, _value: str | None) -> None:
        """Sends the next one. Raises psycopg.Error."""
        with self._lock:
            number, turn = next(self._numbers), self._turns[after]
            self._turns[after] += 1
        templates = self.after if after and self.after else self.templates
        template = templates[turn % len(templates)]
        keys = template.keys[turn // len(templates) % len(template.keys)] if template.keys else ()
        try:
            if len(template.statements) == 1:
                _execute(connection, template.statements[0], template, number, keys)
                return
            with connection.transaction():
                for statement in template.statements:
                    _execute(connection, statement, template, number, keys)
        except psycopg.Error as error:
            with self._lock:
                if len(self.errors) < ERRORS_MAX:
                    message = error.diag.message_primary or str(error).strip().partition("\n")[0]
                    self.errors[template.label, error.sqlstate or "", message] += 1
            raise


def _execute(
    connection: Connection, statement: str, template: Template, number: int, keys: tuple[str, ...]
) -> None:
    given = ((number,) if template.is_numbered and "$1" in statement else ()) + keys
    cursor = psycopg.RawCursor(connection, row_factory=tuple_row)
    cursor.execute(statement.encode(), given, prepare=True)
    if cursor.description is not None:
        cursor.fetchall()


def given_template(label: str, statements: Sequence[str]) -> Template:
    """A writer or reader of one's own. Raises UsageError where there is no statement, or a number beyond `$1`."""
    if not statements:
        raise UsageError(f"{label} holds no statement; write at least one")
    for statement in statements:
        if beyond := re.search(r"\$([2-9]|1\d)\b", statement):
            raise UsageError(
                f"{label} has ${beyond[1]}; only $1 has a value, a number that no other statement is given"
            )
    typed = tuple(re.sub(r"\$1(?!\d)", "$1::int8", statement.rstrip("; \n")) for statement in statements)
    return Template(label, typed)


def derived_workload(
    connection: Connection, tables: Sequence[TableRows]
) -> tuple[tuple[Template, ...], tuple[Template, ...]]:
    """Writers (INSERT and UPDATE in turn) and readers (SELECT by key) of the tables, which hold rows already."""
    writers = [template for of in tables for template in _writers(connection, of)]
    readers = [_reader(connection, of) for of in tables]
    return tuple(writers), tuple(readers)


def workload_of(
    writers: Sequence[Template], readers: Sequence[Template], rows: int, after: Sequence[Template] = ()
) -> tuple[StatementTraffic, Workload]:
    """Traffic of these, whose numbers go on from the rows that are there; the first counts what is refused.

    Writers of the build `after` send `after`, where that is given.
    """
    writing, reading = StatementTraffic(writers, rows, after), StatementTraffic(readers, rows)
    reading.errors = writing.errors
    return writing, Workload(writing.send, reading.send)


def _writers(connection: Connection, of: TableRows) -> list[Template]:
    inserts = list(_inserts(connection, of))
    update = _update(connection, of)
    if update is None:
        return inserts
    return [template for pair in ((insert, update) for insert in inserts) for template in pair] or [update]


def _inserts(connection: Connection, of: TableRows) -> Sequence[Template]:
    """One for each part; none where a row would need a parent of its own, or there is no room for more."""
    if not has_room(of, ROOM):
        return ()
    keys: list[tuple[str, ...]] = [()]
    for parent in of.parents:
        found = _some(connection, parent.identifier, parent.reference.their_columns, parent.rows)
        if not found:
            return ()
        keys = [(*keys[place % len(keys)], *found[place % len(found)]) for place in range(KEYS)]
    places = {column: f"${number}" for number, column in enumerate(_referring(of), start=2)}
    templates = []
    for route in of.routes:
        named = {
            **route,
            **{column: f"{place}::text::{of.table.column(column).type}" for column, place in places.items()},
        }
        text = insertion(of, named, "(SELECT $1::int8 AS n) AS g")
        templates.append(
            Template(f"INSERT into {of.table.describe()}", (text,), tuple(keys) if places else ())
        )
    return templates


def _referring(of: TableRows) -> list[str]:
    return [name for parent in of.parents for name in parent.reference.columns]


def _update(connection: Connection, of: TableRows) -> Template | None:
    """Writes a column of a row anew as it was; None without a key, or a column that may be written."""
    where, keys = _by_key(connection, of)
    if not keys:
        return None
    may = [column.name for column in of.table.written if not column.always]
    if not may:
        return None
    beside = [name for name in may if name not in of.table.key] or may
    indexed = {name for names in (*of.table.uniques, *of.routes) for name in names} | set(_referring(of))
    free = [name for name in beside if name not in indexed] or beside
    table, column = quoted(of.table.schema, of.table.name), quoted(free[0])
    text = f"UPDATE {table} SET {column} = {column} WHERE {where}"  # noqa: S608  of quoted names
    return Template(f"UPDATE of {of.table.describe()}", (text,), keys, is_numbered=False)


def _reader(connection: Connection, of: TableRows) -> Template:
    table = quoted(of.table.schema, of.table.name)
    columns = ", ".join(quoted(column.name) for column in of.table.columns)
    where, keys = _by_key(connection, of)
    label = f"SELECT from {of.table.describe()}"
    if not keys:
        return Template(label, (f"SELECT {columns} FROM {table} LIMIT 1",))  # noqa: S608  of quoted names
    text = f"SELECT {columns} FROM {table} WHERE {where}"  # noqa: S608  of quoted names
    return Template(label, (text,), keys, is_numbered=False)


def _by_key(connection: Connection, of: TableRows) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """A condition over `$1` and on that finds a row by a unique key, and the keys of some rows; none without one."""
    key = next((names for names in (of.table.key, *of.table.uniques) if names), ())
    if not key:
        return "", ()
    found = _some(connection, quoted(of.table.schema, of.table.name), key, of.rows)
    where = " AND ".join(
        f"{quoted(name)} = ${number}::text::{of.table.column(name).type}"
        for number, name in enumerate(key, start=1)
    )
    return where, tuple(found)


def _some(connection: Connection, table: str, columns: Sequence[str], rows: int) -> list[tuple[str, ...]]:
    """These columns of some of a table's rows, of all its parts, as text."""
    names = ", ".join(f"{quoted(name)}::text" for name in columns)
    share = min(100.0, 100.0 * KEYS / rows)
    query = f"SELECT {names} FROM {table} TABLESAMPLE BERNOULLI ({share}) REPEATABLE (1)"  # noqa: S608  of quoted names
    return all_rows(connection, query)
