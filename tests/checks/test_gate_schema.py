"""The database alone: column and index as declared, whatever they are called, and the values that are there."""

import os
from collections.abc import Sequence

import psycopg
import pytest

from harness import plan
from harness.checks.gate_schema import judge_schema, judge_stored
from harness.rule.policy import LENGTH_ONLY, STRICT, Policy
from harness.run.gate_claims import claims_of
from harness.sut.deployed_schema import read_deployed_schema
from harness.sut.foreign_rows import DatabaseUnavailableError
from harness.sut.value_queries import read_stored_values
from harness.verdict import Judgement, Results, Status
from tests.fix_database import change

INDEX = "idx_microdollar_usage_metadata_posthog_distinct_id"
COLUMN = "posthog_distinct_id"
TABLE = "microdollar_usage_metadata"
OTHER_INDEX = f"DROP INDEX {INDEX}; CREATE INDEX other ON {TABLE} "


def judged(dsn: str, claim: str, policy: Policy = STRICT) -> Judgement:
    results = Results(claims_of("after"))
    judge_schema(results, read_deployed_schema(dsn))
    judge_stored(results, read_stored_values(dsn, policy), policy)
    return next(one for one in results.judgements() if one.claim.id == claim)


def test_the_migrated_database_is_as_declared(ready_dsn: str) -> None:
    assert judged(ready_dsn, "M3").status is Status.PROVEN
    assert judged(ready_dsn, "M4").status is Status.PROVEN


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"ALTER TABLE {TABLE} DROP COLUMN {COLUMN}", "there is no column"),
        (f"ALTER TABLE {TABLE} ALTER {COLUMN} TYPE varchar(64)", "character varying(64)"),
        (f"UPDATE {TABLE} SET {COLUMN} = 'x'; ALTER TABLE {TABLE} ALTER {COLUMN} SET NOT NULL", "not null"),
        (f"ALTER TABLE {TABLE} ALTER {COLUMN} SET DEFAULT ''", "default ''"),
    ],
)
def test_another_column_refutes(ready_dsn: str, statement: str, told: str) -> None:
    change(ready_dsn, *statement.split("; "))
    found = judged(ready_dsn, "M3")
    assert found.status is Status.REFUTED
    assert told in found.findings[0].effect


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"DROP INDEX {INDEX}", "no btree index"),
        (OTHER_INDEX + f"({COLUMN}) WHERE {COLUMN} LIKE 'vscode-%'", "reads all of"),
        (OTHER_INDEX + f"({COLUMN}) WHERE message_id = 'x'", "reads all of"),
        (OTHER_INDEX + f'({COLUMN} COLLATE "POSIX")', "reads all of"),
        (OTHER_INDEX + f'({COLUMN} COLLATE "C")', 'COLLATE "C"'),
        (f'DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON {TABLE} ({COLUMN} COLLATE "POSIX")', "reads all of"),
        (OTHER_INDEX + f"(left({COLUMN}, 32))", "no btree index"),
        (OTHER_INDEX + f"USING brin ({COLUMN})", "other brin"),
        (OTHER_INDEX + f"(created_at, {COLUMN})", "no btree index"),
        (
            f"DELETE FROM {TABLE}; DROP INDEX {INDEX}; "
            f"CREATE UNIQUE INDEX {INDEX} ON {TABLE} ({COLUMN}) NULLS NOT DISTINCT",
            "second NULL",
        ),
        (OTHER_INDEX + f"USING hash ({COLUMN})", "other hash"),
        (OTHER_INDEX + f"(lower({COLUMN}))", "no btree index"),
        (OTHER_INDEX + f"(message_id, {COLUMN})", "no btree index"),
        (f"DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON {TABLE} (message_id)", "(message_id)"),
        (f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{INDEX}'::regclass", "not valid"),
        (
            f"UPDATE pg_index SET indisready = false, indisvalid = false WHERE indexrelid = '{INDEX}'::regclass",
            "not ready",
        ),
        (f"DROP INDEX {INDEX}; CREATE UNIQUE INDEX {INDEX} ON {TABLE} ({COLUMN})", "unique"),
    ],
)
def test_another_index_refutes(ready_dsn: str, statement: str, told: str) -> None:
    change(ready_dsn, *statement.split("; "))
    found = judged(ready_dsn, "M4")
    assert found.status is Status.REFUTED
    assert told in found.findings[0].effect
    assert found.findings[0].workaround


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (f"({COLUMN}) INCLUDE (created_at)", "INCLUDE created_at"),
        (f"({COLUMN} DESC)", "DESC"),
        (f"({COLUMN} NULLS FIRST)", "NULLS FIRST"),
        (f"({COLUMN}) WITH (fillfactor = 70)", "fillfactor=70"),
        (f"({COLUMN}) WHERE {COLUMN} IS NOT NULL", "IS NOT NULL"),
        (f"({COLUMN} text_pattern_ops)", "text_pattern_ops"),
        (f"({COLUMN}, created_at)", "created_at"),
    ],
)
def test_index_that_serves_is_proven_with_its_difference(ready_dsn: str, definition: str, told: str) -> None:
    change(ready_dsn, f"DROP INDEX {INDEX}", f"CREATE INDEX {INDEX} ON {TABLE} {definition}")
    found = judged(ready_dsn, "M4")
    assert found.status is Status.PROVEN
    assert told in found.detail
    assert "and nothing more" in found.detail


