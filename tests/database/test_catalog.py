"""Facts of the catalogue, each on a real database that was made to show it."""

import time

import psycopg
import pytest
from psycopg import pq

from harness.database import catalog
from harness.database.catalog import Lock
from harness.database.runners import connect
from harness.database.schema_state import SchemaState, UnmanagedSchema

TABLE = "microdollar_usage_metadata"
COLUMN = "posthog_distinct_id"
INDEX = "idx_microdollar_usage_metadata_posthog_distinct_id"
BUILD = f"CREATE INDEX CONCURRENTLY {INDEX} ON {TABLE} ({COLUMN})"
WAIT_S_MAX = 60


def state_of(dsn: str) -> SchemaState | UnmanagedSchema:
    with connect(dsn) as connection:
        return catalog.schema_state(connection)


def start(connection: psycopg.Connection, statement: str) -> None:
    """Sends a statement without waiting for its end, which comes within the bound."""
    connection.execute(f"SET statement_timeout = '{WAIT_S_MAX}s'".encode())
    connection.pgconn.send_query(statement.encode())


def finish(connection: psycopg.Connection) -> pq.ExecStatus:
    """Waits for the end of the statement that was started, and says how it ended."""
    last = pq.ExecStatus.FATAL_ERROR
    while (result := connection.pgconn.get_result()) is not None:
        last = pq.ExecStatus(result.status)
    return last


def holds_open(connection: psycopg.Connection) -> None:
    """Writes a row in a transaction and leaves it open: a concurrent build waits for it."""
    connection.execute("BEGIN")
    connection.execute(f"INSERT INTO {TABLE} (id, message_id) VALUES (gen_random_uuid(), 'open')")


@pytest.mark.parametrize(
    ("default", "volatile", "rewrites"),
    [
        ("gen_random_uuid()::text", True, True),
        ("clock_timestamp()::text", True, True),
        ("'gen_random_uuid()'", False, False),
        ("'x'", False, False),
        ("now()::text", False, False),
        ("lower('X')", False, False),
    ],
)
def test_default_is_volatile_when_it_calls_a_volatile_function(
    base_dsn: str, default: str, volatile: bool, rewrites: bool
) -> None:
    with connect(base_dsn) as connection:
        before = catalog.relfilenode(connection, TABLE)
        connection.execute(f"ALTER TABLE {TABLE} ADD COLUMN {COLUMN} text DEFAULT {default}".encode())
        column = catalog.columns(connection, TABLE)[-1]
        assert column.volatile_default is volatile
        assert (catalog.relfilenode(connection, TABLE) != before) is rewrites


def test_columns_and_indexes_are_none_when_the_table_is_missing(empty_dsn: str) -> None:
    with connect(empty_dsn) as connection:
        assert catalog.columns(connection, TABLE) == ()
        assert catalog.indexes(connection, TABLE) == ()
        assert catalog.relfilenode(connection, TABLE) is None


def test_index_shows_method_predicate_and_expression(base_dsn: str) -> None:
    with connect(base_dsn) as connection:
        connection.execute(f"CREATE INDEX odd ON {TABLE} USING hash (lower(message_id)) WHERE latency > 1")
        odd = next(one for one in catalog.indexes(connection, TABLE) if one.name == "odd")
    assert (odd.method, odd.columns, odd.unique) == ("hash", ("lower(message_id)",), False)
    assert odd.predicate == "(latency > (1)::double precision)"


def test_locks_show_who_holds_and_who_waits(base_dsn: str) -> None:
    with connect(base_dsn) as holder, connect(base_dsn) as waiter, connect(base_dsn) as observer:
        holds_open(holder)
        waiter.execute("BEGIN")
        start(waiter, f"LOCK TABLE {TABLE} IN SHARE MODE")
        deadline = time.monotonic() + WAIT_S_MAX
        while len(found := catalog.locks(observer, TABLE)) < 2:
            assert time.monotonic() < deadline
        holder.execute("ROLLBACK")
        finish(waiter)
        assert set(found) == {
            Lock(holder.info.backend_pid, "RowExclusiveLock", True, TABLE),
            Lock(waiter.info.backend_pid, "ShareLock", False, TABLE),
        }


def test_digest_is_the_same_in_sessions_with_other_settings(base_dsn: str) -> None:
    names = ["id", "created_at", "latency"]
    with connect(base_dsn) as plain, connect(base_dsn) as other:
        for setting in ("TimeZone = 'Asia/Tokyo'", "DateStyle = 'German'", "extra_float_digits = 0"):
            other.execute(f"SET {setting}".encode())
        assert catalog.digest(plain, TABLE, names) == catalog.digest(other, TABLE, names)
        assert other.execute("SHOW TimeZone").fetchone() == ("Asia/Tokyo",)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {table} SET upstream_id = NULL WHERE message_id = 'seed-7'",
        "UPDATE {table} SET upstream_id = '' WHERE message_id = 'seed-7'",
        "DELETE FROM {table} WHERE message_id = 'seed-7'",
        "INSERT INTO {table} (id, message_id) VALUES (gen_random_uuid(), 'new')",
    ],
)
def test_digest_differs_when_a_row_does(base_dsn: str, change: str) -> None:
    names = ["id", "message_id", "upstream_id"]
    with connect(base_dsn) as connection:
        before = catalog.digest(connection, TABLE, names)
        connection.execute(change.format(table=TABLE).encode())
        assert catalog.digest(connection, TABLE, names) != before


