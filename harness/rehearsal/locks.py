"""Which lock each statement takes on the table, and whom it keeps out: predicted, then observed.

Observed twice, and neither by waiting: what pg_locks says of the process that holds the statement, and which of the
eight modes another session is refused at once (NOWAIT). A prediction that fails is a finding.
"""

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.database import catalog
from harness.database.rows import one_row
from harness.database.runners import connect, run_statements
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script
from harness.database.templates import Templates
from harness.rehearsal.build_phase import BUILD_WAITS, Hold
from harness.rehearsal.held import held
from harness.rehearsal.lock_modes import LockCase, LockMode, ObservedLocks
from harness.rehearsal.statements import (
    ADD_COLUMN,
    BUILD_INDEX,
    DROP_COLUMN,
    DROP_INDEX,
    VIEW,
    last_statement,
    without_concurrently,
)

_BASE, _COLUMN, _READY = SchemaState.BASE, SchemaState.COLUMN, SchemaState.READY

CASES: Final = (
    LockCase("ADD COLUMN", ADD_COLUMN, _BASE, Hold.TRANSACTION, LockMode.ACCESS_EXCLUSIVE),
    *(
        LockCase("CREATE INDEX CONCURRENTLY", BUILD_INDEX, _COLUMN, wait, LockMode.SHARE_UPDATE_EXCLUSIVE)
        for wait in BUILD_WAITS
    ),
    LockCase("CREATE INDEX", without_concurrently(BUILD_INDEX), _COLUMN, Hold.TRANSACTION, LockMode.SHARE),
    LockCase(
        "ADD COLUMN, CREATE INDEX",
        f"{ADD_COLUMN}\n{without_concurrently(BUILD_INDEX)}",
        _BASE,
        Hold.TRANSACTION,
        LockMode.ACCESS_EXCLUSIVE,
    ),
    LockCase(
        "CREATE OR REPLACE VIEW", last_statement(VIEW), _COLUMN, Hold.TRANSACTION, LockMode.ACCESS_SHARE
    ),
    LockCase(
        "DROP INDEX CONCURRENTLY", DROP_INDEX, _READY, Hold.BEFORE_DROP, LockMode.SHARE_UPDATE_EXCLUSIVE
    ),
    LockCase(
        "DROP INDEX", without_concurrently(DROP_INDEX), _READY, Hold.TRANSACTION, LockMode.ACCESS_EXCLUSIVE
    ),
    LockCase("DROP COLUMN", DROP_COLUMN, _COLUMN, Hold.TRANSACTION, LockMode.ACCESS_EXCLUSIVE),
)
"""The statements of the rollout and its rollback, and beside them what they would do without CONCURRENTLY."""


async def observe_locks(templates: Templates, cases: Sequence[LockCase] = CASES) -> tuple[ObservedLocks, ...]:
    """Holds each statement on a database of its own and looks at its locks.

    Raises StatementFailed when one that is to run first is refused, psycopg.Error when the statement itself is.
    """
    found: list[ObservedLocks] = []
    for case in cases:
        with templates.database(case.state) as dsn:
            run_statements(dsn, [Script("first", "\n".join(case.first))], lambda _: None)
            async with held(dsn, case.hold, case.statement) as pid:
                found.append(_look(dsn, case, pid))
    return tuple(found)


def _look(dsn: str, case: LockCase, pid: int) -> ObservedLocks:
    with connect(dsn) as connection:
        granted = {
            lock.mode
            for lock in catalog.locks(connection, plan.METADATA_TABLE)
            if lock.pid == pid and lock.granted
        }
        return ObservedLocks(
            case=case,
            held=tuple(mode for mode in LockMode if mode.in_pg_locks in granted),
            refused=refused_modes(connection, plan.METADATA_TABLE),
            waits_for=one_row(connection, "SELECT cardinality(pg_blocking_pids(%s))", [pid])[0],
        )


def refused_modes(connection: psycopg.Connection[Any], table: str) -> frozenset[LockMode]:
    """Which of the modes another session is refused at once."""
    return frozenset(mode for mode in LockMode if not _is_granted(connection, table, mode))


def _is_granted(connection: psycopg.Connection[Any], table: str, mode: LockMode) -> bool:
    """Whether another session gets the lock at once; it is given back at once."""
    # A mode is a keyword of the grammar, which cannot be a parameter.
    statement = sql.SQL("LOCK TABLE {} IN {} MODE NOWAIT").format(sql.Identifier(table), sql.SQL(mode.value))
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.errors.LockNotAvailable:
        return False
    return True
