"""The statements that live traffic is made of: the reference's own accounting, and a look-up."""

import uuid
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.backend.builds import AFTER, BEFORE
from harness.backend.usage import Usage, accounting_statement
from harness.data import sql_text
from harness.database.runners import connect
from harness.rehearsal.workload import Workload


def write(connection: psycopg.Connection[Any], name: str, after: bool, value: str | None) -> None:
    """Accounts for a request under a message_id, as the backend `before` or `after` does. Raises psycopg.Error."""
    values = _VALUES | {"usage_id": uuid.uuid4(), "message_id": name, "value": value}
    connection.execute(_INSERTS[after], values, prepare=True)


def read(connection: psycopg.Connection[Any], name: str, *_: object) -> None:
    """Looks a usage up that is not there, as a page of the product does. Raises psycopg.Error."""
    connection.execute(_READ, {"id": uuid.uuid5(uuid.NAMESPACE_OID, name)}, prepare=True).fetchall()


ACCOUNTING: Final = Workload(write, read)
"""The reference's own traffic."""

_READ: Final = sql_text("queries/one_usage.sql").encode()
_INSERTS: Final = {False: accounting_statement(BEFORE), True: accounting_statement(AFTER)}
_VALUES: Final[dict[str, object]] = dict.fromkeys(Usage.__slots__) | {
    "user_id": f"{plan.ANONYMOUS_PREFIX}203.0.113.1",
    "requested_model": "test/model:free",
    "model": "test/model:free",
    "provider": "openrouter",
    "inference_provider": "openrouter",
    "status_code": 200,
    "streamed": True,
    "has_error": False,
    "input_tokens": 100,
    "output_tokens": 10,
    "cost": 0,
    "latency": 0.5,
    "finish_reason": "reason 1",
    "has_tools": False,
    "user_prompt": "Question",
    "system_prompt": "You are assistant 1",
    "system_prompt_length": 20,
    "user_agent": "Kilo-Code/4.1.0",
    "forwarded_for": "203.0.113.1",
    "editor_name": "Editor 1",
}
"""Of an anonymous request; the lookups are those of the seeded rows."""


def kept(dsn: str, prefix: str) -> int:
    """Of how many requests whose message_id begins so both rows are there."""
    query = sql.SQL("SELECT count(*) FROM {} JOIN {} USING (id) WHERE starts_with(message_id, %s)").format(
        sql.Identifier(plan.USAGE_TABLE), sql.Identifier(plan.METADATA_TABLE)
    )
    with connect(dsn) as connection:
        found = connection.execute(query, [prefix]).fetchone()
    assert found is not None
    return int(found[0])
