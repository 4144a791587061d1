"""Statements that a connection had prepared before the first step: which still work, and which fail for good.

A connection pool outlives a migration, and drivers prepare what they execute often (psycopg from the sixth time on).
Adding a column changes the result of `SELECT *`, which PostgreSQL refuses to a prepared statement on every try
(PostgreSQL, PREPARE; "cached plan must not change result type"). What is right is judged in `checks`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from harness.backend.rollout_builds import rollout_build
from harness.backend.usage import TRIES, accounting_statement
from harness.database.declared import DeclaredStore, declared_store
from harness.rollout import Rollout
from harness.stages.environment import Stack
from harness.stages.model import Stage, after
from harness.stages.of_rollout import plan_order_of
from harness.stages.old_write import old_values
from harness.stages.prepared_result import PreparedResult
from harness.stages.steps import Step, StepAction

EXECUTIONS: Final = 6
"""Executions after which psycopg has prepared a statement (its prepare_threshold is 5)."""

ARCHIVE: Final = "harness_archive"


@dataclass(frozen=True, slots=True)
class PreparedStatement:
    """One statement of the kind that code around the table may have prepared."""

    words: str
    statement: sql.Composed
    needed: bool
    """Whether the rollout depends on it; the others are warnings only."""
    remedy: str = ""


def statements(rollout: Rollout, before: str) -> tuple[PreparedStatement, ...]:
    """The statements that are tried: the old build's, one on the view that reads the column, and three common ones."""
    store = declared_store(rollout)
    accounting = accounting_statement(rollout_build(rollout, before))
    needed = [PreparedStatement("the accounting INSERT of the old backend", accounting, needed=True)]
    if store.view is not None:
        view = sql.SQL("SELECT * FROM {} LIMIT 1").format(sql.Identifier(store.view))
        needed.append(PreparedStatement("a SELECT on the view", view, needed=True))
    return (*needed, *_common(store))


def _common(store: DeclaredStore) -> tuple[PreparedStatement, ...]:
    table = sql.Identifier(store.table)
    copy = sql.SQL("INSERT INTO {} SELECT * FROM {} LIMIT 1").format(sql.Identifier(ARCHIVE), table)
    given: dict[str, sql.Composable] = {store.key: sql.Placeholder("usage_id")}
    side = store.detail or store.main
    given |= {side.created_at: sql.SQL("now()")} if side.created_at else {}
    given |= {side.reply_id: sql.SQL("''")} if side.reply_id else {}
    insert = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING *").format(
        table, sql.SQL(", ").join(map(sql.Identifier, given)), sql.SQL(", ").join(given.values())
    )
    return (
        PreparedStatement(
            f"a prepared SELECT * on {store.table}",
            sql.SQL("SELECT * FROM {} LIMIT 1").format(table),
            needed=False,
            remedy="name the columns, or open new connections after the migration",
        ),
        PreparedStatement(
            f"a prepared INSERT ... RETURNING * on {store.table}",
            insert,
            needed=False,
            remedy="name the columns that are returned",
        ),
        PreparedStatement(
            f"a copy of {store.table} by SELECT * into another table",
            copy,
            needed=False,
            remedy="name the columns, or add the column to the copy's table first",
        ),
    )


async def prepared_results(stack: Stack) -> tuple[PreparedResult, ...]:
    """Prepares every statement in one session, takes the steps in another, and executes them again.

    The old backend's own is asked of it for as long as there is an old replica in the plan's order.
    """
    tried = statements(stack.rollout, stack.builds.before)
    order = plan_order_of(stack.rollout, stack.model).steps
    gone = max((at for at, step in enumerate(order) if step.action is StepAction.SWAP), default=len(order))
    table = sql.Identifier(declared_store(stack.rollout).table)
    async with (
        stack.schema.database(stack.templates, stack.model.start) as dsn,
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as session,
    ):
        create = sql.SQL("CREATE TABLE {} (LIKE {})").format(sql.Identifier(ARCHIVE), table)
        await session.execute(create)
        is_prepared = [await _prepare(session, statement) for statement in tried]
        stage = await _take(stack, dsn, stack.model.start, order[:gone])
        of_old = await _try(session, tried[0])
        await _take(stack, dsn, stage, order[gone:])
        refusals = [of_old, *[await _try(session, statement) for statement in tried[1:]]]
        return tuple(
            [
                PreparedResult(
                    statement.words,
                    needed=statement.needed,
                    prepared=prepared,
                    refusals=refused,
                    tries=TRIES,
                    remedy=statement.remedy,
                )
                for statement, prepared, refused in zip(tried, is_prepared, refusals, strict=True)
            ]
        )


async def _take(stack: Stack, dsn: str, stage: Stage, steps: Iterable[Step]) -> Stage:
    """Takes those that are files, and returns where they lead; replicas are changed in the model alone."""
    for step in steps:
        if step not in stage.moves or step.action not in (StepAction.DO, StepAction.SWAP):
            continue
        if step.action is StepAction.DO:
            await stack.schema.take(stack.templates, dsn, stage, step)
        stage = after(stage, step)
    return stage


async def _prepare(session: psycopg.AsyncConnection[Any], prepared: PreparedStatement) -> bool:
    """Executes it until the driver has prepared it; false when the session then has no more than before."""
    before = await _count(session)
    for _ in range(EXECUTIONS):
        await session.execute(prepared.statement, old_values())
    return await _count(session) > before


async def _count(session: psycopg.AsyncConnection[Any]) -> int:
    query = "SELECT count(*) FROM pg_prepared_statements"
    row = await (await session.execute(query, prepare=False)).fetchone()
    assert row is not None
    return int(row[0])


async def _try(session: psycopg.AsyncConnection[Any], prepared: PreparedStatement) -> tuple[str, ...]:
    refusals: list[str] = []
    for _ in range(TRIES):
        try:
            await session.execute(prepared.statement, old_values())
        except psycopg.Error as error:
            refusals.append(f"{error.sqlstate} {error.diag.message_primary}")
        else:
            break
    return tuple(refusals)


def warnings(results: Sequence[PreparedResult]) -> tuple[str, ...]:
    """Warnings for code that prepares such statements: a line for each that was seen to fail."""
    return tuple(result.words for result in results if not result.needed and not result.still_works)
