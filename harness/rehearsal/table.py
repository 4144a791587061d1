"""Fills the table that is migrated with any number of rows, like those that are there."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.database import catalog
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.database.server import Server
from harness.database.templates import Templates
from harness.errors import UsageError

BATCH: Final = 2000
"""Rows in one message."""
KEPT: Final = 100
"""Rows that the new ones are modelled on."""
OWN: Final = ("id", "created_at", "message_id")
"""Columns in which every row has a value of its own."""


def fill(
    dsn: str, rows: int, on_progress: Callable[[int], object] = lambda _: None, *, value_length: int = 0
) -> None:
    """Adds rows to the metadata table by COPY; `on_progress` is called with the number so far.

    With a length each row holds a value of its own in the column, of so many characters, which must be enough for the
    number of rows; else none does. Rows of the usage table are not made. Where the role may not switch off triggers,
    each row's foreign keys are checked, which takes ten times as long. Raises UsageError when the table holds no row
    to model them on.
    """
    with connect(dsn) as connection, connection.transaction():
        names = [column.name for column in catalog.columns(connection, plan.METADATA_TABLE)]
        others = [name for name in names if name not in (*OWN, plan.COLUMN)]
        models = _models(connection, others)
        if not models:
            raise UsageError(f"{plan.METADATA_TABLE} is empty; seed it before it is filled")
        without_triggers(connection)
        own = (*OWN, plan.COLUMN) if value_length else OWN
        copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(plan.METADATA_TABLE), sql.SQL(", ").join(map(sql.Identifier, (*own, *others)))
        )
        with connection.cursor() as cursor, cursor.copy(copy) as stream:
            for done, batch in _batches(rows, models, value_length):
                stream.write(batch)
                on_progress(done)


@contextmanager
def filled(
    server: Server, templates: Templates, rows: int, on_progress: Callable[[int], object] = lambda _: None
) -> Iterator[str]:
    """Name of a database in state `base` with so many metadata rows beside the seeded ones, to be cloned from."""
    name = server.create_database(templates.name(SchemaState.BASE))
    try:
        fill(server.dsn(name), rows, on_progress)
        yield name
    finally:
        server.drop_database(name)


def _models(connection: psycopg.Connection[Any], names: list[str]) -> list[str]:
    """The other columns of some rows, in COPY's text form, a line each."""
    query = sql.SQL("COPY (SELECT {} FROM {} ORDER BY id LIMIT {}) TO STDOUT").format(
        sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(plan.METADATA_TABLE), sql.Literal(KEPT)
    )
    with connection.cursor() as cursor, cursor.copy(query) as stream:
        return b"".join(bytes(piece) for piece in stream).decode().splitlines(keepends=True)


def _batches(rows: int, models: list[str], value_length: int) -> Iterator[tuple[int, bytes]]:
    """Batches of COPY's text form, each with the number of rows so far."""
    for first in range(0, rows, BATCH):
        count = min(BATCH, rows - first)
        ids = os.urandom(16 * count).hex()
        at = f"2025-11-01 {first // 3600 % 24:02}:{first // 60 % 60:02}:{first % 60:02}+00"
        values = (
            [f"{n:0>{value_length}}\t" for n in range(first, first + count)] if value_length else [""] * count
        )
        lines = [
            f"{ids[32 * n : 32 * n + 32]}\t{at}\tload-{first + n}\t{values[n]}{models[n % len(models)]}"
            for n in range(count)
        ]
        yield first + count, "".join(lines).encode()


def without_triggers(connection: psycopg.Connection[Any]) -> None:
    """Switches triggers and foreign keys off to the end of the transaction, where the role may do that."""
    try:
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
    except psycopg.errors.InsufficientPrivilege:
        return
