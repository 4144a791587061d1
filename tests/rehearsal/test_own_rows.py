"""Rows for tables of any schema: within their keys, references and checks, and as their statistics say."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from harness.database.runners import connect
from harness.database.server import Server
from harness.errors import UnavailableError
from harness.rehearsal.own import rows
from harness.rehearsal.own.rows import fill, planned
from harness.rehearsal.own.statistics import NO_STATISTICS, ColumnStatistics, Statistics
from harness.rehearsal.own.traffic_statements import derived_workload, workload_of

SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'it''s {ok}');
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE TABLE firms (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), slug varchar(5) NOT NULL UNIQUE, m mood NOT NULL);
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, firm uuid NOT NULL REFERENCES firms, name text NOT NULL,
    boss bigint REFERENCES users, status text NOT NULL CHECK (status IN ('new', 'it,s')), lowered text
        GENERATED ALWAYS AS (lower(name)) STORED
);
CREATE UNIQUE INDEX ON users (lower(name));
CREATE TABLE roles (id serial PRIMARY KEY, name text UNIQUE);
CREATE TABLE user_roles (
    user_id bigint REFERENCES users, role_id int REFERENCES roles, PRIMARY KEY (user_id, role_id)
);
CREATE TABLE profiles (user_id bigint PRIMARY KEY REFERENCES users, bio text);
CREATE TABLE kinds (
    a smallint NOT NULL, b integer NOT NULL, c numeric(8, 2) NOT NULL, d real NOT NULL, e boolean NOT NULL,
    f date NOT NULL, g timestamptz NOT NULL, h time NOT NULL, i interval NOT NULL, j inet NOT NULL, k cidr NOT NULL,
    l macaddr NOT NULL, m bytea NOT NULL, n jsonb NOT NULL, o text[] NOT NULL, p mood[] NOT NULL, q bit(9) NOT NULL,
    r varbit NOT NULL, s int4range NOT NULL, t tstzrange NOT NULL, u point NOT NULL, v tsvector NOT NULL,
    w name NOT NULL, x char(3) NOT NULL, y "char" NOT NULL, z money NOT NULL, ab uuid NOT NULL
);
CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz, PRIMARY KEY (id, at))
    PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2025-02-01') TO (MAXVALUE);
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE TABLE hashed (id bigint PRIMARY KEY, name text) PARTITION BY HASH (id);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE listed (region text, sub int) PARTITION BY LIST (region);
CREATE TABLE listed_1 PARTITION OF listed FOR VALUES IN ('eu', '{x}') PARTITION BY RANGE (sub);
CREATE TABLE listed_1_1 PARTITION OF listed_1 FOR VALUES FROM (MINVALUE) TO (10);
CREATE TABLE listed_1_2 PARTITION OF listed_1 FOR VALUES FROM (10) TO (20);
CREATE TABLE listed_2 PARTITION OF listed FOR VALUES IN ('us');
"""
ROWS = 3000


@pytest.fixture
def connection(server: Server) -> Iterator[psycopg.Connection[Any]]:
    with server.database() as dsn, connect(dsn) as opened:
        opened.execute(SCHEMA)
        yield opened


def filled(
    connection: psycopg.Connection[Any], table: str, statistics: Statistics = NO_STATISTICS, rows: int = ROWS
) -> list[str]:
    """The remarks."""
    remarks: list[str] = []
    found = connection.execute("SELECT to_regclass(%s)::oid::int8", [table]).fetchone()
    assert found is not None
    made = planned(connection, [found[0]], rows, statistics, remarks.append)
    fill(connection, made, lambda _: None, remarks.append)
    return remarks


def one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row if len(row) > 1 else row[0]


def test_keys_references_and_lists_are_kept(connection: psycopg.Connection[Any]) -> None:
    assert filled(connection, "users") == []
    assert (
        one(connection, "SELECT count(*), count(DISTINCT id), count(DISTINCT lower(name)) FROM users")
        == (ROWS,) * 3
    )
    assert one(connection, "SELECT count(*) FROM users JOIN firms ON firms.id = firm") == ROWS
    assert one(connection, "SELECT array_agg(DISTINCT status ORDER BY status) FROM users") == ["it,s", "new"]
    assert one(connection, "SELECT count(*) FROM firms") == 1000


