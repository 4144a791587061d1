"""Judges somebody's database by itself: the column, the index, and the values that are there. Sends no request.

Only reads, in transactions that say so and are bounded in time.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.checks.gate_effects import judge_effects
from harness.checks.gate_index import INDEX, judge_index
from harness.data import sql_text
from harness.database import catalog
from harness.database.declaration import EXPECTED_COLUMN, Column, DifferenceKind, column_difference, find
from harness.database.dsn import CONNECT_S_MAX
from harness.database.visibility import Obstacle, obstacles, whereabouts
from harness.report.escape import masked, shown
from harness.rule.policy import Policy
from harness.sut.contract import DatabaseUnavailableError
from harness.verdict import Finding, Method, Results

COLUMN: Final = "M3"
STORED: Final = "D1"
AUDIT_S_MAX: Final = 60
STORED_COLUMNS: Final = {plan.USAGE_TABLE: ("id", "kilo_user_id"), plan.METADATA_TABLE: ("id", plan.COLUMN)}
"""What D1 is judged by; a role that may read no more will do."""

ADD_COLUMN: Final = "apply sql/corrected/0005a_add_column.sql"
MEND_COLUMN: Final = "harness schema names the statements that make it what is declared"


def judge_schema(results: Results, dsn: str) -> None:
    """Judges M3 and M4. Raises DatabaseUnavailableError when the database cannot be asked."""
    with _reading(dsn, CONNECT_S_MAX) as connection:
        columns = catalog.columns(connection, plan.METADATA_TABLE)
        for claim in (COLUMN, INDEX):
            results.method(claim, Method.EXHAUSTIVE)
        if not columns:
            told = whereabouts(connection, plan.METADATA_TABLE)
            for claim in (COLUMN, INDEX):
                results.inconclusive(claim, told)
            return
        doubts = [one for one in obstacles(connection) if one.elsewhere or one.stale]
        ours = [one for one in doubts if one.stale or one.table == plan.METADATA_TABLE]
        _lack(results, COLUMN, doubts)
        _lack(results, INDEX, ours)
        if any(one.ambiguous or one.stale for one in ours):
            return  # nothing of it need be true of the table that is written
        has_column = _judge_column(results, columns)
        if not any(one.ambiguous for one in doubts):
            judge_effects(results, connection)
        if ours:
            return  # a view has no index
        readable = obstacles(connection, {plan.METADATA_TABLE: (plan.COLUMN,)})
        refused = [one.words for one in readable if one.refused and not one.filtered]
        judge_index(results, connection, has_column=has_column, refused="; ".join(refused))


def judge_stored(
    results: Results,
    dsn: str,
    policy: Policy,
    own_ids: Collection[str] = (),
    earlier_ids: Collection[str] = (),
) -> None:
    """Judges D1 over every row of an anonymous user that holds a value, but for what the gate has left.

    `own_ids` are the ids of this run's replies: where its rows are seen, having no others is an answer, too.
    `earlier_ids` are those of earlier runs, as far as they are known.
    Raises DatabaseUnavailableError.
    """
    results.method(STORED, Method.EXHAUSTIVE)
    with _reading(dsn, AUDIT_S_MAX) as connection:
        for table in STORED_COLUMNS:
            if not catalog.exists(connection, table):
                results.inconclusive(STORED, whereabouts(connection, table))
                return
        found = obstacles(connection, STORED_COLUMNS)
        _lack(results, STORED, found)
        if found:
            return  # what could be read need not be what is written
        if find(catalog.columns(connection, plan.METADATA_TABLE), plan.COLUMN) is None:
            results.inconclusive(STORED, f"there is no column {plan.COLUMN}")
            return
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
    results.observed(STORED, rows)
    results.detail(
        STORED, f"{rows:,} rows of anonymous users hold a value{'' if rows else ', nothing to refute it'}"
    )
    if own:
        results.detail(STORED, f"{own:,} more of this run, which are judged by its requests")
    if own and not rows:
        results.observed(STORED, own)  # this role sees such rows, so that there being no others is known
    if at_addresses:
        results.detail(
            STORED, f"set apart: {at_addresses:,} at addresses that nobody has, left by earlier runs"
        )
    if known:
        results.detail(
            STORED,
            f"set apart: {known:,} of earlier runs, by their journals here or the mark of their requests",
        )
    if refuting:
        told = ", ".join(f"{shown(masked(example))} of length {len(example)}" for example in examples)
        effect = (
            f"{refuting:,} of {rows:,} values are not accepted by the rule {policy.name}, for example {told}"
        )
        _refute(results, STORED, effect, "set these values to NULL once no replica writes such any more")


def _judge_column(results: Results, columns: Sequence[Column]) -> bool:
    """Judges the column's declaration; whether there is one."""
    results.observed(COLUMN)
    difference = column_difference(columns)
    if difference is not None and difference.kind is DifferenceKind.MISSING:
        _refute(results, COLUMN, f"there is no column {plan.COLUMN}", ADD_COLUMN)
        return False
    if difference is None:
        results.detail(COLUMN, EXPECTED_COLUMN.describe())
    else:
        results.detail(COLUMN, difference.describe())
        effect = f"found {difference.describe()}; declared {difference.declared.describe()}"
        _refute(results, COLUMN, effect, MEND_COLUMN)
    return True


