"""Reads which values the column holds in rows of those who store the header, and which the rule does not accept.

Only reads, in transactions that say so and are bounded in time. Judges nothing.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.data import sql_text
from harness.database import catalog
from harness.database.declaration import find
from harness.database.declared import DeclaredStore, plan_store
from harness.database.deployed import StoredValues
from harness.database.relations import Relations
from harness.database.rows import one_row
from harness.database.visibility import obstacles, whereabouts
from harness.rollout import Rollout
from harness.rollout.identities import header_identity
from harness.rule.policy import Policy
from harness.rule.simple import exact
from harness.sut.read_only import read_only

AUDIT_S_MAX: Final = 60
MARKED_AGENTS: Final = rf"(?:^| ){plan.MARK}/([0-9]{{8}}-[0-9]{{6}}-[0-9a-f]{{8}})(?: |$)"
"""User agents of runs, which hold the run's name."""
AT_ONCE: Final = 2_000
"""Values that are fetched at once."""
EXAMPLES: Final = 5


def read_stored_values(
    dsn: str,
    policy: Policy,
    own_ids: Collection[str] = (),
    earlier_ids: Collection[str] = (),
    declared: DeclaredStore | None = None,
) -> StoredValues:
    """The values, counted; rows that the gate has left are counted apart. Raises DatabaseUnavailableError.

    `own_ids` are the ids of this run's replies, `earlier_ids` those of earlier runs as far as they are known;
    `declared` is by default the plan's.
    """
    store = declared or plan_store()
    relations = Relations(store.rollout)
    with read_only(dsn, AUDIT_S_MAX) as connection:
        for table in store.held:
            if not catalog.exists(connection, table):
                return StoredValues(unreadable=whereabouts(connection, table))
        hidden = obstacles(connection, store.held)
        if hidden:  # what could be read need not be what is written
            return StoredValues(unreadable="; ".join(obstacle.describe() for obstacle in hidden))
        if find(catalog.columns(connection, store.table), store.column.name) is None:
            return StoredValues(unreadable=f"there is no column {store.column.name}")
        given = {"own_ids": list(own_ids), "earlier_ids": list(earlier_ids), "mark": MARKED_AGENTS}
        ids = ("reply_id",) if own_ids or earlier_ids else ()
        marks = {
            "main": relations.main_relation(("key", "user_id", *ids)),
            "detail": relations.detail_relation(only=("key", "value", *ids)),
            # A role that looks without having sent anything need not be able to read the ids of replies.
            "own": sql.SQL("{}::text = ANY (%(own_ids)s)").format(relations.reply_id)
            if own_ids
            else sql.SQL("false"),
            "earlier": _of_earlier_runs(connection, relations, earlier_ids),
        }
        held, bad = relations.filled("stored_values", **marks), _bad(policy)
        counted = (
            _listed(connection, held, policy, given)
            if bad is None
            else one_row(connection, relations.filled("stored_values_counted", held=held, bad=bad), given)
        )
    name = header_identity(store.rollout.tables)
    rows, refuting, examples, own, at_addresses, known = counted
    whose = f" of {name} users" if name else ""
    return StoredValues("", whose, rows, refuting, tuple(examples or ()), own, at_addresses, known)


def _listed(
    connection: psycopg.Connection[Any], held: sql.Composed, policy: Policy, given: dict[str, Any]
) -> tuple[Any, ...]:
    """The same counts, each value judged by the rule itself, which is not said in SQL."""
    rows: Counter[str] = Counter()
    examples: list[str] = []
    refuting = 0
    with connection.transaction(), connection.cursor("stored_values") as cursor:
        cursor.itersize = AT_ONCE
        each = "SELECT held.value, held.whose, count(*) FROM ({}) AS held GROUP BY held.value, held.whose"
        cursor.execute(sql.SQL(each).format(held), given)
        for value, whose, count in cursor:
            rows[whose] += count
            if whose == "application" and not policy.gives(value):
                refuting += count
                examples = sorted([*examples, value], key=len)[:EXAMPLES]
    return rows["application"], refuting, examples, rows["run"], rows["address"], rows["earlier"]


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
    return bool(one_row(connection, sql_text("queries/agents_readable.sql"), names)[0])


def _of_earlier_runs(
    connection: psycopg.Connection[Any], relations: Relations, earlier_ids: Collection[str]
) -> sql.Composable:
    """The condition of a row that an earlier run left at whatever address; only of what this role may read."""
    conditions: list[sql.Composable] = [sql.SQL("false")]
    if earlier_ids:
        conditions.append(sql.SQL("{}::text = ANY (%(earlier_ids)s)").format(relations.reply_id))
    agents = relations.rollout.tables.store.agent
    if agents and are_marks_readable(connection, relations.rollout):
        marked = (
            "detail.key IN (SELECT held.{key} FROM {table} AS held WHERE held.{reference} IN ("
            'SELECT a.{agent_key} FROM {agents} AS a WHERE a.{agent}::text COLLATE "C" ~ %(mark)s))'
        )
        names = {
            "key": relations.detail_key,
            "table": relations.detail_table,
            "reference": agents.reference,
            "agent_key": agents.key,
            "agents": agents.table,
            "agent": agents.column,
        }
        conditions.append(
            sql.SQL(marked).format(**{mark: sql.Identifier(name) for mark, name in names.items()})
        )
    return sql.SQL("({})").format(sql.SQL(" OR ").join(conditions))


def _bad(policy: Policy) -> sql.Composable | None:
    """The condition of a value that the policy does not accept; None where SQL cannot say it."""
    found = exact(policy.rule)
    if found is None:
        return None
    # As text, whatever the column's type, and compared by bytes: its own collation may do otherwise.
    value = sql.SQL('held.value COLLATE "C"')
    bad = [sql.SQL("length({}) > {}").format(value, found.longest)]
    if found.alphabet is not None:
        bad.append(sql.SQL("{} !~ {}").format(value, f"^[{found.alphabet}]+$"))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(bad))
