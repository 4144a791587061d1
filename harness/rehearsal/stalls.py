"""Migrates a filled table under live traffic and measures how long writers are held up. Judges nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
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
from harness.rehearsal.accounting import ACCOUNTING
from harness.rehearsal.approaches import RETRIES_MAX, RETRY_PAUSE_S, Approach
from harness.rehearsal.deadline import deadline
from harness.rehearsal.lock_watch import LockWatch, lock_watch
from harness.rehearsal.measurements import USUAL_RATE, Measured, Rate, Span
from harness.rehearsal.traffic import Traffic, traffic
from harness.rehearsal.workload import Workload

MIGRATION_S_MAX: Final = 600.0
"""A build gets through a hundred million rows in that time."""
QUIET_S: Final = 1.0
"""How long traffic is watched before and after the migration."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What is migrated under which traffic."""

    table: sql.Composable
    """What a report reads that is there before the migration."""
    workload: Workload
    is_swapped: Callable[[psycopg.Connection[Any]], bool]
    """Whether half of the writers may be the build `after` from now on."""
    index_bytes: Callable[[psycopg.Connection[Any]], int]
    """The size of what the migration built."""
    deployment: str = ""
    """The statement that stands for the deployment: every writer is the build `after` from there on; empty: none."""


def measure(
    dsn: str,
    approach: Approach,
    rows: int,
    rate: Rate = USUAL_RATE,
    quiet_s: float = QUIET_S,
    migrated: Migrated | None = None,
) -> Measured:
    """Migrates a filled database in one way, under traffic, and returns what was measured.

    Without `migrated` it is the rollout's own table under the reference's traffic, where half of the writers become
    the backend `after` as soon as the column is there. Raises psycopg.Error when a statement is refused for good and
    the approach does not keep that, UnavailableError when the traffic does not come through.
    """
    migrated = migrated or OURS
    quiet_writes = int(rate.writes_per_s * quiet_s)
    with deadline(dsn, MIGRATION_S_MAX), traffic(dsn, rate, migrated.workload) as running:
        running.pass_by(quiet_writes)
        with (
            connect(dsn) as session,
            lock_watch(dsn, process_of(session), running.now_ms) as watch,
            _report(dsn, migrated.table, approach.report_s) if approach.report_s else nullcontext(),
        ):
            spans = tuple(_migrate(session, approach, running, watch, migrated))
        running.pass_by(quiet_writes)
    with connect(dsn) as connection:
        size = migrated.index_bytes(connection)
    return Measured(approach, rows, spans, running.samples(), size)


def _migrate(
    session: psycopg.Connection[Any],
    approach: Approach,
    running: Traffic,
    watch: LockWatch,
    migrated: Migrated,
) -> Iterator[Span]:
    swapped = False
    for number, statement in enumerate(approach.statements):
        label = approach.labels[number] if approach.labels else statements_of(statement)[0].headline
        for _ in range(RETRIES_MAX):
            began = running.now_ms()
            refused = _send(session, statement, approach)
            ended = running.now_ms()
            sqlstate = None if refused is None else refused.sqlstate or ""
            message = "" if refused is None else refused.diag.message_primary or str(refused)
            yield Span(label, began, ended, watch.between(began, ended), sqlstate, message)
            if refused is None:
                break
            if not approach.retries:
                return
            time.sleep(RETRY_PAUSE_S)  # the pause that the approach is about, in which writers catch up
        else:
            raise UnavailableError(f"{label} got no lock in {RETRIES_MAX} tries; end what holds the table")
        if migrated.deployment and statement == migrated.deployment:
            running.deploy()
            swapped = True
        if (
            not swapped
            and session.info.transaction_status is TransactionStatus.IDLE
            and migrated.is_swapped(session)
        ):
            running.swap()
            swapped = True


def _send(session: psycopg.Connection[Any], statement: str, approach: Approach) -> psycopg.Error | None:
    """What it was refused with, where the approach goes on from there. Raises psycopg.Error elsewhere."""
    try:
        session.execute(statement.encode(), prepare=False)
    except psycopg.errors.LockNotAvailable as error:
        if not (approach.retries or approach.ends_refused):
            raise
        return error
    except psycopg.Error as error:
        if not approach.ends_refused:
            raise
        return error
    return None


def _has_column(session: psycopg.Connection[Any]) -> bool:
    return any(column.name == plan.COLUMN for column in catalog.columns(session, plan.METADATA_TABLE))


def _index_bytes(connection: psycopg.Connection[Any]) -> int:
    return catalog.relation_bytes(connection, plan.INDEX)


OURS: Final = Migrated(sql.Identifier(plan.METADATA_TABLE), ACCOUNTING, _has_column, _index_bytes)
"""The rollout's own table under the reference's traffic."""


@contextmanager
def _report(dsn: str, table: sql.Composable, seconds: float) -> Iterator[None]:
    """A report that reads the table already, and goes on for some seconds."""
    with connect(dsn) as connection:
        connection.execute("BEGIN")
        connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(table))

        def finish() -> None:
            connection.execute("SELECT pg_sleep(%s)", [seconds])
            connection.execute("COMMIT")

        reading = threading.Thread(target=finish, name="report", daemon=True)
        reading.start()
        try:
            yield
        finally:
            reading.join()
