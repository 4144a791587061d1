"""What a role may not see is told: a policy, a grant, another relation of the name; and what hides nothing is not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from harness import plan
from harness.checks.gate_schema import judge_schema, judge_stored
from harness.database.visibility import Obstacle, obstacles, obstacles_of
from harness.headers.policy import STRICT
from harness.run.gate import claims_of
from harness.verdict import Docket, Status

T, U, C = plan.METADATA_TABLE, plan.USAGE_TABLE, plan.COLUMN
READS = f"GRANT SELECT ON {U}, {T} TO {{role}}"
POLICY = f"ALTER TABLE {T} ENABLE ROW LEVEL SECURITY"
SEES_VALID = f"CREATE POLICY visible ON {T} FOR SELECT TO {{role}} USING ({C} IS NULL OR {C} <> 'a b')"

Granted = Callable[..., str]


@contextmanager
def granted(dsn: str, *statements: str, attributes: str = "") -> Iterator[str]:
    """A DSN of a role that was given what the statements say, by the owner."""
    with psycopg.connect(dsn, autocommit=True) as owner:
        role = f"reader_of_{owner.info.dbname}"
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'geheim' {attributes}")
        try:
            for statement in statements:
                owner.execute(statement.format(role=role))
            yield make_conninfo(dsn, user=role, password="geheim")
        finally:
            owner.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER")
            owner.execute(f"DROP OWNED BY {role}")
            owner.execute(f"DROP ROLE {role}")


def hidden(dsn: str) -> list[Obstacle]:
    with psycopg.connect(dsn) as connection:
        return list(obstacles(connection))


def put_faulty(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            f"INSERT INTO {U} (kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, cache_hit_tokens)"
            " VALUES ('anon:192.0.2.1', 0, 0, 0, 0, 0) RETURNING id"
        ).fetchone()
        assert row is not None
        connection.execute(f"INSERT INTO {T} (id, message_id, {C}) VALUES (%s, 'm', 'a b')", row)


def stored(dsn: str) -> tuple[Status, str]:
    docket = Docket(claims_of("after"))
    judge_schema(docket, dsn)
    judge_stored(docket, dsn, STRICT)
    found = next(one for one in docket.judgements() if one.claim.id == "D1")
    return found.status, found.detail


def test_the_owner_sees_everything_and_the_faulty_row_refutes(ready_dsn: str) -> None:
    put_faulty(ready_dsn)
    assert hidden(ready_dsn) == []
    assert stored(ready_dsn)[0] is Status.REFUTED


HIDES = [
    pytest.param((READS, POLICY, SEES_VALID), "policy visible on", "BYPASSRLS", id="policy"),
    pytest.param((READS, POLICY), "without a policy", "BYPASSRLS", id="no policy at all"),
    pytest.param(
        (READS, f"ALTER TABLE {U} ENABLE ROW LEVEL SECURITY", f"CREATE POLICY every ON {U} USING (false)"),
        "policy every on microdollar_usage may hide",
        "BYPASSRLS",
        id="policy of everybody on usage",
    ),
    pytest.param(
        (READS, f"ALTER TABLE {T} OWNER TO {{role}}", POLICY, f"ALTER TABLE {T} FORCE ROW LEVEL SECURITY"),
        "row-level security",
        "BYPASSRLS",
        id="forced on the owner",
    ),
    pytest.param((f"GRANT SELECT ON {U} TO {{role}}",), "may not read", f'GRANT SELECT ON "{T}"', id="table"),
    pytest.param(
        (f"GRANT SELECT ON {U} TO {{role}}", f"GRANT SELECT (id, message_id, created_at) ON {T} TO {{role}}"),
        f"may not read {C} of",
        f'GRANT SELECT ON "{T}"',
        id="column",
    ),
    pytest.param(
        (
            "CREATE SCHEMA reporting",
            f"CREATE VIEW reporting.{T} AS SELECT * FROM public.{T} WHERE {C} <> 'a b'",
            f"{READS}; GRANT USAGE ON SCHEMA reporting TO {{role}}",
            f"GRANT SELECT ON reporting.{T} TO {{role}}; ALTER ROLE {{role}} SET search_path = reporting, public",
        ),
        "is a view",
        "search_path",
        id="view before the table",
    ),
    pytest.param(
        (
            "CREATE SCHEMA reporting",
            f"CREATE TABLE reporting.{T} (LIKE public.{T} INCLUDING ALL)",
            f"{READS}; GRANT USAGE ON SCHEMA reporting TO {{role}}",
            f"GRANT SELECT ON reporting.{T} TO {{role}}; ALTER ROLE {{role}} SET search_path = reporting, public",
        ),
        f"before public.{T}",
        "search_path",
        id="copy before the table",
    ),
]


@pytest.mark.parametrize(("statements", "told", "remedy"), HIDES)
def test_what_hides_a_faulty_row_is_told_and_leaves_the_claim_unknown(
    ready_dsn: str, statements: tuple[str, ...], told: str, remedy: str
) -> None:
    put_faulty(ready_dsn)
    with granted(ready_dsn, *statements) as dsn:
        found = hidden(dsn)
        assert any(told in one.sentence and remedy in one.remedy for one in found)
        status, detail = stored(dsn)
    assert status in (Status.UNKNOWN, Status.REFUTED)
    assert told in detail


SHOWS = [
    pytest.param((READS,), "", id="select alone"),
    pytest.param((READS, POLICY, SEES_VALID), "BYPASSRLS", id="BYPASSRLS"),
    pytest.param((READS, f"CREATE POLICY off ON {T} USING (false)"), "", id="policy that is not in force"),
    pytest.param((READS, f"ALTER TABLE {T} OWNER TO {{role}}", POLICY), "", id="owner"),
    pytest.param(
        (
            READS,
            "CREATE TABLE invoices (id int)",
            "ALTER TABLE invoices ENABLE ROW LEVEL SECURITY",
        ),
        "",
        id="policy on another table",
    ),
    pytest.param(
        (READS, "CREATE SCHEMA archive", f"CREATE TABLE archive.{T} (LIKE public.{T})"),
        "",
        id="copy off the path",
    ),
]


@pytest.mark.parametrize(("statements", "attributes"), SHOWS)
def test_what_hides_nothing_is_no_obstacle(
    ready_dsn: str, statements: tuple[str, ...], attributes: str
) -> None:
    put_faulty(ready_dsn)
    with granted(ready_dsn, *statements, attributes=attributes) as dsn:
        assert hidden(dsn) == []
        assert stored(dsn)[0] is Status.REFUTED


@pytest.mark.parametrize(
    ("lag_s", "told"), [(0.0, []), (4.0, []), (90.5, ["90.5 s behind"]), (-1.0, ["an unknown time"])]
)
def test_a_standby_that_lags_is_told_once(lag_s: float, told: list[str]) -> None:
    records: list[tuple[object, ...]] = [
        (table, "public", "r", "me", False, [], [], [], True, lag_s) for table in (U, T)
    ]
    found = obstacles_of(records)
    assert len(found) == len(told)
    assert all(words in one.sentence for words, one in zip(told, found, strict=True))
