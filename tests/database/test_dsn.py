"""A DSN that libpq cannot read is refused with what to write instead, and nothing of it is quoted."""

import pytest

from harness.database.dsn import dsn_fault


@pytest.mark.parametrize(
    ("dsn", "told"),
    [
        (
            "postgresql://u:geheim@h/db?schema=public",
            "parameter schema is for Prisma and not for libpq; write options=",
        ),
        (
            "postgresql://u:geheim@h/db?pgbouncer=true",
            "parameter pgbouncer is for Prisma and not for libpq; leave it",
        ),
        (
            "postgresql://u:geheim@h/db?sslmode=require&connection_limit=1",
            "parameter connection_limit is for Prisma",
        ),
        (
            "postgres://u:geheim@h/db?uselibpqcompat=true&sslmode=require",
            "parameter uselibpqcompat is for node-postgres",
        ),
        ("postgresql://u:geheim@h/db?currentSchema=app", "is for JDBC"),
        ("postgresql://u:geheim@h/db?supa=base-pooler.x", "is for Vercel"),
        ("postgresql://u:geheim@h/db?statement_cache_size=0", "is for asyncpg"),
        ("postgresql://u:geheim@h/db?pool_max_conns=4", "is for pgx"),
        ("postgresql://u:geheim@h/db?nonsense=geheim", "parameter nonsense is none of libpq's"),
        ("postgresql+asyncpg://u:geheim@h/db", "begins with postgresql+asyncpg, which another driver reads"),
        (
            "jdbc:postgresql://h/db?user=u&password=geheim",
            "begins with jdbc:postgresql, which another driver reads",
        ),
        ("mysql://u:geheim@h/db", "begins with mysql, which is no database of PostgreSQL"),
        ("https://u:geheim@h/db", "begins with https"),
        ("postgres//u:geheim@h/db", "no DSN that libpq can read"),
        ("geheim", "no DSN that libpq can read"),
        ("host=h passwrd=geheim", "no DSN that libpq can read"),
        ("postgresql://", "names no database"),
        ("postgresql://u:geheim@h", "names no database"),
        ("postgresql://u:geheim@h/", "names no database"),
        ("host=h password=geheim", "names no database"),
        ("application_name=x", "names no database"),
    ],
)
def test_what_libpq_cannot_read_is_told_with_the_way_out(dsn: str, told: str) -> None:
    fault = dsn_fault(dsn)
    assert told in fault.replace('"', "")
    assert "geheim" not in fault


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:p@h:5432/db?sslmode=require&application_name=x&options=-csearch_path%3Dapp",
        "postgres://h/db",
        "host=h dbname=db",
        "service=x",
        "postgresql:///db?host=/tmp",
        "postgresql://u@a:1,b:2/db?target_session_attrs=read-write",
    ],
)
def test_what_libpq_can_read_has_no_fault(dsn: str) -> None:
    assert dsn_fault(dsn) == ""


def test_a_server_need_not_name_a_database() -> None:
    assert dsn_fault("postgresql://me@localhost", of_server=True) == ""
