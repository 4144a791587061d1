"""Statements that a connection had prepared before the column was added: which of them go on, and which fail for good.

A connection pool outlives a migration, and drivers prepare what they execute often (psycopg from the sixth time on).
Adding a column changes the result of `SELECT *`, which PostgreSQL refuses to a prepared statement on every try
(PostgreSQL, PREPARE; "cached plan must not change result type"). Knows what is done, not what is right.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.backend.builds import BEFORE, Build
from harness.backend.defects import find_build
from harness.backend.usage import TRIES, Usage, accounting_statement
from harness.database.schema_state import SchemaState
from harness.stages.model import Step
from harness.stages.stage import Stack

EXECUTIONS: Final = 6
"""Executions after which psycopg has prepared a statement (its prepare_threshold is 5)."""

ARCHIVE: Final = "harness_archive"
_TABLE: Final = sql.Identifier(plan.METADATA_TABLE)
_VALUES: Final[dict[str, object]] = dict.fromkeys(Usage.__slots__) | {
    "kilo_user_id": f"{plan.ANONYMOUS_PREFIX}203.0.113.1",
    "message_id": "prepared",
    "requested_model": "test/model:free",
    "status_code": 200,
    "streamed": False,
    "has_error": False,
    "input_tokens": 1,
    "output_tokens": 1,
    "cost": 0,
    "latency": 0.5,
    "has_tools": False,
    "system_prompt_length": 0,
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One statement of the kind that code around the table may have prepared."""

    words: str
    statement: sql.Composed
    needed: bool
    """Whether the rollout rests on it; else it is told to whoever has such code."""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Survival:
    """How a statement fared that was prepared, and executed again after the column had been added."""

    shape: Shape
    prepared: bool
    """Whether it was a prepared statement of the session when the column was added."""
    refusals: tuple[str, ...]
    """SQLSTATE and message of each try that failed; as many tries as the backend has."""

    @property
    def goes_on(self) -> bool:
        """Whether the first try was accepted."""
        return not self.refusals

    @property
    def words(self) -> str:
        """One line about it."""
        if self.goes_on:
            return f"{self.shape.words} goes on after the column is added"
        told = f"{self.shape.words} fails after the column is added, {len(self.refusals)} tries of {TRIES}:"
        return f"{told} {self.refusals[0]}; {self.shape.remedy}".rstrip("; ")


def shapes(before: Build = BEFORE) -> tuple[Shape, ...]:
    """The statements that are tried: those of the build that was there, and three that are often met."""
    copy = sql.SQL("INSERT INTO {} SELECT * FROM {} LIMIT 1").format(sql.Identifier(ARCHIVE), _TABLE)
    insert = sql.SQL("INSERT INTO {} (id, created_at, message_id) VALUES ({}, now(), '') RETURNING *").format(
        _TABLE, sql.Placeholder("usage_id")
    )
    return (
        Shape("the accounting INSERT of the old backend", accounting_statement(before), needed=True),
        Shape(
            "a SELECT on the view",
            sql.SQL("SELECT * FROM {} LIMIT 1").format(sql.Identifier(plan.VIEW)),
            needed=True,
        ),
        Shape(
            f"a prepared SELECT * on {plan.METADATA_TABLE}",
            sql.SQL("SELECT * FROM {} LIMIT 1").format(_TABLE),
            needed=False,
            remedy="name the columns, or open new connections after the migration",
        ),
        Shape(
            f"a prepared INSERT ... RETURNING * on {plan.METADATA_TABLE}",
            insert,
            needed=False,
            remedy="name the columns that are returned",
        ),
        Shape(
            f"a copy of {plan.METADATA_TABLE} by SELECT * into another table",
            copy,
            needed=False,
            remedy="name the columns, or add the column to the copy's table first",
        ),
    )


async def survivals(stack: Stack) -> tuple[Survival, ...]:
    """Prepares every shape in one session, adds the column in another, and executes them again."""
    tried = shapes(find_build(stack.cast.before))
    async with (
        stack.schema.database(stack.templates, SchemaState.BASE) as dsn,
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as session,
    ):
        create = sql.SQL("CREATE TABLE {} (LIKE {})").format(sql.Identifier(ARCHIVE), _TABLE)
        await session.execute(create)
        hot = [await _prepare(session, shape) for shape in tried]
        await stack.schema.take(dsn, Step.ADD_COLUMN)
        return tuple(
            [
                Survival(shape, prepared, await _try(session, shape))
                for shape, prepared in zip(tried, hot, strict=True)
            ]
        )


async def _prepare(session: psycopg.AsyncConnection[Any], shape: Shape) -> bool:
    """Executes it until the driver has prepared it; false when the session then has no more than before."""
    before = await _count(session)
    for _ in range(EXECUTIONS):
        await session.execute(shape.statement, _values())
    return await _count(session) > before


async def _count(session: psycopg.AsyncConnection[Any]) -> int:
    query = "SELECT count(*) FROM pg_prepared_statements"
    found = await (await session.execute(query, prepare=False)).fetchone()
    assert found is not None
    return int(found[0])


async def _try(session: psycopg.AsyncConnection[Any], shape: Shape) -> tuple[str, ...]:
    refusals: list[str] = []
    for _ in range(TRIES):
        try:
            await session.execute(shape.statement, _values())
        except psycopg.Error as error:
            refusals.append(f"{error.sqlstate} {error.diag.message_primary}")
        else:
            break
    return tuple(refusals)


def _values() -> dict[str, object]:
    return _VALUES | {"usage_id": uuid.uuid4(), "value": None}


def warnings(found: Sequence[Survival]) -> tuple[str, ...]:
    """What whoever has such code must be told: only what was seen to fail."""
    return tuple(one.words for one in found if not one.shape.needed and not one.goes_on)
