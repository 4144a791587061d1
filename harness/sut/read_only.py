"""A connection to somebody's database that can only read, bounded in time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from harness.database.dsn import CONNECT_S_MAX
from harness.report.escape import masked
from harness.sut.foreign_rows import DatabaseUnavailableError


@contextmanager
def read_only(dsn: str, statement_s_max: int) -> Iterator[psycopg.Connection[Any]]:
    """A read-only transaction in which each statement has so many seconds. Raises DatabaseUnavailableError."""
    is_connected = False
    try:
        with psycopg.connect(
            dsn, autocommit=True, connect_timeout=CONNECT_S_MAX, prepare_threshold=None
        ) as connection:
            is_connected = True
            connection.read_only = True
            with connection.transaction():
                limit = sql.SQL("SET LOCAL statement_timeout = {}").format(statement_s_max * 1000)
                connection.execute(limit)
                connection.execute("SET LOCAL row_security = off")  # refuse what would else be filtered
                yield connection
    except psycopg.errors.QueryCanceled:
        message = f"the database took longer than {statement_s_max} s; try a quieter time"
        raise DatabaseUnavailableError(message) from None
    except (psycopg.Error, OSError) as error:
        problem = "the database cannot be asked" if is_connected else "cannot connect to the database"
        raise DatabaseUnavailableError(f"{problem}: {masked(' '.join(str(error).split()))}") from None
