"""What a role may not see is told: a policy, a grant, another relation of the name; and what hides nothing is not."""

import psycopg
import pytest

from harness.database.declared import plan_store
from harness.database.obstacle import Obstacle
from harness.database.visibility import obstacles
from harness.verdict import Status, Verdict, decide
from tests.database.readers import READS, C, T, U, granted, judged, put_faulty

POLICY = f"ALTER TABLE {T} ENABLE ROW LEVEL SECURITY"
SEES_VALID = f"CREATE POLICY visible ON {T} FOR SELECT TO {{role}} USING ({C} IS NULL OR {C} <> 'a b')"

REPORTING = "CREATE SCHEMA reporting"
COPY = (
    "CREATE TABLE reporting.{table} (LIKE public.{table} INCLUDING ALL); "
    "INSERT INTO reporting.{table} TABLE public.{table}"
)
SEES_REPORTING = (
    "GRANT USAGE ON SCHEMA reporting TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO {role}; "
    "ALTER ROLE {role} SET search_path ="
)


def hidden(dsn: str) -> list[Obstacle]:
    with psycopg.connect(dsn) as connection:
        return list(obstacles(connection, plan_store().needed))


def stored(dsn: str) -> tuple[Status, str]:
    found = judged(dsn)["D1"]
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
        f"finds reporting.{T}, and there is public.{T}",
        "search_path",
        id="copy before the table",
    ),
    pytest.param(
        (REPORTING, f"{COPY.format(table=T)}; {COPY.format(table=U)}", f"{SEES_REPORTING} reporting"),
        f"finds reporting.{T}, and there is public.{T}",
        "search_path",
        id="copies alone",
    ),
    pytest.param(
        (
            REPORTING,
            f"CREATE VIEW reporting.{T} AS SELECT * FROM public.{T}; CREATE VIEW reporting.{U} AS TABLE public.{U}",
            f"{SEES_REPORTING} reporting",
        ),
        "is a view",
        "search_path",
        id="views alone",
    ),
    pytest.param(
        (
            REPORTING,
            COPY.format(table=T),
            f"UPDATE reporting.{T} SET {C} = 'a b'",
            f"{SEES_REPORTING} reporting, public",
        ),
        f"finds reporting.{T}, and there is public.{T}",
        "search_path",
        id="faulty copy before the table",
    ),
    pytest.param(
        (REPORTING, COPY.format(table=U), f"{READS}; {SEES_REPORTING} reporting, public"),
        f"finds reporting.{U}, and there is public.{U}",
        "search_path",
        id="copy before usage",
    ),
    pytest.param(
        (f"ALTER TABLE {U} RENAME TO usage_rows", f"CREATE VIEW {U} AS TABLE usage_rows", READS),
        f"public.{U} is a view",
        "search_path",
        id="usage is a view",
    ),
    pytest.param(
        (
            REPORTING,
            f"ALTER TABLE {T} SET SCHEMA reporting; CREATE TABLE public.{T} (LIKE reporting.{T} INCLUDING ALL)",
            f"{READS}; GRANT ALL ON SCHEMA reporting TO {{role}}; GRANT INSERT ON reporting.{T} TO {{role}}",
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = reporting', current_database()); END $$",
            "ALTER ROLE {role} SET search_path = public",
        ),
        f"finds public.{T}, and there is reporting.{T}",
        "search_path",
        id="copy in public, the table where the database's path leads",
    ),
    pytest.param(
        (
            REPORTING,
            f"ALTER TABLE {T} SET SCHEMA reporting; CREATE TABLE public.{T} (LIKE reporting.{T} INCLUDING ALL)",
            f"{READS}; ALTER ROLE {{role}} SET search_path = reporting, public",
        ),
        f"finds public.{T}, and there is reporting.{T}",
        "search_path",
        id="copy in public, no grant on the schema before it",
    ),
    pytest.param(
        (
            f"CREATE SCHEMA {{role}} AUTHORIZATION {{role}}; CREATE TABLE {{role}}.{T} (LIKE public.{T} INCLUDING ALL)",
            f"{READS}; ALTER TABLE {{role}}.{T} OWNER TO {{role}}; ALTER ROLE {{role}} SET search_path = public",
        ),
        f"finds public.{T}, and there is reader",
        "search_path",
        id="table in the schema of a role that writes it",
    ),
]


@pytest.mark.parametrize(("statements", "told", "remedy"), HIDES)
def test_what_hides_a_faulty_row_leaves_the_claim_unknown(
    ready_dsn: str, statements: tuple[str, ...], told: str, remedy: str
) -> None:
    put_faulty(ready_dsn)
    with granted(ready_dsn, *statements) as dsn:
        found = hidden(dsn)
        assert any(told in one.sentence and remedy in one.remedy for one in found)
        claims = judged(dsn)
    assert claims["D1"].status is Status.UNKNOWN
    assert told in claims["D1"].detail
    assert decide(claims.values()) is Verdict.INCONCLUSIVE, [one.findings for one in claims.values()]


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
    pytest.param(
        (
            READS,
            REPORTING,
            f"CREATE VIEW reporting.{T} AS TABLE public.{T}; GRANT USAGE ON SCHEMA reporting TO {{role}}",
        ),
        "",
        id="view off the path",
    ),
    pytest.param(
        (
            REPORTING,
            f"ALTER TABLE {T} SET SCHEMA reporting; ALTER TABLE {U} SET SCHEMA reporting",
            f"{SEES_REPORTING} reporting",
        ),
        "",
        id="tables in another schema",
    ),
    pytest.param(
        (
            REPORTING,
            f"ALTER TABLE {T} SET SCHEMA reporting; CREATE TABLE public.{T} (LIKE reporting.{T} INCLUDING ALL)",
            f"{READS}; {SEES_REPORTING} reporting",
            f"ALTER TABLE {U} SET SCHEMA reporting",
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = reporting', current_database()); END $$",
        ),
        "",
        id="what is left in public, off the database's path",
    ),
    pytest.param(
        (
            f"CREATE SCHEMA reporting; CREATE TABLE reporting.{T} (LIKE public.{T} INCLUDING ALL)",
            f"{READS}; ALTER TABLE {T} OWNER TO {{role}}; CREATE SCHEMA {{role}}; CREATE TABLE archive (LIKE {T})",
        ),
        "",
        id="schema of the role without a table of the name",
    ),
    pytest.param(
        (
            f"GRANT SELECT (id, kilo_user_id, created_at) ON {U} TO {{role}}",
            f"GRANT SELECT (id, message_id, {C}) ON {T} TO {{role}}",
        ),
        "",
        id="needed columns alone",
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
