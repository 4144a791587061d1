"""A schema of one's own: copied from a live database that only reads it, loaded, and what is left out named."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from harness.database.embedded import program
from harness.database.runners import connect
from harness.database.server import Server
from harness.errors import UnavailableError, UsageError
from harness.rehearsal.own.live_schema import live_schema
from harness.rehearsal.own.relations import given_table
from harness.rehearsal.own.schema import dumped_from, load_schema, plain_sql
from harness.rehearsal.own.statistics import ColumnStatistics, dumped_statistics
from harness.run.own_schema import schema_statements, statistics_of, suited_server

LIVE = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN short AS character varying(20) CHECK (VALUE <> '');
CREATE SCHEMA shop;
CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mood mood, name short NOT NULL,
    doubled bigint GENERATED ALWAYS AS (2) STORED, at date, tags text[]
) PARTITION BY HASH (id);
CREATE TABLE shop.orders_0 PARTITION OF shop.orders FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RETURN NEW; /* ; */ END $f$;
CREATE TRIGGER t BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.f();
INSERT INTO shop.orders (mood, name, at) SELECT CASE WHEN n % 4 > 0 THEN mood 'good' END, 'n' || n % 10, now()
    FROM generate_series(1, 1000) AS n;
ANALYZE;
"""


@pytest.fixture
def live(server: Server) -> Iterator[str]:
    with server.database() as dsn:
        with connect(dsn) as connection:
            connection.execute(LIVE)
        yield dsn


@pytest.fixture
def reader(live: str) -> Iterator[str]:
    """A role that may read what it was granted, and change nothing."""
    name = "own_schema_reader"
    with connect(live) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA shop TO {name}")
        connection.execute(f"GRANT SELECT ON shop.orders_0 TO {name}")
        yield make_conninfo(live, user=name)
        connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_copy_of_a_live_schema_has_its_tables(server: Server, live: str) -> None:
    text, _ = live_schema(live)
    assert dumped_from(text) == int(server.version.split(".")[0])
    with server.database() as dsn, connect(dsn) as connection, connect(live) as original:
        assert load_schema(connection, schema_statements(text)) == ()
        connection.execute("RESET ALL")
        found = connection.execute("SELECT 'shop.orders'::regclass::oid::int8").fetchone()
        theirs = original.execute("SELECT 'shop.orders'::regclass::oid::int8").fetchone()
        assert found is not None
        assert theirs is not None
        assert given_table(connection, found[0]).columns == given_table(original, theirs[0]).columns
        assert connection.execute("SELECT count(*) FROM shop.orders").fetchone() == (0,)


def test_role_that_may_not_read_a_table_is_told_so(reader: str) -> None:
    with pytest.raises(UnavailableError, match=r"permission denied for table orders.*GRANT pg_read_all_data"):
        live_schema(reader)


def test_copying_needs_no_right_but_to_read(live: str, reader: str) -> None:
    with connect(live) as connection:
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA shop TO own_schema_reader")
        assert "CREATE TABLE shop.orders" in live_schema(reader)[0]
        settings = "SELECT count(*) FROM pg_db_role_setting WHERE setrole = 'own_schema_reader'::regrole"
        assert connection.execute(settings).fetchone() == (0,)


def test_copying_gives_up_behind_an_open_alter_table(live: str) -> None:
    with connect(live) as connection:
        connection.execute("BEGIN; LOCK TABLE shop.orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(UnavailableError, match="try again once that has ended"):
            live_schema(live)


def test_statistics_of_a_live_database_hold_no_value(live: str) -> None:
    found = statistics_of(live)
    assert found.rows["shop", "orders"] == 1000.0
    columns = found.columns["shop", "orders"]
    assert columns["mood"] == ColumnStatistics(0.25, 4, 1.0)
    assert columns["name"].distinct == 10.0
    assert columns["id"].distinct == -1.0


def test_statistics_of_a_dump_are_those_of_the_database(live: str, tmp_path: Path) -> None:
    file = tmp_path / "stats.sql"
    command = [str(program("pg_dump")), "--statistics-only", "-f", str(file), "-d", live]
    subprocess.run(command, check=True)
    dumped, read = statistics_of(str(file)), statistics_of(live)
    assert dumped.columns == read.columns
    assert read.rows.items() <= dumped.rows.items()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("missing.sql", "missing.sql cannot be read: No such file or directory"),
        ("schema.sql", "has no statistics: it holds no call of pg_restore_attribute_stats"),
        ("jdbc:postgresql://me:s3cret@x/y?a=b", "the DSN of --statistics cannot be read"),
    ],
)
def test_what_is_no_statistics_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema.sql").write_text("CREATE TABLE t ();")
    with pytest.raises(UsageError, match=reason) as refused:
        statistics_of(given)
    assert "s3cret" not in str(refused.value)


def test_value_with_quotes_and_brackets_ends_no_call() -> None:
    call = (
        "SELECT * FROM pg_catalog.pg_restore_attribute_stats('version', '180000'::integer, 'schemaname', 'public', "
        "'relname', 't', 'attname', 'a', 'inherited', 'f'::boolean, 'null_frac', '0.5'::real, "
        "'most_common_vals', '{\"it''s ), ''null_frac'', ''1''\"}'::text, 'avg_width', '7'::integer, "
        "'n_distinct', '-0.25'::real);"
    )
    assert dumped_statistics(call).columns == {("public", "t"): {"a": ColumnStatistics(0.5, 7, -0.25)}}


def test_what_the_server_lacks_is_left_out_and_named(server: Server) -> None:
    dump = (
        "\\restrict abc\nSET transaction_timeout = 0;\nCREATE EXTENSION postgis;\nCREATE TABLE public.a (b geometry);\n"
        "CREATE TABLE public.c (d text);\nALTER TABLE public.c OWNER TO me;\nGRANT ALL ON public.c TO me;\n"
        "CREATE SUBSCRIPTION s CONNECTION 'host=live' PUBLICATION p;\nCOPY public.c (d) FROM stdin;\nit's; a row\n\\.\n"
        "CREATE INDEX i ON public.c (d) TABLESPACE fast;\n\\unrestrict abc\n"
    )
    with server.database() as dsn, connect(dsn) as connection:
        left_out = load_schema(connection, schema_statements(dump))
        assert connection.execute(
            "SELECT to_regclass('public.i') IS NOT NULL, count(*) FROM c"
        ).fetchone() == (True, 0)
    assert [(refused.headline, refused.sqlstate) for refused in left_out] == [
        ("CREATE EXTENSION postgis;", "0A000"),
        ("CREATE TABLE public.a (b geometry);", "42704"),
    ]


def test_lines_of_a_dump_stay_where_they_are() -> None:
    assert plain_sql("COPY a FROM stdin;\n1\n2\n\\.\n\\connect x\nSELECT 1;\n") == "\n\n\n\n\nSELECT 1;\n"


@pytest.mark.parametrize(
    ("choice", "version", "suited"),
    [
        ("embedded", "18.4", "embedded:18"),
        ("embedded", "16.14", "embedded"),
        ("embedded:16", "18.4", "embedded:16"),
    ],
)
def test_dump_of_a_newer_server_is_loaded_on_a_newer_one(choice: str, version: str, suited: str) -> None:
    assert suited_server(choice, f"--\n-- Dumped from database version {version}\n") == suited


def test_server_that_goes_while_loading_is_no_left_out(server: Server) -> None:
    with server.database() as dsn, connect(dsn) as connection, pytest.raises(psycopg.OperationalError):
        load_schema(connection, ["SELECT pg_terminate_backend(pg_backend_pid())"])
