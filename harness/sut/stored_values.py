"""Reads which values the column holds in rows of anonymous users, and which of them the rule does not accept.

Only reads, in transactions that say so and are bounded in time. Judges nothing.
"""

from collections.abc import Collection
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.data import sql_text
from harness.database import catalog
from harness.database.declaration import find
from harness.database.deployed import StoredValues
from harness.database.relations import Relations
from harness.database.visibility import obstacles, whereabouts
from harness.rollout import Rollout, load_rollout
from harness.rule.policy import Policy
from harness.sut.read_only import read_only

AUDIT_S_MAX: Final = 60
STORED_COLUMNS: Final = {plan.USAGE_TABLE: ("id", "kilo_user_id"), plan.METADATA_TABLE: ("id", plan.COLUMN)}
"""What D1 is judged by; a role that may read no more will do."""

RESERVED_USERS: Final = (
    rf"^{plan.ANONYMOUS_PREFIX}((::ffff:)?(192\.0\.2|198\.51\.100|203\.0\.113)\.|2001:0?db8:)"
)
"""Anonymous users at addresses for documentation (RFC 3849, RFC 5737), which the gate sends and nobody has."""


MARKED_AGENTS: Final = rf"(?:^| ){plan.MARK}/([0-9]{{8}}-[0-9]{{6}}-[0-9a-f]{{8}})(?: |$)"
"""User agents of runs, which hold the run's name."""


def read_stored_values(
    dsn: str, policy: Policy, own_ids: Collection[str] = (), earlier_ids: Collection[str] = ()
) -> StoredValues:
    """The values, counted; rows that the gate has left are counted apart. Raises DatabaseUnavailableError.

    `own_ids` are the ids of this run's replies, `earlier_ids` those of earlier runs as far as they are known.
    """
    with read_only(dsn, AUDIT_S_MAX) as connection:
        for table in STORED_COLUMNS:
            if not catalog.exists(connection, table):
                return StoredValues(unreadable=whereabouts(connection, table))
        hidden = obstacles(connection, STORED_COLUMNS)
        if hidden:  # what could be read need not be what is written
            return StoredValues(unreadable="; ".join(obstacle.describe() for obstacle in hidden))
        if find(catalog.columns(connection, plan.METADATA_TABLE), plan.COLUMN) is None:
            return StoredValues(unreadable=f"there is no column {plan.COLUMN}")
        given = {
            "own_ids": list(own_ids),
            "earlier_ids": list(earlier_ids),
            "mark": MARKED_AGENTS,
            "reserved": RESERVED_USERS,
            "anonymous": f"{plan.ANONYMOUS_PREFIX}%",
        }
        earlier = _of_earlier_runs(connection, earlier_ids)
        counted = connection.execute(_stored_values(policy, own_ids, earlier), given).fetchone()
    assert counted is not None
    rows, refuting, examples, own, at_addresses, known = counted
    return StoredValues("", rows, refuting, tuple(examples or ()), own, at_addresses, known)


def are_marks_readable(connection: psycopg.Connection[Any], rollout: Rollout) -> bool:
    """Whether this role may read the user agent of a row, where the rollout says where that is."""
    agents = rollout.tables.store.agent
    if agents is None:
        return False
    names = {
        "agents": agents.table,
        "key": agents.key,
        "column": agents.column,
        "reference": agents.reference,
        "detail": Relations(rollout).detail_table,
    }
    readable = connection.execute(sql_text("queries/agents_readable.sql").encode(), names).fetchone()
    return readable is not None and bool(readable[0])


def _of_earlier_runs(connection: psycopg.Connection[Any], earlier_ids: Collection[str]) -> sql.Composable:
    """The condition of a row that an earlier run left at whatever address; only of what this role may read."""
    conditions: list[sql.Composable] = [sql.SQL("false")]
    if earlier_ids:
        conditions.append(sql.SQL("metadata.message_id::text = ANY (%(earlier_ids)s)"))
    if are_marks_readable(connection, load_rollout()):
        marked = 'metadata.{id} IN (SELECT {id} FROM {agents} WHERE {agents}.{agents}::text COLLATE "C" ~ %(mark)s)'
        conditions.append(
            sql.SQL(marked).format(id=sql.Identifier(plan.AGENT_ID), agents=sql.Identifier(plan.AGENT_TABLE))
        )
    return sql.SQL(" OR ").join(conditions)


def _stored_values(policy: Policy, own_ids: Collection[str], earlier: sql.Composable) -> sql.Composed:
    """Counts the values, and those that the policy does not accept."""
    # As text, whatever the column's type, and compared by bytes: its own collation may do otherwise.
    value = sql.SQL('metadata.{}::text COLLATE "C"').format(sql.Identifier(plan.COLUMN))
    bad = [sql.SQL("length({}) > {}").format(value, policy.length_max)]
    if policy.alphabet is not None:
        bad.append(sql.SQL("{} !~ {}").format(value, f"^[{policy.alphabet}]+$"))
    return sql.SQL(sql_text("queries/stored_values.sql")).format(
        bad=sql.SQL(" OR ").join(bad),
        column=sql.Identifier(plan.COLUMN),
        # A role that looks without having sent anything need not be able to read the ids of replies.
        own=sql.SQL("metadata.message_id::text = ANY (%(own_ids)s)" if own_ids else "false"),
        earlier=earlier,
    )
