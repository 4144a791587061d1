"""Which indexes serve a look-up whose value is not known beforehand, and which refuse rows that may come."""

from collections.abc import Iterator

import psycopg
import pytest

from harness import plan
from harness.checks.gate_schema import judge_schema
from harness.run.gate_claims import claims_of
from harness.sut.deployed_schema import read_deployed_schema
from harness.verdict import Judgement, Results, Status
from tests.database.readers import granted
from tests.fix_database import change

T, C, I = plan.METADATA_TABLE, plan.COLUMN, plan.INDEX  # noqa: E741 -- as the plan's text has it


def judged(dsn: str) -> dict[str, Judgement]:
    results = Results(claims_of("after"))
    judge_schema(results, read_deployed_schema(dsn))
    return {one.claim.id: one for one in results.judgements()}


def instead(dsn: str, definition: str, *, unique: bool = False) -> None:
    """Another index under the declared name."""
    create = f"CREATE {'UNIQUE' if unique else ''} INDEX {I} ON {T} {definition}"
    change(dsn, f"DELETE FROM {T}", f"DROP INDEX {I}", create)


def everywhere(dsn: str, *settings: str) -> None:
    """Settings of whoever connects to the database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for setting in settings:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET {setting}")


PREDICATES = [
    f"{C} > 'A'",
    f"{C} <> 'x'",
    f"{C} <> ''",
    f"{C} >= 'a' AND {C} < 'b'",
    f"{C} LIKE 'vscode-%'",
    f"{C} = 'a value'",
    f"{C} IN ('a value', 'x')",
    f"length({C}) <= 255",
    f"{C} ~ '^[A-Za-z0-9_-]+$'",
    f"NOT ({C} = 'x')",
    f"{C} IS NOT NULL AND {C} <> ''",
    f"{C} IS NULL",
    f"{C} IS NOT NULL AND message_id IS NOT NULL",
]


@pytest.mark.parametrize("predicate", PREDICATES)
def test_a_partial_index_that_lacks_some_value_refutes(ready_dsn: str, predicate: str) -> None:
    instead(ready_dsn, f"({C}) WHERE {predicate}")
    found = judged(ready_dsn)["M4"]
    assert found.status is Status.REFUTED
    assert "reads all of" in found.findings[0].effect


@pytest.mark.parametrize(
    "predicate", [f"{C} IS NOT NULL", f"{C} IS NOT NULL OR message_id = 'x'", f"NOT ({C} IS NULL)", "true"]
)
def test_a_partial_index_that_has_every_value_serves(ready_dsn: str, predicate: str) -> None:
    instead(ready_dsn, f"({C}) WHERE {predicate}")
    assert judged(ready_dsn)["M4"].status is Status.PROVEN


UNIQUE = [
    f"({C}, created_at)",
    f"({C}, (1))",
    f"({C}, (NULL::int)) NULLS NOT DISTINCT",
    f"({C}, http_ip_id)",
    f"({C}, streamed) NULLS NOT DISTINCT",
    f"({C}) INCLUDE (id)",
    f"({C}, (left({C}, 3)))",
    f"({C}, status_code) WHERE {C} IS NOT NULL",
]


@pytest.mark.parametrize("definition", UNIQUE)
def test_a_unique_index_that_refuses_a_second_row_refutes(ready_dsn: str, definition: str) -> None:
    instead(ready_dsn, definition, unique=True)
    found = judged(ready_dsn)["M4"]
    assert found.status is Status.REFUTED
    assert "refuses" in found.findings[0].effect


@pytest.mark.parametrize("definition", [f"({C}, id)", f"({C}, created_at, id)"])
def test_a_unique_index_with_the_primary_key_serves(ready_dsn: str, definition: str) -> None:
    instead(ready_dsn, definition, unique=True)
    assert judged(ready_dsn)["M4"].status is Status.PROVEN


@pytest.mark.parametrize("definition", [*UNIQUE, f"(created_at, {C})", f"((1)) WHERE {C} IS NOT NULL"])
def test_a_unique_index_beside_the_declared_one_refutes_m3(ready_dsn: str, definition: str) -> None:
    change(ready_dsn, f"DELETE FROM {T}", f"CREATE UNIQUE INDEX second ON {T} {definition}")
    found = judged(ready_dsn)
    assert found["M3"].status is Status.REFUTED
    assert "refuses the second row" in found["M3"].findings[0].effect
    assert found["M4"].status is Status.PROVEN


@pytest.mark.parametrize(
    "definition",
    [
        f"({C}, id)",
        "(message_id)",
        "(message_id, created_at)",
        f"({C}, created_at) WHERE {C} = 'no such value'",
    ],
)
def test_a_unique_index_that_refuses_no_valid_row_is_harmless(ready_dsn: str, definition: str) -> None:
    change(ready_dsn, f"DELETE FROM {T}", f"CREATE UNIQUE INDEX second ON {T} {definition}")
    found = judged(ready_dsn)
    assert (found["M3"].status, found["M4"].status) == (Status.PROVEN, Status.PROVEN)


BESIDE = [
    f"USING hash ({C})",
    f"USING brin ({C})",
    f"USING spgist ({C})",
    f'({C} COLLATE "POSIX")',
    f"({C}) WHERE {C} > 'A'",
    f"(lower({C}))",
    f"({C}, created_at)",
    f"({C} text_pattern_ops)",
    f"USING hash ({C}) WHERE {C} IS NOT NULL",
    f"(created_at) WHERE {C} IS NOT NULL",
    f"(id) WHERE {C} IS NOT NULL",
]


@pytest.mark.parametrize("definition", BESIDE)
def test_another_index_beside_the_declared_one_is_harmless(ready_dsn: str, definition: str) -> None:
    change(ready_dsn, f"CREATE INDEX another ON {T} {definition}", f"ANALYZE {T}")
    found = judged(ready_dsn)["M4"]
    assert found.status is Status.PROVEN, found.findings
    assert found.detail.startswith(I)


SWITCHES = ["indexscan", "bitmapscan", "indexonlyscan", "seqscan", "sort", "partition_pruning"]


@pytest.mark.parametrize("off", [SWITCHES, *([each] for each in SWITCHES)], ids=lambda off: "+".join(off))
def test_what_the_planner_may_not_do_by_default_does_not_count(ready_dsn: str, off: list[str]) -> None:
    everywhere(ready_dsn, *(f"enable_{each} = off" for each in off))
    assert judged(ready_dsn)["M4"].status is Status.PROVEN


@pytest.fixture
def young_dsn(ready_dsn: str) -> Iterator[str]:
    """A database whose index the planner may not use yet: a transaction may see rows that it leaves out."""
    with psycopg.connect(ready_dsn, autocommit=True) as owner, psycopg.connect(ready_dsn) as other:
        owner.execute(
            f"TRUNCATE {T}; DROP INDEX {I}; INSERT INTO {T} (id, message_id) VALUES (gen_random_uuid(), '')"
        )
        other.execute("SELECT txid_current()")  # a transaction that goes on
        for value in ("x1", "x2"):  # versions of a row in one chain, which the index has once
            owner.execute(f"UPDATE {T} SET {C} = %s", [value])
        owner.execute(f"CREATE INDEX {I} ON {T} ({C})")
        yield ready_dsn


def test_an_index_younger_than_an_open_transaction_is_unknown(young_dsn: str) -> None:
    found = judged(young_dsn)["M4"]
    assert found.status is Status.UNKNOWN
    assert f"{I} is younger than a transaction that is still open" in found.detail
    change(young_dsn, f"DROP INDEX {I}", f'CREATE INDEX {I} ON {T} ({C} COLLATE "POSIX")')
    assert judged(young_dsn)["M4"].status is Status.REFUTED


def test_the_index_that_is_named_is_the_one_that_serves(ready_dsn: str) -> None:
    instead(ready_dsn, f'({C} COLLATE "POSIX")')
    change(ready_dsn, f"CREATE INDEX second ON {T} ({C})")
    found = judged(ready_dsn)["M4"]
    assert found.status is Status.PROVEN
    assert found.detail.startswith(f"second btree ({C}), valid, ready, live; the planner finds values by it")
    assert f'{I} btree ({C}) COLLATE "POSIX", valid, ready, live does not serve' in found.detail


@pytest.mark.parametrize(
    "type_", ["uuid", "integer", "json", "jsonb", "text[]", "bytea", "timestamptz", "xml"]
)
def test_a_column_of_another_type_is_a_finding(ready_dsn: str, type_: str) -> None:
    change(ready_dsn, f"DROP INDEX {I}", f"ALTER TABLE {T} ALTER {C} TYPE {type_} USING NULL::{type_}")
    if type_ not in ("json", "xml"):
        change(ready_dsn, f"CREATE INDEX {I} ON {T} ({C})")
    found = judged(ready_dsn)
    assert found["M3"].status is Status.REFUTED
    assert any(type_ in one.effect or "timestamp with" in one.effect for one in found["M3"].findings)
    assert found["M4"].status is (Status.REFUTED if type_ in ("json", "xml") else Status.PROVEN)


POLICIES = [
    pytest.param("message_id = current_setting('no.such')", Status.UNKNOWN, id="fails when it is planned"),
    pytest.param(
        "EXISTS (SELECT 1 FROM http_ip AS i WHERE i.http_ip = message_id)", Status.PROVEN, id="another table"
    ),
    pytest.param(f"{C} <> 'a b'", Status.PROVEN, id="the column itself"),
    pytest.param("false", Status.PROVEN, id="nothing is seen"),
]


@pytest.mark.parametrize(("condition", "status"), POLICIES)
def test_a_policy_of_the_role_is_no_matter_of_the_index(
    ready_dsn: str, condition: str, status: Status
) -> None:
    secured = f"ALTER TABLE {T} ENABLE ROW LEVEL SECURITY; CREATE POLICY visible ON {T} USING ({condition})"
    with granted(ready_dsn, secured, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}") as dsn:
        found = judged(dsn)
    assert (found["M3"].status, found["M4"].status) == (Status.PROVEN, status)
