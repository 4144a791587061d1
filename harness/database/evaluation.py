"""What a database makes of values, found by evaluating its own expressions in a transaction that cannot write.

Functions that an expression calls are the owner's and run as the role that is connected, as they would for a row of
that role. Whatever they try to write is refused by the server, and they are bounded in time.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from harness.database.value_outcome import ValueOutcome

Connection = psycopg.Connection[Any]

EVALUATION_MS_MAX: Final = 5000
"""For each statement; what takes longer is left open."""

_OPEN: Final = ("42", "57", "25", "0A", "53", "54", "55", "58", "XX")
"""Classes of errors that say nothing of the value: rights, names, limits, a refused write."""
DEPENDS: Final = "42703"
"""undefined_column: the expression reads other columns than the one that is given."""


class OpenError(Exception):
    """It cannot be said what becomes of the values; the message says why, `sqlstate` is the server's."""

    def __init__(self, reason: str, sqlstate: str) -> None:
        super().__init__(reason)
        self.sqlstate = sqlstate


@contextmanager
def reading(connection: Connection) -> Iterator[None]:
    """A read-only transaction, or a part of one, that is bounded in time and undone at its end."""
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL transaction_read_only = on")
        connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(EVALUATION_MS_MAX))
        yield


def evaluated(
    connection: Connection, expression: str, column: str, type_: str, values: Sequence[str | None]
) -> tuple[ValueOutcome, ...]:
    """An expression over one column, for each value that the column may hold; results are text, NULL is None.

    `type_` is the column's type as PostgreSQL writes it. Raises OpenError where an error says nothing of the values.
    """
    head = _relation(column, type_)
    text = expression.replace("%", "%%")
    statement = f'SELECT ({text})::text FROM {head} ORDER BY "sample number"'  # noqa: S608
    return _tried(connection, statement, values)


def typed(connection: Connection, type_: str, values: Sequence[str | None]) -> tuple[ValueOutcome, ...]:
    """Each value as a column of that type gives it back. Raises OpenError.

    A cast cuts what is too long for a type, where an INSERT refuses it: whether it does is for the caller to tell.
    """
    column = "typed"
    # The type's own output, which a cast to text is not: that takes the padding off.
    result = f"CASE WHEN {column} IS NOT NULL THEN format('%%s', {column}) END"
    statement = f'SELECT {result} FROM {_relation(column, type_)} ORDER BY "sample number"'  # noqa: S608
    return _tried(connection, statement, values)


def selected(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement that was put together from the catalogue's text. Raises psycopg.Error."""
    with reading(connection), connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(statement.encode()).fetchall()


def open_reason(error: psycopg.Error) -> OpenError | None:
    """What makes an error no answer, or None when the error is one: the value is refused."""
    state = error.sqlstate or ""
    if not state:
        raise error
    reason = (error.diag.message_primary or str(error)).partition("\n")[0]
    return OpenError(reason, state) if state.startswith(_OPEN) else None


def identifier(name: str) -> str:
    """The name as it stands in a statement."""
    return sql.Identifier(name).as_string()


def _relation(column: str, type_: str) -> str:
    cast = f"CAST(sample AS {type_.replace('%', '%%')}) AS {identifier(column)}"
    given = 'unnest(%(values)s::text[]) WITH ORDINALITY AS given (sample, "sample number")'
    return f'(SELECT "sample number", {cast} FROM {given}) AS one_row'  # noqa: S608


def _tried(connection: Connection, statement: str, values: Sequence[str | None]) -> tuple[ValueOutcome, ...]:
    """All at once, and where that fails each value by itself, to tell which is refused."""
    try:
        return _asked(connection, statement, values)
    except psycopg.Error as error:
        reason = open_reason(error)
        if reason is not None:
            raise reason from error
    return tuple(_asked_alone(connection, statement, value) for value in values)


def _asked_alone(connection: Connection, statement: str, value: str | None) -> ValueOutcome:
    try:
        return _asked(connection, statement, [value])[0]
    except psycopg.Error as error:
        reason = open_reason(error)
        if reason is not None:
            raise reason from error
        return ValueOutcome(value, None, (error.diag.message_primary or str(error)).partition("\n")[0])


def _asked(connection: Connection, statement: str, values: Sequence[str | None]) -> tuple[ValueOutcome, ...]:
    with reading(connection), connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(statement.encode(), {"values": list(values)}).fetchall()
    return tuple(ValueOutcome(value, row[0]) for value, row in zip(values, rows, strict=True))