RESERVED_USERS: Final = (
    rf"^{plan.ANONYMOUS_PREFIX}((::ffff:)?(192\.0\.2|198\.51\.100|203\.0\.113)\.|2001:0?db8:)"
)
"""Anonymous users at addresses for documentation (RFC 3849, RFC 5737), which the gate sends and nobody has."""


MARKED_AGENTS: Final = rf"(?:^| ){plan.MARK}/([0-9]{{8}}-[0-9]{{6}}-[0-9a-f]{{8}})(?: |$)"
"""User agents of runs, which hold the run's name."""


def are_marks_readable(connection: psycopg.Connection[Any]) -> bool:
    """Whether this role may read the user agent of a row."""
    names = {"agents": plan.AGENT_TABLE, "agent_id": plan.AGENT_ID, "metadata": plan.METADATA_TABLE}
    readable = connection.execute(sql_text("queries/agents_readable.sql").encode(), names).fetchone()
    return readable is not None and bool(readable[0])


def _of_earlier_runs(connection: psycopg.Connection[Any], earlier_ids: Collection[str]) -> sql.Composable:
    """The condition of a row that an earlier run left at whatever address; only of what this role may read."""
    conditions: list[sql.Composable] = [sql.SQL("false")]
    if earlier_ids:
        conditions.append(sql.SQL("metadata.message_id::text = ANY (%(earlier_ids)s)"))
    if are_marks_readable(connection):
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


def _lack(results: Results, claim: str, found: Sequence[Obstacle]) -> None:
    if found:
        results.inconclusive(claim, "; ".join(one.words for one in found))


def _refute(results: Results, claim: str, effect: str, workaround: str) -> None:
    results.refute(Finding(claim, f"table {plan.METADATA_TABLE} as it is", effect, workaround=workaround))


@contextmanager
def _reading(dsn: str, statement_s_max: int) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(
            dsn, autocommit=True, connect_timeout=CONNECT_S_MAX, prepare_threshold=None
        ) as connection:
            connection.read_only = True
            with connection.transaction():
                limit = sql.SQL("SET LOCAL statement_timeout = {}").format(statement_s_max * 1000)
                connection.execute(limit)
                connection.execute("SET LOCAL row_security = off")  # refuse what would else be filtered
                yield connection
    except psycopg.errors.QueryCanceled:
        raise DatabaseUnavailableError(
            f"the database took longer than {statement_s_max} s; try a quieter time"
        ) from None
    except (psycopg.Error, OSError) as error:
        raise DatabaseUnavailableError(
            f"the database cannot be asked: {masked(' '.join(str(error).split()))}"
        ) from None
