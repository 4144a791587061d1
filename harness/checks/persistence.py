"""Judges what becomes of the stored id: scenarios of an installation under Node, as planned and patched. Pure.

A sentence that the plan's code fails is judged on both: the patched code must keep it, the plan's is the audit's.
"""

from collections.abc import Sequence, Set
from typing import Final

from harness import plan
from harness.checks.registry import Detail, Observed, Outcomes, check, run_check
from harness.clients.extension_code import WindowOutcome, WindowResult
from harness.clients.extension_evidence import ScenarioRun
from harness.clients.persistence import ABSENT, FAULTS, FOUND, KEEPING, SCENARIOS, Scenario
from harness.report.escape import shown
from harness.rule.cases import HEADER_BLOCK_MAX
from harness.rule.policy import Policy, policies_of
from harness.verdict import Finding, Results

KEPT: Final = "E2"
GOES_OUT: Final = "E3"
VALID: Final = "E4"
GOES_OUT_PLANNED: Final = "E9"
VALID_PLANNED: Final = "E10"

WORKAROUNDS: Final = {claim.id: workaround for claim, _, workaround in plan.EXTENSION_AUDIT}


def judge_persistence(
    results: Results, planned_runs: Sequence[ScenarioRun], patched_runs: Sequence[ScenarioRun]
) -> None:
    """Judges E2 to E4 and the audit's E9 and E10 over every scenario."""
    for run in (*_of(planned_runs, KEEPING), *_of(patched_runs, KEEPING)):
        run_check(results, id_is_kept, run)
    for run in patched_runs:
        run_check(results, requests_go_out, GOES_OUT, run)
        run_check(results, ids_are_valid, VALID, run)
    for run in _of(planned_runs, (*KEEPING, *FAULTS)):
        run_check(results, requests_go_out, GOES_OUT_PLANNED, run)
    for run in _of(planned_runs, FOUND):
        run_check(results, ids_are_valid, VALID_PLANNED, run)
    run_check(results, scenarios_are_counted, patched_runs)


@check(GOES_OUT, KEPT, VALID)
def scenarios_are_counted(runs: Sequence[ScenarioRun]) -> Outcomes:
    """How much E2 to E4 rest on."""
    longest = max(window.waited_ms for run in runs for window in run.requests)
    yield Detail(GOES_OUT, f"{len(SCENARIOS)} scenarios, the longest wait for the id {longest:g} ms")
    yield Detail(
        KEPT,
        f"{len(KEEPING)} scenarios, as planned and patched; a lost write with a changed machineId is not kept",
    )
    yield Detail(VALID, f"{len(FOUND)} values found in the storage")


@check(KEPT)
def id_is_kept(run: ScenarioRun) -> Outcomes:
    """E2 on one run: one id, derived only where none is stored, and stored before the request."""
    yield Observed(KEPT)
    sent = {window.header for window in run.requests}
    if len(sent) != 1 or None in sent:
        yield _finding(KEPT, run, f"sent {_listed(sent)}, expected one id throughout")
    stored = run.scenario.found is not ABSENT
    for windows in run.restarts:
        for window in windows:
            if window.notes.count("derive") != (not stored):
                yield _finding(KEPT, run, f"derived {window.notes.count('derive')} times in one window")
            if "stored" in window.notes and window.notes.index("stored") > _request(window):
                yield _finding(KEPT, run, "the request went out before the id was stored")
        stored = stored or any("stored" in window.notes for window in windows)


@check(GOES_OUT, GOES_OUT_PLANNED)
def requests_go_out(claim: str, run: ScenarioRun) -> Outcomes:
    """E3 or E9: each window's request goes out, and is not too long for an HTTP server to read."""
    yield Observed(claim, len(run.requests))
    for effect in dict.fromkeys(map(obstacle, run.requests)):
        if effect:
            yield _finding(claim, run, effect)


@check(VALID, VALID_PLANNED)
def ids_are_valid(claim: str, run: ScenarioRun) -> Outcomes:
    """E4 or E10: each window sends an id that the rule accepts as it is, or none, and that it does send.

    An id is what is derived from a machine, or a string that was found in the storage.
    """
    machines = {start.device_id for starts in run.scenario.restarts for start in starts}
    ids = {run.code.client.derived_id(device_id) for device_id in machines}
    if isinstance(run.scenario.found, str):
        ids.add(run.scenario.found)
    yield Observed(claim, len(run.requests))
    rules = policies_of(run.code.client.rollout)
    for effect in dict.fromkeys(_invalidity(window, ids, rules) for window in run.requests):
        if effect:
            yield _finding(claim, run, effect)


def obstacle(window: WindowResult) -> str:
    """Why a window's request does not reach the backend; empty when it does."""
    if window.outcome is WindowOutcome.REJECTED:
        return f"no request goes out: the id's function rejects ({shown(window.error, 160)})"
    if window.outcome is WindowOutcome.WAITING:
        return "no request goes out: the id's function never settles, and nothing is due any more"
    if window.outcome is WindowOutcome.UNSENDABLE:
        return f"no request goes out: Node refuses the header's value ({shown(window.error, 160)})"
    if window.header is not None and len(window.header) >= HEADER_BLOCK_MAX:
        return f"the request is refused with 431: a value of {len(window.header)} characters"
    return ""


def _invalidity(window: WindowResult, ids: Set[str], rules: Sequence[Policy]) -> str:
    if window.header is None or obstacle(window):
        return obstacle(window)
    value = shown(window.header.encode("latin-1"))
    if any(policy.accepted(window.header) != window.header for policy in rules):
        return f"sent {value}, which the header rule does not accept"
    return (
        ""
        if window.header in ids
        else f"sent {value}, which is no id: neither derived nor stored as a string"
    )


def _of(runs: Sequence[ScenarioRun], scenarios: Sequence[Scenario]) -> list[ScenarioRun]:
    return [run for run in runs if run.scenario in scenarios]


def _request(window: WindowResult) -> int:
    return window.notes.index("request") if "request" in window.notes else len(window.notes)


def _listed(values: set[str | None]) -> str:
    return (
        " and ".join(sorted("no id" if value is None else shown(value.encode("latin-1")) for value in values))
        or "nothing"
    )


def _finding(claim: str, run: ScenarioRun, effect: str) -> Finding:
    return Finding(
        claim,
        f"the extension's code, {run.code.name}: {run.scenario.name}",
        effect,
        workaround=WORKAROUNDS.get(claim, ""),
    )
