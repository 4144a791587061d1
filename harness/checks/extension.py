"""Judges the extension's half of the plan under Node: the id, what is stored of it, the header. Knows no server."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from json import loads
from typing import Any, Final

from harness import plan
from harness.checks.persistence import WORKAROUNDS, judge_persistence
from harness.clients.extension import derived_id
from harness.clients.extension_host import (
    ExtensionCode,
    ExtensionHost,
    Headers,
    WindowOutcome,
    WindowStart,
    before,
    extension_host,
    patched,
    planned,
)
from harness.clients.machines import collision_odds, fleet, machine_ids
from harness.clients.persistence import MACHINE
from harness.data import fixture_path
from harness.errors import UnavailableError
from harness.report.escape import shown
from harness.rule.policy import POLICIES
from harness.verdict import Finding, Method, Results

DERIVED: Final = "E1"
PROVIDER: Final = "E5"
OWN: Final = "E7"
OWN_PLANNED: Final = "E11"
TELEMETRY_PLANNED: Final = "E12"
JUDGED_HERE: Final = ("E1", "E2", "E3", "E4", "E5", "E7", "E9", "E10", "E11", "E12")
"""Claims that Node alone can judge."""

ORDINARY: Final = 250
SHARED: Final = 25
"""A fleet: installations with a machine id of their own, and installations of each shared one."""
INSTALLATIONS: Final = (1_000_000, 10_000_000, 100_000_000)
"""Fleets for which the odds of a collision are told."""

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


def judge_extension(
    results: Results,
    *,
    machine_ids: int,
    seed: int,
    as_planned: ExtensionCode | None = None,
    with_workarounds: ExtensionCode | None = None,
) -> None:
    """Judges E1 to E5, E7 and the audit's E9 to E12; all of them are unknown where Node cannot run.

    `machine_ids` is how many are derived from beyond the known answers; `seed` draws them. Another code than the
    plan's and the patched one can stand in for either.
    """
    as_planned = as_planned or planned()
    with_workarounds = with_workarounds or patched()
    try:
        with extension_host() as host:
            judge_derivation(results, host, as_planned, count=machine_ids, seed=seed)
            judge_provider(results, host, as_planned)
            judge_persistence(results, host, as_planned, with_workarounds)
            judge_own_id(results, host, as_planned, seed=seed, claim=OWN_PLANNED)
            judge_own_id(results, host, with_workarounds, seed=seed, claim=OWN)
            judge_telemetry(results, host, as_planned, TELEMETRY_PLANNED)
            judge_telemetry(results, host, with_workarounds, OWN)
    except UnavailableError as error:
        for claim in JUDGED_HERE:
            results.inconclusive(claim, str(error))


def known_answers() -> list[tuple[str, str]]:
    """Machine ids with the id derived from each, computed by neither Node nor Python's model."""
    text = fixture_path("extension/known_answers.json").read_text(encoding="utf-8")
    return [(vector["machineId"], vector["id"]) for vector in loads(text)]


def judge_derivation(
    results: Results, host: ExtensionHost, code: ExtensionCode, *, count: int, seed: int
) -> None:
    """Judges E1: Node, Python and the known answers agree, and every policy stores the id as it is."""
    answers = known_answers()
    drawn = machine_ids(count, seed)
    machines = [machine_id for machine_id, _ in answers] + drawn
    expected = [derived for _, derived in answers] + [derived_id(machine_id) for machine_id in drawn]
    for machine_id, wanted, derived in zip(machines, expected, host.derive(code, machines), strict=True):
        results.observed(DERIVED)
        condition = f"Node {host.node.version}, machineId {shown(machine_id)}"
        if derived != wanted or derived_id(machine_id) != wanted:
            effect = f"Node derives {derived}, Python {derived_id(machine_id)}, expected {wanted}"
            results.refute(Finding(DERIVED, condition, effect))
        elif any(policy.accepted(wanted) != wanted for policy in POLICIES.values()):
            results.refute(Finding(DERIVED, condition, f"a header rule does not accept {shown(wanted)}"))
    results.detail(
        DERIVED, f"Node {host.node.version}, {len(answers)} known answers, {len(drawn)} machineIds drawn"
    )


def judge_provider(results: Results, host: ExtensionHost, code: ExtensionCode) -> None:
    """Judges E5 over every combination of what is known of a request and of the option."""
    results.method(PROVIDER, Method.EXHAUSTIVE)
    calls = provider_calls()
    old = host.headers(before(), calls)
    new = host.headers(code, calls)
    for call, was, now in zip(calls, old, new, strict=True):
        results.observed(PROVIDER)
        distinct_id = call["options"].get("posthogDistinctId")
        expected = dict(was or {}) | ({plan.HEADER: distinct_id} if distinct_id else {})
        if dict(now or {}) != expected:
            results.refute(Finding(PROVIDER, f"provider called with {call}", _difference(now, expected)))
    results.detail(PROVIDER, f"{len(calls)} combinations of organisation, project, mode, task and option")


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


def judge_own_id(
    results: Results, host: ExtensionHost, code: ExtensionCode, *, seed: int, claim: str
) -> None:
    """Judges E7 or E11 over a fleet: no two installations send the same id."""
    machines = fleet(seed, ordinary=ORDINARY, shared=SHARED)
    derived = host.derive(code, machines)
    results.observed(claim, len(machines))
    senders = Counter(one for one in derived if one is not None)
    examples = dict(zip(derived, machines, strict=True))
    for one, count in senders.items():
        if count > 1:
            condition = f"{len(machines)} installations, {count} with machineId {shown(examples[one])}"
            effect = f"all {count} of these send {one}"
            results.refute(Finding(claim, condition, effect, workaround=WORKAROUNDS.get(claim, "")))
    silent = derived.count(None)
    results.detail(claim, f"{len(machines)} installations: {len(senders)} ids, {silent} send none")
    odds = ", ".join(f"{n:,} {collision_odds(n):.1g}" for n in INSTALLATIONS)
    results.detail(
        claim, f"machines of their own: odds of any collision at most (installations, odds) {odds}"
    )


def judge_telemetry(results: Results, host: ExtensionHost, code: ExtensionCode, claim: str) -> None:
    """Judges E12, or E7's half of it: telemetry switched off, nothing stored and an id stored before."""
    off = WindowStart(MACHINE, telemetry=False)
    for words, restarts in (
        ("telemetry off from the first start", ((off,),)),
        ("telemetry switched off after a start", ((WindowStart(MACHINE),), (off,))),
    ):
        window = host.run_scenario(code, restarts).restarts[-1][0]
        results.observed(claim)
        if window.outcome is not WindowOutcome.SENT or window.header is not None:
            effect = f"the request is {window.outcome} with the header {window.header}, expected none"
            results.refute(Finding(claim, words, effect, workaround=WORKAROUNDS.get(claim, "")))


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _difference(now: Headers, expected: Mapping[str, str]) -> str:
    names: Sequence[str] = sorted({*(now or {}), *expected})
    changed = [name for name in names if (now or {}).get(name) != expected.get(name)]
    return "; ".join(
        f"{name}: {(now or {}).get(name)!r}, expected {expected.get(name)!r}" for name in changed
    )
