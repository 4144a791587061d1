"""What looks at somebody's database through a transaction pooler leaves the pooled connection exactly as found."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from harness import plan
from harness.rollout import load_rollout
from harness.rule.cases import HeaderCase, Kind
from harness.run.clean import clean
from harness.run.coverage import coverage
from harness.run.example_judge import example_judge
from harness.run.options.coverage import CoverageOptions
from harness.run.options.fuzz import FuzzedOptions
from harness.run.options.schema import SchemaOptions
from harness.run.replay import replay
from harness.run.reproduction import Reproduction
from harness.run.schema import check_schema
from tests.fix_gate import REFERENCE_MODEL, Judge, of_reference, requests_of
from tests.fix_pgbouncer import Pooled
from tests.fix_stack import StartReplica

LEFT = """
    SELECT pg_backend_pid(),
        (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors),
        (SELECT count(*) FROM pg_listening_channels()), pg_my_temp_schema(),
        (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory')"""

TRIGGER = """
    CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN NEW.posthog_distinct_id := left(NEW.posthog_distinct_id, 9); RETURN NEW; END';
    CREATE TRIGGER cut BEFORE INSERT ON microdollar_usage_metadata FOR EACH ROW EXECUTE FUNCTION cut()"""


def state_of(dsn: str) -> dict[str, object]:
    """Every setting of the one pooled connection, and all else that may stay behind on it."""
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as connection:
        settings = {name: value for name, value, _ in connection.execute("SHOW ALL")}
        left = connection.execute(LEFT).fetchone()
    return settings | {"left": left}


def schema(dsn: str) -> None:
    assert check_schema(SchemaOptions(dsn), lambda _: None) == 1  # the trigger, whose body is tried


def look_at_coverage(dsn: str) -> None:
    coverage(CoverageOptions(dsn), lambda _: None)


@pytest.mark.parametrize("look", [schema, look_at_coverage])
def test_a_look_leaves_a_pooled_connection_as_found(
    ready_dsn: str, pooled: Pooled, look: Callable[[str], None]
) -> None:
    through = pooled(ready_dsn)
    with psycopg.connect(through, prepare_threshold=None) as owner:
        owner.execute(TRIGGER)
    before = state_of(through)
    look(through)
    assert state_of(through) == before
    with psycopg.connect(through) as application:  # the next one to be given that connection
        application.execute("CREATE TABLE written_afterwards ()")


@pytest.mark.parametrize("changes", [{}, {"read_only": True}, {"clean": True}])
async def test_the_gate_leaves_a_pooled_connection_as_found(
    ready_dsn: str, pooled: Pooled, start: StartReplica, run_gate: Judge, changes: dict[str, Any]
) -> None:
    through = pooled(ready_dsn)
    process = await start(ready_dsn)
    before = state_of(through)
    options = replace(of_reference(process, ready_dsn), max_requests=100)
    report = await run_gate(options, database_url=through, **changes)
    assert state_of(through) == before
    if changes:
        return
    journal = Path(requests_of(report).journal)
    assert (await asyncio.to_thread(clean, through, journal, load_rollout())).rows[0][1] > 0
    assert state_of(through) == before


async def test_fuzz_and_replay_leave_a_pooled_connection_as_found(
    ready_dsn: str, pooled: Pooled, start: StartReplica
) -> None:
    through = pooled(ready_dsn)
    origin = (await start(ready_dsn, "insert-unchanged")).origin
    options = FuzzedOptions(origin, through, free_model=REFERENCE_MODEL)
    case = HeaderCase(((plan.HEADER.encode(), b"abc"),), Kind.VALID)
    before = state_of(through)
    async with example_judge(options) as (_, judge):
        assert await judge(((case,),))
    assert state_of(through) == before
    assert not (await asyncio.to_thread(replay, Reproduction(((case,),), policy="strict"), options)).fixed
    assert state_of(through) == before