FOLDED = (  # a collation such as ICU makes, where the server has no ICU, too
    "CREATE COLLATION folded (provider = libc, locale = 'C')",
    "UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'folded'",
    f"DROP VIEW {plan.VIEW}",  # which reads the columns that are altered
)


def test_a_collation_that_takes_values_for_equal_is_told(ready_dsn: str) -> None:
    change(ready_dsn, *FOLDED, f"ALTER TABLE {TABLE} ALTER {COLUMN} TYPE text COLLATE folded")
    put(ready_dsn, "fine", "a b")
    for claim in ("M3", "M4"):
        assert judged(ready_dsn, claim).status is Status.PROVEN
    assert "COLLATE folded, which is not deterministic" in judged(ready_dsn, "M3").detail
    found = judged(ready_dsn, "D1")
    assert (found.status, found.observed) == (Status.REFUTED, 2)


@pytest.mark.parametrize(
    "statements",
    [
        (f'ALTER TABLE {TABLE} ALTER {COLUMN} TYPE text COLLATE "C"',),
        (f'ALTER TABLE {TABLE} ALTER {COLUMN} TYPE text COLLATE "POSIX"',),
        (*FOLDED, f"ALTER TABLE {TABLE} ALTER message_id TYPE text COLLATE folded"),
    ],
    ids=["C", "POSIX", "another column's"],
)
def test_a_collation_that_tells_values_apart_is_not(ready_dsn: str, statements: tuple[str, ...]) -> None:
    change(ready_dsn, *statements)
    assert judged(ready_dsn, "M4").status is Status.PROVEN
    assert "deterministic" not in judged(ready_dsn, "M3").detail


@pytest.mark.parametrize(
    "change_of_column",
    [
        f"ALTER TABLE {TABLE} ALTER {COLUMN} TYPE varchar COLLATE folded",
        f"CREATE DOMAIN distinct_id AS text COLLATE folded; ALTER TABLE {TABLE} ALTER {COLUMN} TYPE distinct_id",
        "ALTER TABLE microdollar_usage ALTER kilo_user_id TYPE text COLLATE folded",
    ],
)
def test_an_odd_collation_of_another_type_or_table_is_told(ready_dsn: str, change_of_column: str) -> None:
    change(ready_dsn, *FOLDED, *change_of_column.split("; "))
    assert "not deterministic" in judged(ready_dsn, "M3").detail


PARTED = (
    f"ALTER TABLE {TABLE} RENAME TO unparted",
    f"ALTER INDEX {INDEX} RENAME TO unparted_index",
    f"CREATE TABLE {TABLE} (LIKE unparted) PARTITION BY HASH (id)",
    f"CREATE TABLE part_0 PARTITION OF {TABLE} FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
    f"CREATE TABLE part_1 PARTITION OF {TABLE} FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
)


def test_an_index_on_every_part_serves(ready_dsn: str) -> None:
    change(ready_dsn, *PARTED, f"CREATE INDEX {INDEX} ON {TABLE} ({COLUMN})")
    assert judged(ready_dsn, "M4").status is Status.PROVEN


@pytest.mark.parametrize("name", [INDEX, "other"])
def test_a_part_without_the_index_refutes(ready_dsn: str, name: str) -> None:
    change(ready_dsn, *PARTED, f"CREATE INDEX {name} ON ONLY {TABLE} ({COLUMN})")
    change(ready_dsn, f"CREATE INDEX one ON part_0 ({COLUMN})", f"ALTER INDEX {name} ATTACH PARTITION one")
    assert judged(ready_dsn, "M4").status is Status.REFUTED