def test_pairs_of_parents_differ(connection: psycopg.Connection[Any]) -> None:
    filled(connection, "user_roles")
    assert one(connection, "SELECT count(*), count(DISTINCT (user_id, role_id)) FROM user_roles") == (
        ROWS,
        ROWS,
    )


def test_row_with_a_parent_of_its_own_has_one(connection: psycopg.Connection[Any]) -> None:
    filled(connection, "profiles")
    assert one(connection, "SELECT count(*) FROM profiles JOIN users ON id = user_id") == ROWS


def test_every_usual_type_has_values(connection: psycopg.Connection[Any]) -> None:
    assert filled(connection, "kinds") == []
    assert one(connection, "SELECT count(*), count(DISTINCT b), count(DISTINCT ab) FROM kinds") == (ROWS,) * 3


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        ("events", {"events_1": 1500, "events_2": 1500}),
        ("hashed", {"hashed_0": None, "hashed_1": None}),
        ("listed", {"listed_1_1": 1000, "listed_1_2": 1000, "listed_2": 1000}),
    ],
)
def test_each_part_has_its_share(
    connection: psycopg.Connection[Any], table: str, parts: dict[str, int | None]
) -> None:
    assert filled(connection, table) == []
    counts = {part: one(connection, f"SELECT count(*) FROM {part}") for part in parts}
    assert sum(counts.values()) == ROWS
    assert all(counts[part] == count for part, count in parts.items() if count is not None)
    assert min(counts.values()) > ROWS / 4


def test_statistics_say_how_many_differ_are_null_and_how_wide(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE t (a int, b text, c text, d int NOT NULL)")
    known = {
        "a": ColumnStatistics(0.25, 4, 7),
        "b": ColumnStatistics(0, 300, -0.1),
        "c": ColumnStatistics(1, 0, 0),
        "d": ColumnStatistics(0.5, 4, 2),
    }
    filled(connection, "t", Statistics({}, {("public", "t"): known}), 20_000)
    assert one(
        connection, "SELECT count(DISTINCT a), count(DISTINCT b), count(c), count(DISTINCT d) FROM t"
    ) == (7, 2000, 0, 2)
    assert one(connection, "SELECT min(length(b)), max(length(b)), count(d) FROM t") == (300, 300, 20_000)
    assert one(connection, "SELECT count(a)::float8 / count(*) FROM t") == pytest.approx(0.75, abs=0.01)


def test_tables_are_as_big_as_their_statistics_say(connection: psycopg.Connection[Any]) -> None:
    oids = [one(connection, f"SELECT '{name}'::regclass::oid::int8") for name in ("hashed", "kinds")]
    statistics = Statistics({("public", "hashed"): 500.0, ("public", "kinds"): 50.0})
    made = planned(connection, oids, ROWS, statistics, lambda _: None)
    assert {of.table.name: of.rows for of in made} == {"hashed": 3000, "kinds": 300}


def test_check_that_no_row_holds_for_is_left_out_and_told(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "CREATE TABLE t (a email, b int CONSTRAINT even CHECK (b % 2 = 1 AND b > 9), EXCLUDE (b WITH =))"
    )
    assert filled(connection, "t") == [
        "constraint t_b_excl of t is left out: rows that it allows are not made",
        "constraint email_check of email is left out: rows that it allows are not made",
        "constraint even of t is left out: rows that it allows are not made",
    ]
    assert one(connection, "SELECT count(*) FROM t") == ROWS


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (
            "t (a boolean NOT NULL, UNIQUE (a))",
            r"t holds 2 rows that differ in \(a\), not 3,000; give --rows 2",
        ),
        ("t (a pg_lsn NOT NULL)", r"t\.a is pg_lsn, for which no value is known"),
    ],
)
def test_table_that_cannot_hold_the_rows_is_told(
    connection: psycopg.Connection[Any], table: str, reason: str
) -> None:
    connection.execute(f"CREATE TABLE {table}")
    with pytest.raises(UnavailableError, match=reason):
        filled(connection, "t")


