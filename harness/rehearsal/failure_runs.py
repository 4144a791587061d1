"""Runs each failure scenario under live writers, then the recovery twice, and counts the rows that are kept."""

import asyncio
from collections.abc import Callable
from typing import Final

import psycopg

from harness.database.schema_state import SchemaState, SchemaStatus
from harness.database.scripts import StatementFailed
from harness.database.server import Server
from harness.database.templates import Templates
from harness.errors import UnavailableError, UsageError
from harness.rehearsal.accounting import kept
from harness.rehearsal.deadline import deadline
from harness.rehearsal.failures import FAILURE_SCENARIOS
from harness.rehearsal.measurements import Rate
from harness.rehearsal.recovery import recover
from harness.rehearsal.scenario import FailureScenario, Note, ScenarioError, ScenarioResult
from harness.rehearsal.server_crash import crashing_server
from harness.rehearsal.traffic import traffic

TRICKLE: Final = Rate(writers=2, writes_per_s=50.0, readers=1, reads_per_s=10.0)
SCENARIO_S_MAX: Final = 60.0
"""A scenario takes less than a second; one that stands still would stand for ever."""


def run_scenarios(
    templates: Templates, server: Server, on_progress: Callable[[str], object] = lambda _: None
) -> tuple[ScenarioResult, ...]:
    """Runs every scenario, each on a database of its own; the crash on an embedded server of the same version."""
    results = []
    for scenario in FAILURE_SCENARIOS:
        on_progress(scenario.name)
        with templates.database(SchemaState.COLUMN) as dsn:
            results.append(run_scenario(dsn, scenario))
    on_progress("crash of the server")
    return (*results, _crash_or_skip(server))


def run_scenario(dsn: str, scenario: FailureScenario) -> ScenarioResult:
    """Runs one scenario in a database in state `column`, with writers running to the end of the second recovery."""
    notes: list[str] = []
    final_states: list[SchemaStatus] = []
    problem = ""
    with deadline(dsn, SCENARIO_S_MAX), traffic(dsn, TRICKLE) as running:
        running.pass_by(2)
        try:
            asyncio.run(scenario.run(dsn, notes.append))
            for _ in range(2):
                final_states.append(recover(dsn, notes.append))
        except (ScenarioError, StatementFailed, psycopg.Error) as error:
            problem = str(error).strip().partition("\n")[0]
        running.pass_by(2)
    accepted = running.accepted()
    errors = {sample.sqlstate for sample in running.samples() if sample.sqlstate is not None}
    rows = kept(dsn, running.prefix)
    problem = problem or _problem(final_states, errors - scenario.errors, accepted, rows)
    return ScenarioResult(
        scenario, tuple(notes), tuple(final_states), accepted, rows, tuple(sorted(errors)), problem
    )


def run_crash(major: int) -> ScenarioResult:
    """Runs the crash on a server of its own, of that major version."""
    with (
        crashing_server(major) as (server, scenario),
        Templates(server) as templates,
        templates.database(SchemaState.COLUMN) as dsn,
    ):
        return run_scenario(dsn, scenario)


def _crash_or_skip(server: Server) -> ScenarioResult:
    try:
        return run_crash(int(server.version.split(".")[0]))
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
