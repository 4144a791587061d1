"""A server that is filled from another one is told where it lags, and counts as the other where it does not."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from harness.database.declared import plan_store
from harness.database.visibility import obstacles, obstacles_of
from harness.verdict import Status
from tests.database.readers import READS, C, T, U, granted, judged, put


def record(table: str, **more: object) -> tuple[object, ...]:
    facts = {"standby": False, "lag_s": None, "subscriptions": []} | more
    return (table, "public", "r", "me", False, [], [], [], *facts.values())


@pytest.mark.parametrize(
    ("lag_s", "told"),
    [
        (0.0, []),
        (4.0, []),
        (5.0, []),
        (5.1, ["5.1 s behind"]),
        (90.5, ["90.5 s behind"]),
        (-1.0, ["an unknown time"]),
        (None, ["an unknown time"]),
    ],
)
def test_a_standby_that_lags_is_told_once(lag_s: float | None, told: list[str]) -> None:
    found = obstacles_of([record(table, standby=True, lag_s=lag_s) for table in (U, T)])
    assert len(found) == len(told)
    assert all(words in one.sentence and one.stale for words, one in zip(told, found, strict=True))


def test_a_subscription_that_lags_is_told_for_each_table() -> None:
    late = ["subscription one is disabled", "subscription two is 9 s behind"]
    found = obstacles_of([record(U), record(T, subscriptions=late)])
    assert [one.sentence for one in found] == [
        f"{T} is filled from another server, and {each}: rows may not be there yet" for each in late
    ]


SUBSCRIBE = """
    CREATE SUBSCRIPTION {} CONNECTION 'host=/nowhere dbname=x' PUBLICATION p
    WITH (connect = false, slot_name = NONE)"""


@contextmanager
def subscribed(dsn: str, table: str, state: str) -> Iterator[None]:
    """The table is filled by a subscription that is disabled."""
    with psycopg.connect(dsn, autocommit=True) as owner:
        name = sql.Identifier(f"s_{owner.info.dbname}")
        owner.execute(sql.SQL(SUBSCRIBE).format(name))
        owner.execute(
            "INSERT INTO pg_subscription_rel SELECT oid, %s::regclass, %s, NULL FROM pg_subscription "
            "WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [table, state],
        )
        try:
            yield
        finally:
            owner.execute(sql.SQL("DROP SUBSCRIPTION {}").format(name))


@pytest.mark.parametrize("state", ["r", "s", "i", "d"])
@pytest.mark.parametrize("table", [T, U])
def test_a_disabled_subscription_leaves_stored_values_unknown(ready_dsn: str, table: str, state: str) -> None:
    put(ready_dsn, "a b")
    with granted(ready_dsn, READS) as dsn:
        with subscribed(ready_dsn, table, state):
            found = judged(dsn)
        assert found["D1"].status is Status.UNKNOWN
        assert f"{table} is filled from another server" in found["D1"].detail
        assert "is disabled" in found["D1"].detail
        assert (found["M3"].status, found["M4"].status) == (Status.PROVEN, Status.PROVEN)
        assert judged(dsn)["D1"].status is Status.REFUTED


def test_a_subscription_to_a_part_of_the_table_counts(ready_dsn: str) -> None:
    with psycopg.connect(ready_dsn, autocommit=True) as owner:
        owner.execute(f"ALTER TABLE {T} RENAME TO unparted")
        owner.execute(f"CREATE TABLE {T} (LIKE unparted) PARTITION BY LIST ({C})")
        owner.execute(f"CREATE TABLE part PARTITION OF {T} DEFAULT")
    with subscribed(ready_dsn, "part", "r"), psycopg.connect(ready_dsn) as connection:
        (found,) = obstacles(connection, plan_store().needed)
    assert found.table == T


def test_a_subscription_to_another_table_is_no_obstacle(ready_dsn: str) -> None:
    with subscribed(ready_dsn, "http_ip", "r"), psycopg.connect(ready_dsn) as connection:
        assert obstacles(connection, plan_store().needed) == ()