def test_second_index_serves_where_the_declared_one_cannot(ready_dsn: str) -> None:
    change(ready_dsn, f'DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON {TABLE} ({COLUMN} COLLATE "POSIX")')
    assert judged(ready_dsn, "M4").status is Status.REFUTED
    change(ready_dsn, f"CREATE INDEX other ON {TABLE} ({COLUMN})")
    assert judged(ready_dsn, "M4").status is Status.PROVEN


def test_an_index_that_only_comes_near_a_value_does_not_serve(ready_dsn: str) -> None:
    change(ready_dsn, f'DROP INDEX {INDEX}; CREATE INDEX {INDEX} ON {TABLE} ({COLUMN} COLLATE "POSIX")')
    change(ready_dsn, f"CREATE INDEX other ON {TABLE} USING brin ({COLUMN})")
    assert judged(ready_dsn, "M4").status is Status.REFUTED


def test_another_name_of_the_index_is_only_noted(ready_dsn: str) -> None:
    change(ready_dsn, f"ALTER INDEX {INDEX} RENAME TO by_posthog")
    found = judged(ready_dsn, "M4")
    assert found.status is Status.PROVEN
    assert "another name" in found.detail
    assert plan.INDEX in found.detail


def put(dsn: str, *values: str, user: str = "anon:10.1.2.3") -> None:
    with psycopg.connect(dsn) as connection:
        for value in values:
            row = connection.execute(
                "INSERT INTO microdollar_usage (kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, "
                "cache_hit_tokens) VALUES (%s, 0, 0, 0, 0, 0) RETURNING id",
                (user,),
            ).fetchone()
            assert row is not None
            connection.execute(
                f"INSERT INTO {TABLE} (id, message_id, {COLUMN}) VALUES (%s, 'm', %s)", (row[0], value)
            )


def stored(dsn: str, own_ids: Sequence[str] = ()) -> Judgement:
    results = Results(claims_of("after"))
    judge_stored(results, read_stored_values(dsn, STRICT, own_ids), STRICT)
    return next(one for one in results.judgements() if one.claim.id == "D1")


@pytest.mark.parametrize("own_ids", [["m"], ["m", "n"]])
def test_no_other_rows_is_proven_where_own_rows_are_seen(ready_dsn: str, own_ids: list[str]) -> None:
    put(ready_dsn, "fine", user="anon:2001:db8::7")
    found = stored(ready_dsn, own_ids)
    assert (found.status, found.observed) == (Status.PROVEN, 1)
    assert "0 rows of anonymous users hold a value, nothing to refute it; 1 more of this run" in found.detail


def test_rows_that_are_not_seen_prove_nothing(ready_dsn: str) -> None:
    assert stored(ready_dsn, ["m"]).status is Status.UNKNOWN


@pytest.mark.parametrize(
    "user",
    [
        "anon:192.0.2.1",
        "anon:198.51.100.255",
        "anon:203.0.113.7",
        "anon:2001:db8::1",
        "anon:2001:0db8:ffff::1",
        "anon:::ffff:192.0.2.9",
    ],
)
def test_what_an_earlier_run_left_is_set_apart_with_its_count(ready_dsn: str, user: str) -> None:
    put(ready_dsn, "no good!", user=user)
    put(ready_dsn, "fine")
    found = stored(ready_dsn)
    assert (found.status, found.observed) == (Status.PROVEN, 1)
    assert "set apart: 1 at addresses that nobody has" in found.detail


@pytest.mark.parametrize(
    "user", ["anon:192.0.20.1", "anon:1192.0.2.1", "anon:2001:db80::1", "anon:x2001:db8::"]
)
def test_other_addresses_are_the_application_s(ready_dsn: str, user: str) -> None:
    put(ready_dsn, "no good!", user=user)
    assert stored(ready_dsn).status is Status.REFUTED


def test_own_rows_at_a_proxys_address_are_known_by_id(ready_dsn: str) -> None:
    put(ready_dsn, "no good!", user="anon:10.0.0.9")
    assert stored(ready_dsn, ["m"]).status is Status.PROVEN
    assert stored(ready_dsn, ["another"]).status is Status.REFUTED


