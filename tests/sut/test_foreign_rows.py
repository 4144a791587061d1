"""Rows are found in a database of which only the plan's columns are known, by a role that may only read."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from harness.clients.exchange import Outcome, Reply
from harness.sut.foreign_rows import DatabaseUnavailableError, ForeignRows
from harness.sut.observation import Exchange
from harness.sut.rows import RowKey

MINIMAL = """
CREATE TABLE microdollar_usage (id {id} PRIMARY KEY, kilo_user_id varchar(90) NOT NULL, created_at {time} NOT NULL,
    cost numeric NOT NULL);
CREATE TABLE microdollar_usage_metadata (id {id}, message_id text, posthog_distinct_id text);
"""
NOW = datetime.now(UTC)


@pytest.fixture(params=[("uuid", "timestamptz"), ("bigint", "timestamp"), ("text", "timestamptz(0)")])
def minimal_dsn(request: pytest.FixtureRequest, empty_dsn: str) -> str:
    """A database that has the plan's columns and nothing else."""
    with psycopg.connect(empty_dsn) as connection:
        connection.execute(MINIMAL.format(id=request.param[0], time=request.param[1]))
    return empty_dsn


def insert(
    dsn: str, number: int, user: str, message_id: str | None, value: str | None = None, when: datetime = NOW
) -> None:
    identity = f"00000000-0000-0000-0000-{number:012}"
    with psycopg.connect(dsn) as connection:
        kind = connection.execute(
            "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'microdollar_usage'::regclass "
            "AND attname = 'id'"
        ).fetchone()
        key = str(number) if kind == ("bigint",) else identity
        stamp = when if kind != ("bigint",) else when.replace(tzinfo=None)
        connection.execute(f"INSERT INTO microdollar_usage VALUES ('{key}', %s, %s, 0)", (user, stamp))
        if message_id is not None:
            connection.execute(
                f"INSERT INTO microdollar_usage_metadata VALUES ('{key}', %s, %s)", (message_id, value)
            )


async def test_rows_are_found_whatever_types_the_columns_have(minimal_dsn: str) -> None:
    insert(minimal_dsn, 1, "anon:a", "m1", "v1")
    insert(minimal_dsn, 2, "anon:b", None)
    insert(minimal_dsn, 3, "anon:c", "m3")
    rows = await ForeignRows.connect(minimal_dsn)
    found = await rows.find([RowKey("m1"), RowKey(None, "anon:b")], NOW)
    ((one,), (two,)) = (found.by_id["m1"], found.by_user["anon:b"])
    assert (one.user, one.value, one.whole, two.whole) == ("anon:a", "v1", True, False)
    assert set(found.by_user) == {"anon:a", "anon:b"}
    await rows.close()


async def test_two_metadata_rows_of_one_usage_row_are_two_rows(minimal_dsn: str) -> None:
    insert(minimal_dsn, 1, "anon:a", "m1")
    with psycopg.connect(minimal_dsn) as connection:
        connection.execute("INSERT INTO microdollar_usage_metadata SELECT * FROM microdollar_usage_metadata")
    rows = await ForeignRows.connect(minimal_dsn)
    assert len((await rows.find([RowKey("m1")], NOW)).by_id["m1"]) == 2
    assert len((await rows.both_sides([RowKey("m1")], NOW)).by_id["m1"]) == 2
    await rows.close()


async def test_metadata_without_usage_is_an_orphan(minimal_dsn: str) -> None:
    insert(minimal_dsn, 1, "anon:a", "m1")
    with psycopg.connect(minimal_dsn) as connection:
        connection.execute("DELETE FROM microdollar_usage")
    rows = await ForeignRows.connect(minimal_dsn)
    assert (await rows.find([RowKey("m1")], NOW)).by_id == {}
    ((orphan,),) = (await rows.both_sides([RowKey("m1"), RowKey("m2")], NOW)).by_id.values()
    assert (orphan.whole, orphan.message_id) == (False, "m1")
    await rows.close()


async def test_usage_without_metadata_is_found_by_its_user(minimal_dsn: str) -> None:
    insert(minimal_dsn, 1, "anon:a", None)
    insert(minimal_dsn, 2, "anon:a", "m2")
    rows = await ForeignRows.connect(minimal_dsn)
    found = await rows.both_sides([RowKey("m2"), RowKey(None, "anon:a")], NOW)
    assert sorted(row.whole for row in found.by_user["anon:a"]) == [False, True]
    await rows.close()


async def test_a_row_of_another_message_is_found_by_the_value_it_holds(minimal_dsn: str) -> None:
    insert(minimal_dsn, 1, "anon:a", "another", "mine")
    rows = await ForeignRows.connect(minimal_dsn)
    found = await rows.both_sides([RowKey("m1")], NOW, ["mine"])
    assert [row.message_id for row in found.by_value["mine"]] == ["another"]
    await rows.close()


async def test_the_other_columns_of_both_rows_are_read_as_text(minimal_dsn: str) -> None:
    insert(minimal_dsn, 1, "anon:a", "m1", "v1")
    rows = await ForeignRows.connect(minimal_dsn)
    ((row,),) = (await rows.find([RowKey("m1")], NOW)).by_id.values()
    columns = dict(row.columns)
    assert columns["microdollar_usage.cost"] == "0"
    assert columns["microdollar_usage_metadata.message_id"] == "m1"
    assert "microdollar_usage_metadata.posthog_distinct_id" not in columns
    await rows.close()


