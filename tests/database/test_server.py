"""Databases on the server of the run, whichever kind it is."""

import secrets

import psycopg
import pytest
from psycopg import sql

from harness.database.server import Server
from harness.errors import UsageError
from tests.fix_database import databases


def test_server_tells_its_version(server: Server, empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as connection:
        row = connection.execute("SHOW server_version").fetchone()
    assert row is not None
    assert row[0].split()[0] == server.version


def test_database_is_empty_and_utf8_when_new(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        tables = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )
        assert tables.fetchone() == (0,)


def test_database_holds_nothing_of_another(server: Server) -> None:
    with server.database() as one, server.database() as other:
        with psycopg.connect(one) as connection:
            connection.execute("CREATE TABLE only_here ()")
        with psycopg.connect(other) as connection:
            assert connection.execute("SELECT to_regclass('only_here')").fetchone() == (None,)


def test_database_is_dropped_under_a_connected_client(server: Server) -> None:
    with server.database() as dsn:
        client = psycopg.connect(dsn)
        name = client.info.dbname
        assert name in databases(server.admin_dsn)
    client.close()
    assert name not in databases(server.admin_dsn)


def test_database_is_gone_when_its_user_fails(server: Server) -> None:
    database = server.database()
    dsn = database.__enter__()
    assert not database.__exit__(ZeroDivisionError, ZeroDivisionError(), None), "the failure goes on"
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(dsn)


def test_clone_holds_what_its_template_holds(server: Server) -> None:
    template = server.create_database()
    with psycopg.connect(server.dsn(template)) as connection:
        connection.execute("CREATE TABLE copied AS SELECT 42 AS answer")
    try:
        with server.database(template) as one, server.database(template) as other:
            with psycopg.connect(one) as connection:
                connection.execute("UPDATE copied SET answer = 0")
            with psycopg.connect(other) as connection:
                assert connection.execute("SELECT answer FROM copied").fetchone() == (42,)
    finally:
        server.drop_database(template)


def test_drop_refuses_a_database_made_by_somebody_else(server: Server) -> None:
    stranger = f"harness_{secrets.token_hex(8)}"
    with psycopg.connect(server.admin_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(stranger)))
        with pytest.raises(UsageError, match="not made here"):
            server.drop_database(stranger)
        assert stranger in databases(server.admin_dsn)
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(stranger)))


@pytest.mark.parametrize(
    ("admin", "expected"),
    [
        ("postgresql://u:p%40@h:5/old", "postgresql://u:p%40@h:5/new"),
        ("postgres://u:a?b#c@h", "postgres://u:a?b#c@h/new"),
        ("postgresql://h1:1,[::1]:2?sslmode=require", "postgresql://h1:1,[::1]:2/new?sslmode=require"),
        ("postgresql://u@/old?host=/run/pg&dbname=old", "postgresql://u@/new?host=/run/pg"),
        ("postgresql://", "postgresql:///new"),
    ],
)
def test_dsn_differs_from_the_admins_in_the_database_only(admin: str, expected: str) -> None:
    assert Server("dsn", "16.0", admin).dsn("new") == expected


@pytest.mark.parametrize("name", ["two words", "a/b?c#d", "100%", "ä"])
def test_dsn_is_read_back_by_libpq_whatever_the_name(name: str) -> None:
    dsn = Server("dsn", "16.0", "postgresql://u@/x?host=/run/pg&port=7").dsn(name)
    parts = psycopg.conninfo.conninfo_to_dict(dsn)
    assert parts == {"user": "u", "host": "/run/pg", "port": "7", "dbname": name}


def test_a_connection_that_the_server_ended_is_replaced(server: Server) -> None:
    server.drop_database(server.create_database())
    with psycopg.connect(server.admin_dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND state = 'idle' AND query LIKE 'DROP DATABASE%'"  # not those of other tests beside
        )
    server.drop_database(server.create_database())
