"""Live writers on a real table: none is left out, and each is as late as its schedule says."""

import time

import pytest

from harness.database.runners import connect
from harness.errors import UnavailableError
from harness.rehearsal import traffic as module
from harness.rehearsal.measurements import Rate, Sample
from harness.rehearsal.table import fill
from harness.rehearsal.traffic import traffic

RATE = Rate(writers=2, writes_per_s=100.0, readers=1, reads_per_s=50.0)


def count(dsn: str, query: str, *values: object) -> int:
    with connect(dsn) as connection:
        found = connection.execute(query.encode(), values).fetchone()
    assert found is not None
    return int(found[0])


def writes(samples: tuple[Sample, ...]) -> list[Sample]:
    return sorted((one for one in samples if one.write), key=lambda one: one.scheduled_ms)


def test_every_accepted_write_has_its_two_rows(base_dsn: str) -> None:
    with traffic(base_dsn, RATE) as running:
        running.pass_by(20)
    both = (
        "SELECT count(*) FROM microdollar_usage JOIN microdollar_usage_metadata USING (id)"
        " WHERE message_id LIKE %s"
    )
    assert running.accepted() == count(base_dsn, both, f"{running.prefix}%") >= 20
    assert {one.sqlstate for one in running.samples()} == {None}
    assert any(not one.write for one in running.samples())


def test_half_of_the_writers_store_a_value_after_the_swap(column_dsn: str) -> None:
    with traffic(column_dsn, RATE) as running:
        running.swap()
        running.pass_by(20)
    query = "SELECT count(posthog_distinct_id) FROM microdollar_usage_metadata WHERE message_id LIKE %s"
    stored = count(column_dsn, query, f"{running.prefix}%")
    assert abs(stored - running.accepted() / 4) <= 1  # half of the requests have no id


def test_held_up_writes_are_sent_and_count_from_their_schedule(base_dsn: str) -> None:
    with traffic(base_dsn, RATE) as running, connect(base_dsn) as holder:
        running.pass_by(2)
        holder.execute("BEGIN; LOCK TABLE microdollar_usage_metadata IN SHARE MODE")
        locked_ms = running.now_ms()
        time.sleep(0.3)  # how long the stall is to be
        freed_ms = running.now_ms()
        holder.execute("COMMIT")
        running.pass_by(2)
    held = [one for one in writes(running.samples()) if locked_ms < one.scheduled_ms < freed_ms]
    assert len(held) == pytest.approx(RATE.writes_per_s * (freed_ms - locked_ms) / 1000, abs=1)
    assert all(one.latency_ms >= freed_ms - one.scheduled_ms for one in held)


def test_failed_writes_are_samples_with_their_sqlstate(base_dsn: str) -> None:
    with traffic(base_dsn, RATE) as running:
        running.swap()  # too early: there is no column
        swapped_ms = running.now_ms()
        running.pass_by(20)
    states = [one.sqlstate for one in writes(running.samples()) if one.scheduled_ms >= swapped_ms]
    assert set(states) == {None, "42703"}
    assert abs(states.count("42703") - len(states) / 2) <= 1


def test_writers_connect_again_when_their_connection_is_ended(base_dsn: str) -> None:
    with traffic(base_dsn, RATE) as running:
        with connect(base_dsn) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        running.pass_by(10)
    states = [one.sqlstate for one in writes(running.samples())]
    assert "57P01" in states
    assert states[-4:] == [None] * 4


def test_waiting_ends_with_the_count_when_writers_hang(
    base_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_S_MAX", 0.2)
    with traffic(base_dsn, RATE) as running, connect(base_dsn) as holder:
        holder.execute("BEGIN; LOCK TABLE microdollar_usage_metadata IN SHARE MODE")
        with pytest.raises(UnavailableError, match="0 of 5 writes were answered"):
            running.pass_by(5)
        holder.execute("COMMIT")


@pytest.mark.parametrize("rows", [1, 2000, 4321])
def test_table_is_filled_with_rows_like_those_there(base_dsn: str, rows: int) -> None:
    told: list[int] = []
    before = count(base_dsn, "SELECT count(*) FROM microdollar_usage_metadata")
    fill(base_dsn, rows, told.append)
    assert count(base_dsn, "SELECT count(*) FROM microdollar_usage_metadata") == before + rows
    assert told[-1] == rows
    loaded = (
        "SELECT count(*) FROM microdollar_usage_metadata WHERE message_id LIKE 'load-%%' AND EXISTS ("
        "SELECT 1 FROM http_ip WHERE http_ip.http_ip_id = microdollar_usage_metadata.http_ip_id)"
    )
    assert count(base_dsn, loaded) == rows