async def test_columns_that_may_not_be_read_are_named(ready_dsn: str) -> None:
    with psycopg.connect(ready_dsn, autocommit=True) as owner:
        role = f"reader_{owner.info.dbname}"
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'geheim'")
        owner.execute(f"GRANT SELECT (id, kilo_user_id, created_at) ON microdollar_usage TO {role}")
        owner.execute(f"GRANT SELECT ON microdollar_usage_metadata TO {role}")
        try:
            rows = await ForeignRows.connect(make_conninfo(ready_dsn, user=role, password="geheim"))
            assert "microdollar_usage.cost" in rows.unreadable
            assert (await rows.both_sides([RowKey("m1"), RowKey(None, "anon:a")], NOW, ["v"])).by_id == {}
            await rows.close()
        finally:
            owner.execute(f"DROP OWNED BY {role}")
            owner.execute(f"DROP ROLE {role}")


async def test_rows_that_a_policy_hides_are_refused_rather_than_absent(ready_dsn: str) -> None:
    with psycopg.connect(ready_dsn, autocommit=True) as owner:
        role = f"subject_{owner.info.dbname}"
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'geheim'")
        owner.execute(f"GRANT SELECT ON microdollar_usage, microdollar_usage_metadata TO {role}")
        owner.execute("ALTER TABLE microdollar_usage_metadata ENABLE ROW LEVEL SECURITY")
        try:
            dsn = make_conninfo(ready_dsn, user=role, password="geheim")
            with pytest.raises(DatabaseUnavailableError, match="row-level security without a policy"):
                await ForeignRows.connect(dsn)
            owner.execute("ALTER TABLE microdollar_usage_metadata DISABLE ROW LEVEL SECURITY")
            rows = await ForeignRows.connect(dsn)
            owner.execute("ALTER TABLE microdollar_usage_metadata ENABLE ROW LEVEL SECURITY")
            with pytest.raises(DatabaseUnavailableError, match="row-level security policy"):  # from now on
                await rows.find([RowKey("m1")], NOW)
            await rows.close()
        finally:
            owner.execute(f"DROP OWNED BY {role}")
            owner.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("hours", [-11, 13])
async def test_a_clock_that_is_hours_off_is_found_when_looked_for(minimal_dsn: str, hours: int) -> None:
    theirs = NOW + timedelta(hours=hours)
    insert(minimal_dsn, 1, "anon:a", "m1", when=theirs)
    insert(minimal_dsn, 2, "anon:b", "m2", when=theirs - timedelta(hours=1))
    rows = await ForeignRows.connect(minimal_dsn)
    far = await rows.find([RowKey("m1")], NOW, far=True)
    assert set(far.by_id) == {"m1"}
    rows.clock.learn(far.created, NOW)
    assert set((await rows.find([RowKey("m1"), RowKey("m2")], NOW)).by_id) == {"m1"}
    await rows.close()


async def test_a_clock_that_goes_back_is_noticed_by_ids_alone(minimal_dsn: str) -> None:
    insert(minimal_dsn, 0, "anon:z", "m0")
    rows = await ForeignRows.connect(minimal_dsn)
    rows.clock.learn((await rows.find([RowKey("m0")], NOW)).created, NOW)
    insert(minimal_dsn, 1, "anon:a", "m1", when=NOW - timedelta(hours=2))
    insert(minimal_dsn, 2, "anon:b", "m2", when=NOW - timedelta(hours=20))  # another run's
    assert (await rows.find([RowKey("m1", "anon:b")], NOW)).by_id == {}
    probe: Any = SimpleNamespace(user="anon:b", alone=True, spec=SimpleNamespace(reply_id=("id",)))
    reply = Reply(Outcome.REPLY, 200, (), b'{"id": "m1"}')
    found = await rows.wait([Exchange(probe, reply, 0.0)], NOW, 2.0)
    assert (set(found.by_id), set(found.by_user)) == ({"m1"}, {"anon:a"})
    assert abs(rows.clock.set_back - timedelta(hours=2)) <= timedelta(seconds=1)
    assert any("went back by 120 minutes" in remark for remark in rows.remarks())
    await rows.close()


async def test_a_database_without_the_column_has_rows_without_values(base_dsn: str) -> None:
    rows = await ForeignRows.connect(base_dsn)
    assert not rows.has_column
    with psycopg.connect(base_dsn) as connection:
        found = connection.execute("SELECT message_id FROM microdollar_usage_metadata LIMIT 1").fetchone()
        assert found is not None
    ((row, *_),) = (await rows.find([RowKey(found[0])], NOW - timedelta(days=9999))).by_id.values()
    assert row.value is None
    await rows.close()


async def test_nothing_can_be_written_through_it(ready_dsn: str) -> None:
    rows = await ForeignRows.connect(ready_dsn)
    async with rows._connection.transaction():
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await rows._connection.execute("DELETE FROM microdollar_usage")
    await rows.close()


async def test_a_database_out_of_reach_is_told_without_its_password(
    empty_dsn: str,
) -> None:
    with pytest.raises(DatabaseUnavailableError, match="table microdollar_usage is not there"):
        await ForeignRows.connect(empty_dsn)
    with pytest.raises(DatabaseUnavailableError, match="cannot connect") as caught:
        await ForeignRows.connect("postgresql://me:geheim@127.0.0.1:1/x")
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_database_that_goes_away_is_told_so(ready_dsn: str) -> None:
    rows = await ForeignRows.connect(ready_dsn)
    with psycopg.connect(ready_dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(DatabaseUnavailableError, match="cannot be asked"):
        await rows.find([RowKey("m")], NOW)
    await rows.close()
