"""Migrates a filled table under live traffic and measures how long writers are held up. Judges nothing."""

import threading
import time
from collections.abc import Iterator, Sequence
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
from harness.rehearsal.approaches import RETRIES_MAX, RETRY_PAUSE_S, Approach
from harness.rehearsal.deadline import deadline
from harness.rehearsal.lock_watch import LockWatch, lock_watch
from harness.rehearsal.traffic import USUAL, Rate, Sample, Traffic, traffic

MIGRATION_S_MAX: Final = 600.0
"""A build gets through a hundred million rows in that time."""
QUIET_S: Final = 1.0
"""How long traffic is watched before and after the migration."""


@dataclass(frozen=True, slots=True)
class Span:
    """One statement sent. Times are in milliseconds since the traffic began."""

    statement: str
    """Its first line."""
    began_ms: float
    ended_ms: float
    lock_wait_ms: float
    """How long it waited for locks or for others' transactions, seen every 5 ms."""
    sqlstate: str | None
    """None when it was accepted."""

    @property
    def duration_ms(self) -> float:
        """From sending it to its answer."""
        return self.ended_ms - self.began_ms

    def stall_ms_max(self, samples: Sequence[Sample]) -> float:
        """The longest that a write which was due was left waiting while this statement ran; 0 when there was none."""
        waits = (
            min(one.done_ms, self.ended_ms) - max(one.scheduled_ms, self.began_ms)
            for one in samples
            if one.write
        )
        return max(0.0, max(waits, default=0.0))


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency of the writes of one phase, in milliseconds; all 0 when there was none."""

    writes: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Latency":
        """Percentiles by nearest rank."""
        if not values:
            return cls(0, 0.0, 0.0, 0.0)
        ordered = sorted(values)
        count = len(ordered)
        return cls(count, ordered[-(-count // 2) - 1], ordered[-(-count * 99 // 100) - 1], ordered[-1])


@dataclass(frozen=True, slots=True)
class Measured:
    """What one approach did to the writers, and what it left."""

    approach: Approach
    rows: int
    spans: tuple[Span, ...]
    samples: tuple[Sample, ...]
    index_bytes: int
    """0 when no index was built."""

    @property
    def began_ms(self) -> float:
        """When its first statement was sent."""
        return self.spans[0].began_ms

    @property
    def ended_ms(self) -> float:
        """When its last statement was answered."""
        return self.spans[-1].ended_ms

    @property
    def stall_ms_max(self) -> float:
        """The longest latency of a write that was due or under way while the migration ran."""
        return self.phases()["during"].max_ms

    @property
    def build_ms(self) -> float:
        """How long the index took; 0 when none was built."""
        return sum(span.duration_ms for span in self.spans if "INDEX" in span.statement.upper())

    @property
    def rows_per_s(self) -> float:
        """Rows that the build got through in a second."""
        return self.rows / self.build_ms * 1000 if self.build_ms else 0.0

    @property
    def errors(self) -> int:
        """Statements of the traffic that failed."""
        return sum(one.sqlstate is not None for one in self.samples)

    def phases(self) -> dict[str, Latency]:
        """Write latency before, during and after the migration, by when each write was due or under way."""
        writes = [one for one in self.samples if one.write]
        before = [one.latency_ms for one in writes if one.done_ms < self.began_ms]
        after = [one.latency_ms for one in writes if one.scheduled_ms > self.ended_ms]
        during = [
            one.latency_ms
            for one in writes
            if one.done_ms >= self.began_ms and one.scheduled_ms <= self.ended_ms
        ]
        return {"before": Latency.of(before), "during": Latency.of(during), "after": Latency.of(after)}


def measure(
    dsn: str, approach: Approach, rows: int, rate: Rate = USUAL, quiet_s: float = QUIET_S
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
