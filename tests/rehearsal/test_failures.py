"""Every failure scenario under live writers, on the server of this run and on Postgres 18, and the recovery from it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from harness.data import sql_text
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script
from harness.database.server import Server, running_server
from harness.database.templates import Templates
from harness.errors import UnavailableError
from harness.polling import apoll_until
from harness.rehearsal import failure_runs
from harness.rehearsal.build_phase import BuildPhase
from harness.rehearsal.concurrent_build import PLAN_BUILD
from harness.rehearsal.deadline import deadline
from harness.rehearsal.failure_runs import PLAN_SETTING, run_crash, run_scenario
from harness.rehearsal.failures import scenarios_of
from harness.rehearsal.frozen_build import WAIT_S_MAX, FrozenBuild
from harness.rehearsal.recovery import current_state, recover, send
from harness.rehearsal.scenario import FailureScenario, Note, ScenarioResult
from harness.rehearsal.statements import DROP_INDEX
from tests.fix_database import migrate

READY = SchemaState.READY
FAILURE_SCENARIOS = scenarios_of(PLAN_BUILD)

SEEN = {  # what must be among the notes of each scenario, in this order
    "interrupted build": ["state invalid", "drop_invalid_index.sql passed"],
    "IF NOT EXISTS": ["the retry with IF NOT EXISTS reports success", "state invalid", "passed"],
    "lock_timeout": ["55P03", "state invalid", "waits for the snapshot"],
    "two migrators": ["a second harness migrate stops", "state ready", "40P01", "state invalid", "passed"],
    "drop during a build": [
        "40P01",
        "state column",
        "55006",
        "the build that was left alone came to its end",
    ],
}


@pytest.fixture(scope="module", params=["the server of this run", "embedded:18"])
def templates_of(request: pytest.FixtureRequest, server: Server) -> Iterator[Templates]:
    with ExitStack() as stack:
        chosen = stack.enter_context(running_server(request.param)) if ":" in request.param else server
        yield stack.enter_context(Templates(chosen))


def scenario_of(name: str) -> FailureScenario:
    return next(scenario for scenario in FAILURE_SCENARIOS if scenario.name == name)


def appear_in_order(wanted: list[str], notes: tuple[str, ...]) -> bool:
    rest = iter(notes)
    return all(any(words in note for note in rest) for words in wanted)


def assert_recovered(found: ScenarioResult) -> None:
    assert found.problem == ""
    assert found.final_states == (READY, READY)
    assert found.kept >= found.accepted >= 4
    assert set(found.errors) <= found.scenario.errors


@pytest.mark.catalogue
@pytest.mark.parametrize("name", [scenario.name for scenario in FAILURE_SCENARIOS])
def test_recovery_leads_out_of_each_scenario_twice(templates_of: Templates, name: str) -> None:
    with templates_of.database(SchemaState.COLUMN) as dsn:
        found = run_scenario(dsn, scenario_of(name))
    assert_recovered(found)
    assert appear_in_order([*SEEN[name], "refused: 55000 the index is valid"], found.notes), found.notes


@pytest.mark.parametrize("major", [16, 18])
def test_crash_keeps_what_was_committed_and_is_recovered_from(major: int) -> None:
    found = run_crash(major)
    assert_recovered(found)
    assert found.errors
    assert appear_in_order(
        ["postmaster killed", "state invalid", "0005b_build_index.sql passed"], found.notes
    )


async def _nothing(_dsn: str, _note: Note) -> None:
    return


async def _break_writers(dsn: str, _note: Note) -> None:
    with connect(dsn) as connection:
        connection.execute("ALTER TABLE microdollar_usage RENAME TO gone")


def test_unexpected_error_of_a_writer_is_a_problem(column_dsn: str) -> None:
    scenario = replace(FAILURE_SCENARIOS[0], run=_break_writers)
    with pytest.raises(Exception, match="microdollar_usage"):  # the rows cannot even be counted
        run_scenario(column_dsn, scenario)


def test_scenario_that_does_not_go_wrong_is_a_problem(ready_dsn: str) -> None:
    found = run_scenario(ready_dsn, scenario_of("drop during a build"))
    assert found.problem
    assert "already exists" in found.problem


def test_recovery_that_ends_elsewhere_is_a_problem(column_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.rehearsal.failure_runs.recover", lambda dsn, _note, _of: current_state(dsn))
    found = run_scenario(column_dsn, replace(FAILURE_SCENARIOS[0], run=_nothing))
    assert found.problem == "the recovery, run twice, ended in column and column, not in ready"


def test_lost_accepted_write_is_a_problem(column_dsn: str) -> None:
    setting = replace(PLAN_SETTING, kept=lambda *_: 1)
    found = run_scenario(column_dsn, scenario_of("interrupted build"), setting)
    assert found.problem.endswith("writes were accepted, and only 1 have both rows")


def test_recovery_leaves_a_valid_index_alone(ready_dsn: str) -> None:
    def index() -> object:
        with connect(ready_dsn) as connection:
            return connection.execute(
                "SELECT oid, relfilenode FROM pg_class WHERE relname LIKE 'idx%posthog%'"
            ).fetchone()

    before = index()
    assert recover(ready_dsn) is READY
    assert index() == before


@pytest.mark.parametrize(
    "wait", [BuildPhase.BEFORE_BUILD, BuildPhase.BEFORE_VALIDATION, BuildPhase.OLD_SNAPSHOTS]
)
async def test_recovery_changes_nothing_while_a_build_waits(column_dsn: str, wait: BuildPhase) -> None:
    notes: list[str] = []
    async with FrozenBuild(column_dsn, wait) as build:
        with deadline(column_dsn, 10):
            assert recover(column_dsn, notes.append) is SchemaState.BUILDING
        await build.finish()
    assert "refused: 55006 an index build may be going on" in notes[0]
    assert current_state(column_dsn) is READY


async def test_look_tells_the_build_and_whom_it_waits_for(column_dsn: str) -> None:
    look = sql_text("recovery/look.sql").encode()
    with connect(column_dsn) as connection:
        assert connection.execute(look).fetchall() == []
        async with FrozenBuild(column_dsn, BuildPhase.OLD_SNAPSHOTS) as build:
            index, building = connection.execute(look).fetchall()
            assert index == ("index", None, "invalid", None)
            assert building[:3] == ("build", build.pid, "waiting for old snapshots")
            assert len(building[3]) == 1
            await build.finish()
        assert connection.execute(look).fetchall() == [("index", None, "valid", None)]


@dataclass
class Timer:
    """A `threading.Timer` that runs when told: a real one may run out before the build stands that it is to end."""

    seconds: float
    function: Callable[..., object]
    arguments: tuple[str]
    daemon: bool = False

    def start(self) -> None:
        """Its time does not pass by itself."""

    def cancel(self) -> None:
        """It would not run anyway."""


def test_scenario_that_stands_still_is_ended(column_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[Timer] = []

    def made(*arguments: Any) -> Timer:
        timers.append(Timer(*arguments))
        return timers[-1]

    async def wait_for_ever(dsn: str, note: Note) -> None:
        """A drop that has no look first, under a build that is held."""
        async with FrozenBuild(dsn, BuildPhase.BEFORE_BUILD) as build:
            drop = asyncio.create_task(asyncio.to_thread(send, dsn, Script("drop", DROP_INDEX)))
            assert await apoll_until(partial(drop_waits, dsn), WAIT_S_MAX)
            (timer,) = timers
            assert timer.seconds == failure_runs.SCENARIO_S_MAX
            timer.function(*timer.arguments)
            failure = await build.failure()
            note(str(failure and failure.sqlstate))
            await drop  # ended as well, unless the build's end lets it through before

    async def drop_waits(dsn: str) -> bool:
        query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DROP INDEX%%'"
        with connect(dsn) as connection:
            return connection.execute(query).fetchone() is not None

    monkeypatch.setattr("harness.rehearsal.deadline.threading.Timer", made)
    found = run_scenario(column_dsn, replace(FAILURE_SCENARIOS[0], run=wait_for_ever))
    assert found.notes[0] == "57P01"
    assert found.problem


def test_migrators_truly_at_once_end_ready_after_one_more_run(base_dsn: str) -> None:
    def run(dsn: str) -> None:
        with suppress(UnavailableError):
            migrate(dsn, "ready")

    threads = [threading.Thread(target=partial(run, base_dsn)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if current_state(base_dsn) is SchemaState.INVALID:
        recover(base_dsn)
    assert migrate(base_dsn, "ready").after == "ready"
