"""How long each way to migrate holds writers up, on a small table: what must hold whatever the machine is like."""

from dataclasses import replace

import psycopg
import pytest

from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.database.server import Server
from harness.database.templates import Templates
from harness.rehearsal.approaches import APPROACHES, Approach
from harness.rehearsal.lock_watch import lock_watch
from harness.rehearsal.measurements import Latency, Measured, Rate, Sample, Span
from harness.rehearsal.stalls import measure

RATE = Rate(writers=2, writes_per_s=100.0, readers=1, reads_per_s=20.0)
REPORT_S = 0.4


def approach(name: str) -> Approach:
    return next(one for one in APPROACHES if one.name == name)


def measured(templates: Templates, chosen: Approach) -> Measured:
    with templates.database(SchemaState.BASE) as dsn:
        return measure(dsn, chosen, 100, RATE, quiet_s=0.1)


@pytest.mark.parametrize("name", ["corrected", "plain index", "one transaction"])
def test_approach_builds_the_index_and_no_write_fails(templates: Templates, name: str) -> None:
    seen = measured(templates, approach(name))
    assert seen.index_bytes > 0
    assert seen.build_ms > 0
    assert seen.rows_per_s == pytest.approx(100 / seen.build_ms * 1000)
    assert seen.errors == 0
    assert [span.sqlstate for span in seen.spans] == [None] * len(approach(name).statements)
    phases = seen.phases()
    assert min(phases["before"].writes, phases["after"].writes) >= 10
    assert 0 < phases["before"].p50_ms <= phases["before"].p99_ms <= phases["before"].max_ms


def test_writers_wait_behind_an_alter_that_waits_behind_a_report(templates: Templates) -> None:
    seen = measured(templates, replace(approach("behind a read"), report_s=REPORT_S))
    (alter,) = seen.spans
    assert alter.duration_ms >= REPORT_S * 900
    assert alter.lock_wait_ms >= REPORT_S * 500
    assert seen.stall_ms_max >= REPORT_S * 800
    assert seen.errors == 0


def test_lock_timeout_and_retry_bound_what_writers_wait(templates: Templates) -> None:
    seen = measured(templates, replace(approach("behind a read, retried"), report_s=REPORT_S))
    alters = seen.spans[1:]
    assert [span.sqlstate for span in alters] == ["55P03"] * (len(alters) - 1) + [None]
    assert len(alters) >= 2
    assert seen.stall_ms_max < REPORT_S * 800
    assert seen.errors == 0


def test_latency_percentiles_are_by_nearest_rank() -> None:
    assert Latency.of([float(n) for n in range(1, 101)]) == Latency(100, 50.0, 99.0, 100.0)
    assert Latency.of([3.0]) == Latency(1, 3.0, 3.0, 3.0)
    assert Latency.of([]) == Latency(0, 0.0, 0.0, 0.0)


def test_stall_of_a_statement_is_the_wait_within_it() -> None:
    span = Span("CREATE INDEX", 100.0, 200.0, 0.0, None)
    inside = Sample(120.0, 150.0, write=True, sqlstate=None)
    across = Sample(90.0, 230.0, write=True, sqlstate=None)
    read = Sample(100.0, 200.0, write=False, sqlstate=None)
    outside = Sample(201.0, 900.0, write=True, sqlstate=None)
    assert span.stall_ms_max([inside, read, outside]) == 30.0
    assert span.stall_ms_max([inside, across]) == 100.0
    assert span.stall_ms_max([outside]) == 0.0


def test_phases_count_each_write_by_when_it_was_due_or_under_way() -> None:
    spans = (Span("a", 100.0, 150.0, 0.0, None), Span("b", 150.0, 200.0, 0.0, None))
    samples = tuple(
        Sample(at, done, write=True, sqlstate=None)
        for at, done in ((10, 20), (95, 180), (190, 260), (201, 203))
    )
    seen = Measured(approach("corrected"), 1, spans, samples, 0)
    assert {name: (phase.writes, phase.max_ms) for name, phase in seen.phases().items()} == {
        "before": (1, 10.0),
        "during": (2, 85.0),
        "after": (1, 2.0),
    }
    assert seen.stall_ms_max == 85.0


def test_lock_watch_sees_a_wait_and_no_work(server: Server) -> None:
    with server.database() as dsn, connect(dsn) as holder, connect(dsn) as waiter:
        holder.execute("CREATE TABLE held ()")
        holder.execute("BEGIN; LOCK TABLE held")
        now = [0.0]

        def tick() -> float:
            now[0] += 1.0  # a clock that counts the polls: how long they take is not the subject
            return now[0]

        waiter.execute("SET lock_timeout = '300ms'")
        with lock_watch(dsn, waiter.info.backend_pid, tick) as watch:
            waiter.execute("SELECT pg_sleep(0.05)")
            assert watch.waits == []
            with pytest.raises(psycopg.errors.LockNotAvailable):
                waiter.execute("SELECT * FROM held")
        assert watch.between(0, now[0]) >= 2
        assert watch.between(now[0], now[0] + 100) == 0