def mark(dsn: str, agent: str) -> None:
    """Gives the rows that are there this user agent."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "WITH agent AS (INSERT INTO http_user_agent (http_user_agent) VALUES (%s) RETURNING http_user_agent_id) "
            f"UPDATE {TABLE} SET http_user_agent_id = agent.http_user_agent_id FROM agent".encode(),
            (agent,),
        )


RUN = "rollout-harness/20260301-120000-0000000a"


@pytest.mark.parametrize(
    ("agent", "apart"),
    [
        (RUN, True),
        (f"Kilo-Code/4.140.0 {RUN}", True),
        (f"{RUN} via/1", True),
        (f"x{RUN}", False),
        (f"{RUN}b", False),
        (f"Kilo-Code/4.140.0,{RUN}", False),
        (RUN.upper(), False),
        ("rollout-harness", False),
        ("rollout-harness/", False),
        ("rollout-harness/20260301-120000", False),
        ("rollout_harness/20260301-120000-0000000a", False),
        ("", False),
    ],
)
def test_a_mark_tells_rows_of_earlier_runs_at_any_address(ready_dsn: str, agent: str, apart: bool) -> None:
    put(ready_dsn, "no good!", user="anon:10.0.0.9")
    mark(ready_dsn, agent)
    put(ready_dsn, "fine")
    found = stored(ready_dsn)
    assert (found.status is Status.PROVEN) is apart
    assert ("set apart: 1 of earlier runs" in found.detail) is apart


@pytest.mark.parametrize(
    "statement",
    [
        "REVOKE SELECT ON http_user_agent FROM marks_reader",
        f"REVOKE SELECT ON {TABLE} FROM marks_reader; "
        f"GRANT SELECT (id, message_id, {COLUMN}) ON {TABLE} TO marks_reader",
        "ALTER TABLE http_user_agent ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE http_user_agent RENAME TO agents",
        "ALTER TABLE http_user_agent RENAME COLUMN http_user_agent TO agent",
    ],
)
def test_where_marks_cannot_be_read_ids_tell(ready_dsn: str, statement: str) -> None:
    role = f"marks_reader_{os.getpid()}"  # roles are the server's, which workers share
    put(ready_dsn, "no good!", user="anon:10.0.0.9")
    mark(ready_dsn, RUN)
    change(
        ready_dsn,
        f"DROP ROLE IF EXISTS {role}",
        f"CREATE ROLE {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        statement.replace("marks_reader", role),
    )
    dsn = f"{ready_dsn}&options=-c%20role%3D{role}"
    try:
        assert stored(dsn).status is Status.REFUTED
        results = Results(claims_of("after"))
        judge_stored(results, read_stored_values(dsn, STRICT, (), ["m", "another"]), STRICT)
        found = next(one for one in results.judgements() if one.claim.id == "D1")
        assert "set apart: 1 of earlier runs" in found.detail
        assert found.status is not Status.REFUTED
    finally:
        change(ready_dsn, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_stored_values_are_unknown_where_there_are_none(ready_dsn: str) -> None:
    put(ready_dsn, "grace@example.com", user="user-1")
    assert judged(ready_dsn, "D1").status is Status.UNKNOWN


@pytest.mark.parametrize("value", ["", "a" * 256, "a b", "é", "a\n", "grace@example.com"])
def test_a_stored_value_that_the_rule_does_not_accept_refutes(ready_dsn: str, value: str) -> None:
    put(ready_dsn, "fine", value)
    found = judged(ready_dsn, "D1")
    assert (found.status, found.observed) == (Status.REFUTED, 2)
    assert "1 of 2 values" in found.findings[0].effect
    assert "grace@" not in found.findings[0].effect


@pytest.mark.parametrize(
    ("value", "status"), [("", Status.PROVEN), ("a b", Status.PROVEN), ("é" * 256, Status.REFUTED)]
)
def test_the_later_rule_accepts_more(ready_dsn: str, value: str, status: Status) -> None:
    put(ready_dsn, value, "b" * 255)
    assert judged(ready_dsn, "D1", LENGTH_ONLY).status is status


def test_a_database_that_cannot_be_asked_is_away(empty_dsn: str) -> None:
    results = Results(claims_of("after"))
    judge_schema(results, read_deployed_schema(empty_dsn))
    assert {one.status for one in results.judgements()} == {Status.UNKNOWN}
    with pytest.raises(DatabaseUnavailableError):
        read_stored_values("postgresql://me@127.0.0.1:1/x", STRICT)
