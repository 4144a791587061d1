"""Migrates a filled table under live traffic and measures how long writers are held up. Judges nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from harness import plan
from harness.database import catalog
from harness.database.pooler import process_of
from harness.database.runners import connect
from harness.database.scripts import statements_of
from harness.errors import UnavailableError
from harness.rehearsal.approaches import RETRIES_MAX, RETRY_PAUSE_S, Approach
from harness.rehearsal.deadline import deadline
from harness.rehearsal.lock_watch import LockWatch, lock_watch
from harness.rehearsal.measurements import USUAL_RATE, Measured, Rate, Span
from harness.rehearsal.traffic import Traffic, traffic

MIGRATION_S_MAX: Final = 600.0
"""A build gets through a hundred million rows in that time."""
QUIET_S: Final = 1.0
"""How long traffic is watched before and after the migration."""


def measure(
    dsn: str, approach: Approach, rows: int, rate: Rate = USUAL_RATE, quiet_s: float = QUIET_S
) -> Measured:
    """Migrates a filled database in one way, under traffic, and returns what was measured.

    Half of the writers become the backend `after` as soon as the column is there. Raises psycopg.Error when a
    statement is refused for good, UnavailableError when the traffic does not come through.
    """
    quiet_writes = int(rate.writes_per_s * quiet_s)
    with deadline(dsn, MIGRATION_S_MAX), traffic(dsn, rate) as running:
        running.pass_by(quiet_writes)
        with (
            connect(dsn) as session,
            lock_watch(dsn, process_of(session), running.now_ms) as watch,
            _report(dsn, approach.report_s) if approach.report_s else nullcontext(),
        ):
            spans = tuple(_migrate(session, approach, running, watch))
        running.pass_by(quiet_writes)
    with connect(dsn) as connection:
        size = "SELECT coalesce(pg_relation_size(to_regclass(quote_ident(%s))), 0)"
        found = connection.execute(size, [plan.INDEX]).fetchone()
    assert found is not None
    return Measured(approach, rows, spans, running.samples(), int(found[0]))


def _migrate(
    session: psycopg.Connection[Any], approach: Approach, running: Traffic, watch: LockWatch
) -> Iterator[Span]:
    swapped = False
    for statement in approach.statements:
        headline = statements_of(statement)[0].headline
        for _ in range(RETRIES_MAX):
            began = running.now_ms()
            sqlstate = _send(session, statement, approach.retries)
            ended = running.now_ms()
            yield Span(headline, began, ended, watch.between(began, ended), sqlstate)
            if sqlstate is None:
                break
            time.sleep(RETRY_PAUSE_S)  # the pause that the approach is about, in which writers catch up
        else:
            raise UnavailableError(f"{headline} got no lock in {RETRIES_MAX} tries; end what holds the table")
        if not swapped and session.info.transaction_status is TransactionStatus.IDLE and _has_column(session):
            running.swap()
            swapped = True


def _send(session: psycopg.Connection[Any], statement: str, retries: bool) -> str | None:
    try:
        session.execute(statement.encode(), prepare=False)
    except psycopg.errors.LockNotAvailable as error:
        if not retries:
            raise
        return error.sqlstate
    return None


def _has_column(session: psycopg.Connection[Any]) -> bool:
    return any(column.name == plan.COLUMN for column in catalog.columns(session, plan.METADATA_TABLE))


@contextmanager
def _report(dsn: str, seconds: float) -> Iterator[None]:
    """A report that reads the table already, and goes on for some seconds."""
    with connect(dsn) as connection:
        connection.execute("BEGIN")
        connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(plan.METADATA_TABLE)))

        def finish() -> None:
            connection.execute("SELECT pg_sleep(%s)", [seconds])
            connection.execute("COMMIT")

        reading = threading.Thread(target=finish, name="report", daemon=True)
        reading.start()
        try:
            yield
        finally:
            reading.join()
