"""Databases as somebody may have deployed them: what the gate says of each by its catalogue and rows alone."""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo

from harness.checks.gate_schema import STORED, judge_schema, judge_stored
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.database.templates import Templates
from harness.rehearsal.deployed import hidden, indexes, values
from harness.rehearsal.deployed.model import Deployed, I
from harness.rule.policy import STRICT
from harness.run.gate_claims import claims_of
from harness.sut.deployed_schema import read_deployed_schema
from harness.sut.value_queries import read_stored_values
from harness.verdict import Judgement, Results

DEPLOYED: Final = ("M3", "M4")
"""Claims of a migration that the gate judges on somebody's database."""
RENAMED: Final = Deployed(
    "renamed-index",
    "the index has another name than the declared one",
    "",
    (f"ALTER INDEX {I} RENAME TO by_value",),
)
DEPLOYED_MORE: Final = (
    *(*indexes.DEFECTS, *values.DEFECTS, *hidden.HIDDEN),
    *(RENAMED, *indexes.HARMLESS, *values.HARMLESS, *hidden.HARMLESS),
)


Judgements = tuple[Judgement, ...]


def judge_more(templates: Templates, deployed: Deployed) -> Judgements:
    """A migrated database with something more in it, judged by the owner or by the role that it names."""
    with templates.database(SchemaState.READY) as dsn, connect(dsn) as owner:
        for statement in deployed.statements:
            owner.execute(statement.encode())
        claims = (*DEPLOYED, STORED) if deployed.reader else DEPLOYED
        if not deployed.reader:
            return judge_deployed(dsn, claims)
        with _reader(owner, dsn, deployed.reader) as reader:
            return judge_deployed(reader, claims)


def judge_deployed(dsn: str, claims: Sequence[str]) -> Judgements:
    """What the gate says of a database by these of its claims, without a request."""
    results = Results(tuple(claim for claim in claims_of("after") if claim.id in claims))
    judge_schema(results, read_deployed_schema(dsn))
    if STORED in claims:
        judge_stored(results, read_stored_values(dsn, STRICT), STRICT)
    return results.judgements()


@contextmanager
def _reader(owner: psycopg.Connection[Any], dsn: str, given: str) -> Iterator[str]:
    """The DSN of a role of this database alone, which is dropped at the end."""
    password = secrets.token_hex(8)
    role = f"reader_of_{owner.info.dbname}"
    owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'".encode())
    try:
        owner.execute(given.format(reader=role).encode())
        yield make_conninfo(dsn, user=role, password=password)
    finally:
        owner.execute(
            f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}".encode()
        )
