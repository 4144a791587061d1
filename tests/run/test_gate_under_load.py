"""Under load nothing changes: processors that are busy, statements that are slow, clocks that are wrong and step.

The gate's verdict is the same as on an idle machine; waits get longer, and the report says so.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from harness.polling import apoll_until
from harness.report.document import Report
from harness.rule.suite import Level
from harness.run.options.gate import GateOptions
from harness.verdict import Status, Verdict
from tests.fix_faketime import StartWrong, WrongStack
from tests.fix_gate import Judge, requests_of, with_status

BUILDS: dict[str, set[str]] = {
    "after": set(),
    "limit-256": {"V2"},
    "remembers": {"C2", "V2", "V3", "V5", "V8"},
}
"""Builds of the reference, and what the gate refutes of each on an idle machine."""
SLOWLY = """
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN PERFORM pg_sleep(random() * 0.3); RETURN NEW; END$$;
    CREATE TRIGGER slowly BEFORE INSERT ON microdollar_usage FOR EACH ROW EXECUTE FUNCTION slowly();
    CREATE TRIGGER slowly BEFORE INSERT ON microdollar_usage_metadata FOR EACH ROW EXECUTE FUNCTION slowly();
"""
STEP_S_MAX = 60.0
ROWS_BEFORE_STEP = 60
"""So many rows of requests are there when the clocks step."""


def assert_verdict(report: Report, build: str) -> None:
    assert with_status(report, Status.REFUTED) == BUILDS[build]
    assert {one.id: one.detail for one in report.judgements if one.status is Status.UNKNOWN} == {}
    assert report.verdict is (Verdict.NO_GO if BUILDS[build] else Verdict.GO)


@contextmanager
def busy_cores() -> Iterator[None]:
    """A process on each core that does nothing but spin."""
    with ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(spinning.wait)
            stack.callback(spinning.kill)
        yield


@pytest.mark.catalogue(in_default=False)  # two processes that spin
@pytest.mark.parametrize("build", BUILDS)
async def test_busy_processors_change_no_verdict(build: str, judge_build: Judge) -> None:
    with busy_cores():
        assert_verdict(await judge_build(build), build)


@pytest.mark.catalogue
@pytest.mark.parametrize("build", BUILDS)
async def test_slow_statements_change_no_verdict(build: str, judge_build: Judge, ready_dsn: str) -> None:
    with psycopg.connect(ready_dsn) as connection:
        connection.execute(SLOWLY)
    assert_verdict(await judge_build(build), build)


@pytest.mark.catalogue(in_default=False)  # a Postgres, a backend and two clocks
@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(("backend", "database"), [(-1, 1), (1, -1)], ids=["behind", "ahead"])
async def test_clocks_off_and_stepping_change_no_verdict(
    build: str, backend: int, database: int, wrong_clocks: StartWrong, run_gate: Judge
) -> None:
    stack = wrong_clocks(build, backend=backend, database=database)
    step = asyncio.create_task(stepped(stack, backend=-backend, database=-database))
    report = await run_gate(of_stack(stack))
    assert step.done()
    assert 0 < await step < requests_of(report).sent - ROWS_BEFORE_STEP
    assert_verdict(report, build)
    went_back = any("went back by 1" in remark for remark in report.remarks)
    assert went_back is (database == 1)  # two hours back, or forward, of which nothing has to be said


async def stepped(stack: WrongStack, *, backend: int, database: int) -> int:
    """Lets both clocks step once some rows of the run are there; how many there were."""
    async with await psycopg.AsyncConnection.connect(stack.facts["DSN"], autocommit=True) as connection:

        async def rows() -> int:
            cursor = await connection.execute("SELECT count(*) FROM microdollar_usage")
            return int((await cursor.fetchone() or (0,))[0])

        before = await rows()
        new = 0

        async def is_due() -> bool:
            nonlocal new
            new = await rows() - before
            return new >= ROWS_BEFORE_STEP

        await apoll_until(is_due, STEP_S_MAX, pause_s=0.02)
        stack.backend.set(backend)
        stack.database.set(database)
        return new


def of_stack(stack: WrongStack) -> GateOptions:
    """What the gate is told of a stack that `harness serve` has started."""
    url = urlsplit(stack.facts["base URL"])
    return GateOptions(
        f"{url.scheme}://{url.netloc}",
        stack.facts["DSN"],
        stack.facts["free model"],
        stack.facts["token"],
        stack.facts["signed in as"].partition(" ")[0],
        level=Level.SMOKE,
    )