def test_check_that_later_rows_break_is_left_out_too(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "CREATE TABLE t (a int CONSTRAINT few CHECK (a < 2000), b int CONSTRAINT more CHECK (b < 9999))"
    )
    assert filled(connection, "t") == [
        "constraint few of t is left out: rows that it allows are not made",
        "constraint more of t is left out: rows that it allows are not made",
    ]
    assert one(connection, "SELECT count(*) FROM t") == ROWS


def test_check_of_a_part_is_left_out_where_it_stands(connection: psycopg.Connection[Any]) -> None:
    connection.execute("ALTER TABLE listed_2 ADD CONSTRAINT own CHECK (sub < 0)")
    assert filled(connection, "listed") == [
        "constraint own of listed is left out: rows that it allows are not made"
    ]


@pytest.mark.parametrize(
    ("type", "distinct"), [("numeric(2)", 100), ("numeric(3,3)", 1000), ("numeric(20,2)", ROWS)]
)
def test_number_has_the_digits_of_its_column(
    connection: psycopg.Connection[Any], type: str, distinct: int
) -> None:
    connection.execute(f"CREATE TABLE t (a {type})")
    filled(connection, "t")
    assert one(connection, "SELECT count(DISTINCT a) FROM t") == distinct


def test_key_with_a_default_that_is_always_the_same_differs(connection: psycopg.Connection[Any]) -> None:
    table = "a bigint REFERENCES users, b text DEFAULT '', c date DEFAULT now(), PRIMARY KEY (a, b, c)"
    connection.execute(f"CREATE TABLE t ({table})")
    filled(connection, "t")
    assert one(connection, "SELECT count(*), count(DISTINCT a), count(DISTINCT b) FROM t") == (
        ROWS,
        1000,
        ROWS,
    )


def test_row_of_two_parents_is_written_and_read(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "CREATE TABLE t (id serial PRIMARY KEY, a bigint REFERENCES users, b bigint REFERENCES users)"
    )
    oid = one(connection, "SELECT 't'::regclass::oid::int8")
    made = planned(connection, [oid], ROWS, NO_STATISTICS, lambda _: None)
    fill(connection, made, lambda _: None, lambda _: None)
    counted, workload = workload_of(
        *derived_workload(connection, [of for of in made if of.table.oid == oid]), ROWS
    )
    for send in (workload.write, workload.write, workload.read):
        send(connection, "", False, None)
    assert one(connection, "SELECT count(*) FROM t WHERE a IS NOT NULL AND b IS NOT NULL") == ROWS + 1
    assert not counted.errors


def test_pair_without_a_primary_key_is_updated(connection: psycopg.Connection[Any]) -> None:
    columns = "a bigint NOT NULL REFERENCES users, b bigint NOT NULL REFERENCES users"
    connection.execute(f"CREATE TABLE t ({columns}, UNIQUE (a, b))")
    oid = one(connection, "SELECT 't'::regclass::oid::int8")
    made = planned(connection, [oid], ROWS, NO_STATISTICS, lambda _: None)
    fill(connection, made, lambda _: None, lambda _: None)
    writers, _ = derived_workload(connection, [of for of in made if of.table.oid == oid])
    assert [template.label for template in writers] == ["UPDATE of t"]


@pytest.mark.parametrize("table", ["firms", "events"])
def test_rows_that_do_not_fit_are_refused_by_the_first(
    table: str, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BATCH", 100)
    monkeypatch.setattr(rows, "bytes_free", lambda _: 100_000)
    with pytest.raises(
        UnavailableError, match=rf"{table} and the copy .* GB are free .* give --rows a smaller"
    ):
        filled(connection, table)
    assert one(connection, f"SELECT count(*) FROM {table}") == 100
    monkeypatch.setattr(rows, "bytes_free", lambda _: None)
    connection.execute(f"TRUNCATE {table} CASCADE".encode())
    filled(connection, table)
    assert one(connection, f"SELECT count(*) FROM {table}") == ROWS


def test_trigger_is_not_called_for_the_rows(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "CREATE TABLE t (a int); CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE ''called''; END'; CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no()"
    )
    assert filled(connection, "t") == []
