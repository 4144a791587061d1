"""Roles that may read this or that of a migrated database, and what the gate says of it by what they see."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import make_conninfo

from harness import plan
from harness.checks.gate_schema import judge_schema, judge_stored
from harness.rule.policy import STRICT
from harness.run.gate_claims import claims_of
from harness.sut.deployed_schema import read_deployed_schema
from harness.sut.value_queries import read_stored_values
from harness.verdict import Judgement, Results

T, U, C = plan.METADATA_TABLE, plan.USAGE_TABLE, plan.COLUMN
READS = f"GRANT SELECT ON {U}, {T} TO {{role}}"


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


def put_faulty(dsn: str) -> None:
    put(dsn, "a b")


def put(dsn: str, value: str) -> None:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            f"INSERT INTO {U} (kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens, cache_hit_tokens)"
            " VALUES ('anon:10.1.2.3', 0, 0, 0, 0, 0) RETURNING id"
        ).fetchone()
        assert row is not None
        connection.execute(f"INSERT INTO {T} (id, message_id, {C}) VALUES (%s, 'm', %s)", (row[0], value))


def judged(dsn: str) -> dict[str, Judgement]:
    """M3, M4 and D1."""
    results = Results(tuple(one for one in claims_of("after") if one.id in ("M3", "M4", "D1")))
    judge_schema(results, read_deployed_schema(dsn))
    judge_stored(results, read_stored_values(dsn, STRICT), STRICT)
    return {one.claim.id: one for one in results.judgements()}
