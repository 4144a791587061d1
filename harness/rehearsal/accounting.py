"""The statements that live traffic is made of: the reference's own accounting, and a look-up."""

import uuid
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.backend.builds import AFTER, BEFORE
from harness.backend.rollout_builds import rollout_build
from harness.backend.usage import Usage, accounting_statement
from harness.data import sql_text
from harness.database.rows import one_row
from harness.database.runners import connect
from harness.rehearsal.workload import Workload
from harness.rollout import Rollout, default_rollout
from harness.rollout.identities import by_address_users
from harness.rule.accepted_values import AcceptedValues
from harness.rule.policy import policy_of


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


def accounting_of(rollout: Rollout) -> Workload:
    """The writes of any rollout's reference, each with a value that its rule stores in place of the one that is given.

    It reads nothing. Raises UsageError for a rollout without a reference.
    """
    builds = {
        after: rollout_build(rollout, name) for after, name in ((False, BEFORE.name), (True, AFTER.name))
    }
    inserts = {after: accounting_statement(build) for after, build in builds.items()}
    user = next(iter(by_address_users(rollout.tables)), None)
    accepted = AcceptedValues(policy_of(rollout), rollout.header)
    octets = next(iter(accepted.examples), None) or accepted.draw()
    stored = None if octets is None else octets.decode(rollout.header.decode)

    def write(connection: psycopg.Connection[Any], name: str, after: bool, value: str | None) -> None:
        own = {"usage_id": uuid.uuid4(), "message_id": name, "user_id": user}
        connection.execute(inserts[after], _VALUES | own | {"value": value and stored}, prepare=True)

    return Workload(write, write)


def kept(dsn: str, prefix: str, rollout: Rollout | None = None) -> int:
    """Of how many requests whose reply's id begins so all rows are there; by default of the plan's rollout."""
    store = (rollout or default_rollout()).tables.store
    main, detail = store.main, store.detail
    of = sql.Identifier
    rows: sql.Composable = of(main.table)
    reply_id = of(main.table, main.reply_id) if main.reply_id else None
    if detail is not None and detail.table is not None and detail.key is not None:
        rows += sql.SQL(" JOIN {} ON {} = {}").format(
            of(detail.table), of(detail.table, detail.key), of(main.table, main.key)
        )
        reply_id = of(detail.table, detail.reply_id) if detail.reply_id else reply_id
    query = sql.SQL("SELECT count(*) FROM {} WHERE starts_with({}::text, %s)").format(rows, reply_id)
    with connect(dsn) as connection:
        return int(one_row(connection, query, [prefix])[0])
