"""A bound in time on whatever is done to a database of ours."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from harness.database.runners import connect


@contextmanager
def deadline(dsn: str, seconds: float) -> Iterator[None]:
    """Ends every session of the database when the context lasts longer; what waits there then fails with 57P01.

    For databases that only we use: a concurrent build or drop waits for others as long as they take, with every
    timeout switched off on purpose.
    """
    timer = threading.Timer(seconds, _end_sessions, (dsn,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end_sessions(dsn: str) -> None:
    try:
        with connect(dsn) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    except psycopg.Error:
        return  # the server is gone, and with it whatever waited
