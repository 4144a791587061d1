"""Runs the extension's code under Node for each of its claims, and returns what it did. Judges nothing."""

from itertools import product
from json import loads
from typing import Any, Final

from harness.clients.extension import derived_id
from harness.clients.extension_code import ExtensionCode, WindowStart, before
from harness.clients.extension_evidence import BuiltHeaders, Derivation, Fleet, ScenarioRun, TelemetryOff
from harness.clients.extension_host import ExtensionHost
from harness.clients.machines import fleet, machine_ids
from harness.clients.persistence import MACHINE, SCENARIOS, Scenario
from harness.data import fixture_path

ORDINARY: Final = 250
SHARED: Final = 25
"""A fleet: installations with a machine id of their own, and installations of each shared one."""
MODES: Final = (None, "architect")
TASKS: Final = (None, "2f1c6b0e-8d53-4c1a-9b7e-5a40d3f6e812")
ORGANIZATIONS: Final = (None, "7d9f2c34-51be-4a06-8c3d-e9a8b7c6d5f4")
PROJECTS: Final = (None, "backend")
IDS: Final[tuple[dict[str, str | None], ...]] = (
    {},
    {"posthogDistinctId": None},
    {"posthogDistinctId": ""},
    {"posthogDistinctId": derived_id(MACHINE)},
)
"""The option not given, null, empty, and an id."""


def known_answers() -> list[tuple[str, str]]:
    """Machine ids with the id derived from each, computed by neither Node nor Python's model."""
    text = fixture_path("extension/known_answers.json").read_text(encoding="utf-8")
    return [(vector["machineId"], vector["id"]) for vector in loads(text)]


def derive(host: ExtensionHost, code: ExtensionCode, *, count: int, seed: int) -> Derivation:
    """The ids of the known answers' machines, and of so many that are drawn from the seed."""
    answers = known_answers()
    drawn = machine_ids(count, seed)
    machines = [machine_id for machine_id, _ in answers] + drawn
    expected = [derived for _, derived in answers] + [derived_id(machine_id) for machine_id in drawn]
    return Derivation(host.node.version, len(answers), machines, expected, host.derive(code, machines))


def build_headers(host: ExtensionHost, code: ExtensionCode) -> BuiltHeaders:
    """The provider's headers over every combination, of the extension as it is and of this code."""
    calls = provider_calls()
    return BuiltHeaders(calls, host.headers(before(), calls), host.headers(code, calls))


def provider_calls() -> list[dict[str, Any]]:
    """Every combination: options with and without organisation and id, metadata of each kind and none at all."""
    metadata: list[dict[str, str] | None] = [
        _given(mode=mode, taskId=task, projectId=project)
        for mode, task, project in product(MODES, TASKS, PROJECTS)
    ]
    return [
        {"options": {**_given(kilocodeOrganizationId=organization), **identity}}
        | ({} if about is None else {"metadata": about})
        for organization, identity, about in product(ORGANIZATIONS, IDS, (*metadata, None))
    ]


def run_fleet(host: ExtensionHost, code: ExtensionCode, *, seed: int) -> Fleet:
    """Installations with machines of their own, and some that share one."""
    machines = fleet(seed, ordinary=ORDINARY, shared=SHARED)
    return Fleet(machines, host.derive(code, machines))


def switch_telemetry_off(host: ExtensionHost, code: ExtensionCode) -> tuple[TelemetryOff, ...]:
    """Telemetry is off from the first start, and is switched off after one that stored an id."""
    off = WindowStart(MACHINE, telemetry=False)
    conditions = {
        "telemetry off from the first start": ((off,),),
        "telemetry switched off after a start": ((WindowStart(MACHINE),), (off,)),
    }
    return tuple(
        TelemetryOff(condition, host.run_scenario(code, restarts).restarts[-1][0])
        for condition, restarts in conditions.items()
    )


def run_scenario(host: ExtensionHost, code: ExtensionCode, scenario: Scenario) -> ScenarioRun:
    """Runs a scenario on a storage of its own."""
    run = host.run_scenario(code, scenario.restarts, scenario.stored)
    return ScenarioRun(scenario, code, run.restarts, run.stored)


def run_scenarios(host: ExtensionHost, code: ExtensionCode) -> tuple[ScenarioRun, ...]:
    """Every scenario, each on a storage of its own."""
    return tuple(run_scenario(host, code, scenario) for scenario in SCENARIOS)


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
