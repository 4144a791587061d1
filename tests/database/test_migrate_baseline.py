"""The baseline is built in an empty database and only where that is asked for; in any other nothing is changed."""

import pytest
from psycopg.conninfo import make_conninfo

from harness.database.baseline import contents
from harness.database.runners import connect
from harness.errors import UnavailableError
from harness.run.migrate import run_migrate
from harness.run.options.migrate import MigrateOptions
from tests.fix_database import BASE, COLUMN, READY

OTHERS = {
    "an application's table": "CREATE TABLE orders (id int)",
    "a table in a schema of its own": "CREATE SCHEMA app; CREATE TABLE app.orders (id int)",
    "the backend's tables elsewhere": "CREATE SCHEMA app; CREATE TABLE app.microdollar_usage_metadata (id int)",
    "a view": "CREATE VIEW numbers AS SELECT 1",
    "a materialized view": "CREATE MATERIALIZED VIEW numbers AS SELECT 1",
    "a sequence": "CREATE SEQUENCE numbers",
    "a partitioned table": "CREATE TABLE parts (id int) PARTITION BY LIST (id)",
    "a function": "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "an enum": "CREATE TYPE mood AS ENUM ('so')",
    "a domain": "CREATE DOMAIN short AS text",
    "a composite type": "CREATE TYPE pair AS (a int, b int)",
    "a range type": "CREATE TYPE span AS RANGE (SUBTYPE = int)",
    "drizzle's record": "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id int)",
    "a table of the baseline's name": "CREATE TABLE http_ip (id int)",
    "a name that needs quotes": 'CREATE TABLE "odd;name" (id int)',
}


def migrate(dsn: str, to: str = READY, *, with_baseline: bool = True) -> list[str]:
    said: list[str] = []
    run_migrate(MigrateOptions(dsn, to, with_baseline=with_baseline), said.append)
    return said


def held(dsn: str) -> list[tuple[str, str, str]]:
    with connect(dsn) as connection:
        return contents(connection)


@pytest.mark.parametrize("to", [BASE, COLUMN, READY])
def test_an_empty_database_is_left_empty_unless_asked(empty_dsn: str, to: str) -> None:
    with pytest.raises(
        UnavailableError, match=f"^migrate to {to}: looked for microdollar_usage and .*--with-baseline"
    ):
        migrate(empty_dsn, to, with_baseline=False)
    assert held(empty_dsn) == []
    assert migrate(empty_dsn, to)[-4].startswith(f"state   {to}")


@pytest.mark.parametrize("statement", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("with_baseline", [True, False])
def test_somebodys_database_is_left_as_it_is(empty_dsn: str, statement: str, with_baseline: bool) -> None:
    with connect(empty_dsn) as connection:
        connection.execute(statement.encode())
    before = held(empty_dsn)
    with pytest.raises(UnavailableError, match=r"the database holds .* nothing was changed$") as caught:
        migrate(empty_dsn, with_baseline=with_baseline)
    schema, kind, name = before[0]
    assert f"{kind} {schema}.{name}" in str(caught.value)
    assert held(empty_dsn) == before


def test_tables_that_another_search_path_hides_are_named(ready_dsn: str) -> None:
    with connect(ready_dsn) as connection:
        connection.execute("CREATE SCHEMA app")
    before = held(ready_dsn)
    hidden = make_conninfo(ready_dsn, options="-c search_path=app")
    told = r"on the search_path app, .*where public\.microdollar_usage and public\.microdollar_usage_metadata was meant"
    with pytest.raises(UnavailableError, match=told):
        migrate(hidden)
    assert held(ready_dsn) == before


def test_what_belongs_to_an_extension_leaves_a_database_empty(empty_dsn: str) -> None:
    with connect(empty_dsn) as connection:
        found = connection.execute(
            "SELECT name FROM pg_available_extensions WHERE name <> 'plpgsql' ORDER BY name LIMIT 1"
        ).fetchone()
        if found is None:
            pytest.skip("no extension comes with this server")
        connection.execute(f"CREATE EXTENSION {found[0]}".encode())
        connection.execute("CREATE SCHEMA spare")
    assert held(empty_dsn) == []
    assert migrate(empty_dsn, BASE)[-4].startswith("state   base")


def test_baseline_changes_nothing_where_the_tables_are(base_dsn: str) -> None:
    assert not any("0000_baseline" in line for line in migrate(base_dsn, COLUMN))
