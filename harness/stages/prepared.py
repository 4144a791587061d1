"""Statements that a connection had prepared before the column was added: which still work, and which fail for good.

A connection pool outlives a migration, and drivers prepare what they execute often (psycopg from the sixth time on).
Adding a column changes the result of `SELECT *`, which PostgreSQL refuses to a prepared statement on every try
(PostgreSQL, PREPARE; "cached plan must not change result type"). What is right is judged in `checks`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.backend.builds import BEFORE, Build
from harness.backend.rollout_builds import rollout_build
from harness.backend.usage import TRIES, accounting_statement
from harness.stages.environment import Stack
from harness.stages.model import after
from harness.stages.old_write import old_values
from harness.stages.prepared_result import PreparedResult
from harness.stages.steps import StepAction

EXECUTIONS: Final = 6
"""Executions after which psycopg has prepared a statement (its prepare_threshold is 5)."""

ARCHIVE: Final = "harness_archive"
_TABLE: Final = sql.Identifier(plan.METADATA_TABLE)


@dataclass(frozen=True, slots=True)
class PreparedStatement:
    """One statement of the kind that code around the table may have prepared."""

    words: str
    statement: sql.Composed
    needed: bool
    """Whether the rollout depends on it; the others are warnings only."""
    remedy: str = ""


def statements(before: Build = BEFORE) -> tuple[PreparedStatement, ...]:
    """The statements that are tried: the old build's, and three that are common."""
    copy = sql.SQL("INSERT INTO {} SELECT * FROM {} LIMIT 1").format(sql.Identifier(ARCHIVE), _TABLE)
    insert = sql.SQL("INSERT INTO {} (id, created_at, message_id) VALUES ({}, now(), '') RETURNING *").format(
        _TABLE, sql.Placeholder("usage_id")
    )
    return (
        PreparedStatement(
            "the accounting INSERT of the old backend", accounting_statement(before), needed=True
        ),
        PreparedStatement(
            "a SELECT on the view",
            sql.SQL("SELECT * FROM {} LIMIT 1").format(sql.Identifier(plan.VIEW)),
            needed=True,
        ),
        PreparedStatement(
            f"a prepared SELECT * on {plan.METADATA_TABLE}",
            sql.SQL("SELECT * FROM {} LIMIT 1").format(_TABLE),
            needed=False,
            remedy="name the columns, or open new connections after the migration",
        ),
        PreparedStatement(
            f"a prepared INSERT ... RETURNING * on {plan.METADATA_TABLE}",
            insert,
            needed=False,
            remedy="name the columns that are returned",
        ),
        PreparedStatement(
            f"a copy of {plan.METADATA_TABLE} by SELECT * into another table",
            copy,
            needed=False,
            remedy="name the columns, or add the column to the copy's table first",
        ),
    )


async def prepared_results(stack: Stack) -> tuple[PreparedResult, ...]:
    """Prepares every statement in one session, adds the column in another, and executes them again."""
    tried = statements(rollout_build(stack.rollout, stack.builds.before))
    async with (
        stack.schema.database(stack.templates, stack.model.start) as dsn,
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as session,
    ):
        create = sql.SQL("CREATE TABLE {} (LIKE {})").format(sql.Identifier(ARCHIVE), _TABLE)
        await session.execute(create)
        is_prepared = [await _prepare(session, statement) for statement in tried]
        stage = stack.model.start
        for step in stack.model.steps:
            if step.action is StepAction.DO and step in stage.moves:
                await stack.schema.take(stack.templates, dsn, stage, step)
                stage = after(stage, step)
        return tuple(
            [
                PreparedResult(
                    statement.words,
                    needed=statement.needed,
                    prepared=prepared,
                    refusals=await _try(session, statement),
                    tries=TRIES,
                    remedy=statement.remedy,
                )
                for statement, prepared in zip(tried, is_prepared, strict=True)
            ]
        )


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