def test_digest_tells_null_from_the_empty_text(base_dsn: str) -> None:
    with connect(base_dsn) as connection:
        connection.execute(f"UPDATE {TABLE} SET upstream_id = NULL")
        nulls = catalog.digest(connection, TABLE, ["upstream_id"])
        connection.execute(f"UPDATE {TABLE} SET upstream_id = ''")
        assert catalog.digest(connection, TABLE, ["upstream_id"]) != nulls


def test_digest_of_an_empty_table_counts_no_row(empty_dsn: str) -> None:
    with connect(empty_dsn) as connection:
        connection.execute("CREATE TABLE none (id integer)")
        assert catalog.digest(connection, "none", ["id"]).rows == 0


def test_readers_of_column_are_the_views_that_read_it(ready_dsn: str) -> None:
    with connect(ready_dsn) as connection:
        assert catalog.readers_of_column(connection, TABLE, COLUMN) == ()
        connection.execute(f"CREATE VIEW reading AS SELECT id FROM {TABLE} WHERE {COLUMN} IS NULL")
        connection.execute(f"CREATE VIEW passing AS SELECT id FROM {TABLE}")
        assert catalog.readers_of_column(connection, TABLE, COLUMN) == ("reading",)


def test_state_follows_the_migration(empty_dsn: str, base_dsn: str, column_dsn: str, ready_dsn: str) -> None:
    found = [state_of(dsn) for dsn in (empty_dsn, base_dsn, column_dsn, ready_dsn)]
    assert found == [UnmanagedSchema.EMPTY, SchemaState.BASE, SchemaState.COLUMN, SchemaState.READY]


def test_state_is_building_during_a_build_and_ready_after(column_dsn: str) -> None:
    with connect(column_dsn) as writer, connect(column_dsn) as builder:
        holds_open(writer)
        start(builder, BUILD)
        deadline = time.monotonic() + WAIT_S_MAX
        while (state := state_of(column_dsn)) is SchemaState.COLUMN:
            assert time.monotonic() < deadline
        assert state is SchemaState.BUILDING
        writer.execute("COMMIT")
        assert finish(builder) is pq.ExecStatus.COMMAND_OK
    assert state_of(column_dsn) is SchemaState.READY


def test_state_is_invalid_when_a_build_gave_up_in_its_wait(column_dsn: str) -> None:
    with connect(column_dsn) as writer, connect(column_dsn) as builder:
        holds_open(writer)
        builder.execute("SET lock_timeout = '10ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            builder.execute(BUILD)
    assert state_of(column_dsn) is SchemaState.INVALID


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (f"ALTER TABLE {TABLE} DROP COLUMN upstream_id CASCADE", f"{TABLE}.upstream_id is missing, not text"),
        (
            "DROP VIEW microdollar_usage_view; ALTER TABLE microdollar_usage ALTER cost TYPE integer",
            "microdollar_usage.cost is integer, not bigint",
        ),
        (
            f"ALTER TABLE {TABLE} ALTER {COLUMN} TYPE varchar(64)",
            f"{TABLE}.{COLUMN} character varying(64), nullable, no default, not {COLUMN} text, nullable, no default",
        ),
        (
            f"ALTER TABLE {TABLE} ALTER {COLUMN} SET DEFAULT 'x'",
            f"{TABLE}.{COLUMN} text, nullable, default 'x'::text, not {COLUMN} text, nullable, no default",
        ),
        (
            f"DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON {TABLE} ({COLUMN}) WHERE {COLUMN} IS NOT NULL",
            f"{INDEX} btree ({COLUMN}) where ({COLUMN} IS NOT NULL), valid, ready, live, not btree ({COLUMN})",
        ),
        (
            f"DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON {TABLE} USING hash ({COLUMN})",
            f"{INDEX} hash ({COLUMN}), valid, ready, live, not btree ({COLUMN})",
        ),
    ],
)
def test_state_is_foreign_when_a_shape_differs(ready_dsn: str, change: str, difference: str) -> None:
    with connect(ready_dsn) as connection:
        connection.execute(change.encode())
        assert catalog.differences(connection) == (difference,)
        assert catalog.schema_state(connection) is UnmanagedSchema.FOREIGN


def test_state_is_base_with_columns_of_later_migrations(base_dsn: str) -> None:
    with connect(base_dsn) as connection:
        connection.execute(f"ALTER TABLE {TABLE} ADD COLUMN machine_id text, ADD COLUMN feature_id integer")
    assert state_of(base_dsn) is SchemaState.BASE
