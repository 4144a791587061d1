"""A row as the old backend writes it, without a request: what was prepared before, and what makes a step stale."""

import uuid
from typing import Any, Final

import psycopg

from harness import plan
from harness.backend.rollout_builds import rollout_build
from harness.backend.usage import Usage, accounting_statement
from harness.stages.stack import Stack

_VALUES: Final[dict[str, object]] = dict.fromkeys(Usage.__slots__) | {
    "user_id": f"{plan.ANONYMOUS_PREFIX}203.0.113.1",
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


def old_values() -> dict[str, object]:
    """Values of the accounting statement, for a pair of rows of its own."""
    return _VALUES | {"usage_id": uuid.uuid4(), "value": None}


async def write_as_before(stack: Stack, connection: psycopg.AsyncConnection[Any]) -> None:
    """Accounts for one request as the `before` build does."""
    build = rollout_build(stack.rollout, stack.builds.before)
    await connection.execute(accounting_statement(build), old_values())
