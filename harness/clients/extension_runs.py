"""Runs the extension's code under Node for each of its claims, and returns what it did. Judges nothing."""

from collections.abc import Mapping
from itertools import compress, product
from typing import Any, Final

from harness.clients.devices import device_ids, fleet
from harness.clients.extension_code import ExtensionCode, WindowStart, before
from harness.clients.extension_evidence import BuiltHeaders, Derivation, Fleet, ScenarioRun, TelemetryOff
from harness.clients.extension_host import ExtensionHost
from harness.clients.id_client import IdClient
from harness.clients.persistence import MACHINE, SCENARIOS, Scenario
from harness.rollout.client_tables import Calls

ORDINARY: Final = 250
SHARED: Final = 25
"""A fleet: installations with a machine id of their own, and installations of each shared one."""


def derive(host: ExtensionHost, code: ExtensionCode, *, count: int, seed: int) -> Derivation:
    """The ids of the known answers' machines, and of so many that are drawn from the seed."""
    client = code.client
    answers = client.known_answers()
    drawn = device_ids(client.derived, count, seed)
    machines = [device_id for device_id, _ in answers] + drawn
    expected = [derived for _, derived in answers] + [client.derived_id(device_id) for device_id in drawn]
    return Derivation(code, host.node.version, len(answers), machines, expected, host.derive(code, machines))


def build_headers(host: ExtensionHost, code: ExtensionCode) -> BuiltHeaders:
    """The provider's headers over every combination, of the extension as it is and of this code."""
    calls = provider_calls(code.client)
    return BuiltHeaders(code, calls, host.headers(before(code.client), calls), host.headers(code, calls))


def provider_calls(client: IdClient) -> list[dict[str, Any]]:
    """Every combination: the option not given, null, empty and an id; each other one, and metadata of each kind."""
    calls: Calls = client.client.calls
    identities: tuple[dict[str, str | None], ...] = (
        {},
        {client.option: None},
        {client.option: ""},
        {client.option: client.derived_id(MACHINE)},
    )
    metadata: list[dict[str, str] | None] = [*_subsets(calls.metadata), None]
    return [
        {"options": {**options, **identity}} | ({} if about is None else {"metadata": about})
        for options, identity, about in product(_subsets(calls.options), identities, metadata)
    ]


def run_fleet(host: ExtensionHost, code: ExtensionCode, *, seed: int) -> Fleet:
    """Installations with machines of their own, and some that share one."""
    machines = fleet(code.client.derived, seed, ordinary=ORDINARY, shared=SHARED)
    return Fleet(code, machines, host.derive(code, machines))


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
    run = host.run_scenario(code, scenario.restarts, scenario.stored(code.client.storage.key))
    return ScenarioRun(scenario, code, run.restarts, run.stored)


def run_scenarios(host: ExtensionHost, code: ExtensionCode) -> tuple[ScenarioRun, ...]:
    """Every scenario, each on a storage of its own."""
    return tuple(run_scenario(host, code, scenario) for scenario in SCENARIOS)


def _subsets(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Each value left out and given, in every combination; the first has none."""
    kept = product((False, True), repeat=len(values))
    return [dict(compress(values.items(), chosen)) for chosen in kept]
