"""Runs each failure scenario under live writers, then the recovery twice, and counts the rows that are kept."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Final

import psycopg

from harness.database.schema_state import SchemaState, SchemaStatus
from harness.database.scripts import StatementFailed
from harness.database.server import Server
from harness.database.templates import Templates
from harness.errors import UnavailableError, UsageError
from harness.rehearsal.accounting import ACCOUNTING, kept
from harness.rehearsal.concurrent_build import PLAN_BUILD, ConcurrentBuild
from harness.rehearsal.deadline import deadline
from harness.rehearsal.failures import scenarios_of
from harness.rehearsal.measurements import Rate
from harness.rehearsal.recovery import recover
from harness.rehearsal.scenario import FailureScenario, Note, ScenarioError, ScenarioResult
from harness.rehearsal.server_crash import crashing_server
from harness.rehearsal.traffic import traffic
from harness.rehearsal.workload import Workload

TRICKLE: Final = Rate(writers=2, writes_per_s=50.0, readers=1, reads_per_s=10.0)
SCENARIO_S_MAX: Final = 60.0
"""A scenario takes less than a second; one that stands still would stand for ever."""


@dataclass(frozen=True, slots=True)
class ScenarioSetting:
    """On what scenarios run: a build, databases that stand before it, and the writers beside it."""

    build: ConcurrentBuild
    database: Callable[[Server], AbstractContextManager[str]]
    """A database of one's own on a server, the build not done."""
    workload: Callable[[str], Workload]
    """What is sent to a database, by its DSN."""
    kept: Callable[[str, str], int]
    """How many of the writes are there whose names begin so, in the database of a DSN."""


@contextmanager
def _plan_database(server: Server) -> Iterator[str]:
    with Templates(server) as templates, templates.database(SchemaState.COLUMN) as dsn:
        yield dsn


PLAN_SETTING: Final = ScenarioSetting(PLAN_BUILD, _plan_database, lambda _: ACCOUNTING, kept)
"""Of the default rollout: the reference's own traffic."""


def run_scenarios(
    templates: Templates, server: Server, on_progress: Callable[[str], object] = lambda _: None
) -> tuple[ScenarioResult, ...]:
    """Runs every scenario of the default rollout, each on a database of its own."""

    @contextmanager
    def database(of: Server) -> Iterator[str]:
        with templates.database(SchemaState.COLUMN) if of is server else _plan_database(of) as dsn:
            yield dsn

    return run_scenarios_on(replace(PLAN_SETTING, database=database), server, on_progress)


def run_scenarios_on(
    setting: ScenarioSetting, server: Server, on_progress: Callable[[str], object] = lambda _: None
) -> tuple[ScenarioResult, ...]:
    """Runs every scenario, each on a database of its own; the crash on an embedded server of the same version."""
    results = []
    for scenario in scenarios_of(setting.build):
        on_progress(scenario.name)
        with setting.database(server) as dsn:
            results.append(run_scenario(dsn, scenario, setting))
    on_progress("crash of the server")
    return (*results, _crash_or_skip(server, setting))


def run_scenario(
    dsn: str, scenario: FailureScenario, setting: ScenarioSetting = PLAN_SETTING
) -> ScenarioResult:
    """Runs one scenario in a database in state `column`, with writers running to the end of the second recovery."""
    notes: list[str] = []
    final_states: list[SchemaStatus] = []
    problem = ""
    workload = setting.workload(dsn)
    with deadline(dsn, SCENARIO_S_MAX), traffic(dsn, TRICKLE, workload) as running:
        running.pass_by(2)
        try:
            asyncio.run(scenario.run(dsn, notes.append))
            for _ in range(2):
                final_states.append(recover(dsn, notes.append, setting.build))
        except (ScenarioError, StatementFailed, psycopg.Error) as error:
            problem = str(error).strip().partition("\n")[0]
        running.pass_by(2)
    accepted = running.accepted()
    errors = {sample.sqlstate for sample in running.samples() if sample.sqlstate is not None}
    rows = setting.kept(dsn, running.prefix)
    problem = problem or _problem(final_states, errors - scenario.errors, accepted, rows)
    return ScenarioResult(
        scenario, tuple(notes), tuple(final_states), accepted, rows, tuple(sorted(errors)), problem
    )


def run_crash(major: int, setting: ScenarioSetting = PLAN_SETTING) -> ScenarioResult:
    """Runs the crash on a server of its own, of that major version."""
    with (
        crashing_server(major, setting.build) as (server, scenario),
        setting.database(server) as dsn,
    ):
        return run_scenario(dsn, scenario, setting)


def _crash_or_skip(server: Server, setting: ScenarioSetting) -> ScenarioResult:
    try:
        return run_crash(int(server.version.split(".")[0]), setting)
    except (UnavailableError, UsageError) as error:
        missing = FailureScenario("crash of the server", "in mid-build", "", _nothing)
        return ScenarioResult(missing, (), (), 0, 0, (), skipped=str(error))


async def _nothing(_dsn: str, _note: Note) -> None:
    return


def _problem(final_states: list[SchemaStatus], errors: set[str], accepted: int, kept: int) -> str:
    if final_states != [SchemaState.READY, SchemaState.READY]:
        return f"the recovery, run twice, ended in {' and '.join(final_states)}, not in {SchemaState.READY}"
    if errors:
        return f"writers saw {', '.join(sorted(errors))}, which the scenario does not account for"
    if kept < accepted:
        return f"{accepted} writes were accepted, and only {kept} have both rows"
    return ""
