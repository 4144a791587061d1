"""Judges what becomes of the stored id: lives of installations under Node, the plan's code and the mended one.

A sentence that the plan's code fails is judged on both: the mended code must keep it, the plan's is the audit's.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

from harness import plan
from harness.backend.http import HEAD_BYTES_MAX
from harness.clients.extension import derived_id
from harness.clients.extension_host import Ending, ExtensionCode, ExtensionHost, Opened
from harness.clients.persistence import ABSENT, FAULTS, FOUND, LIVES, SCENARIOS, Scenario
from harness.report.escape import shown
from harness.rule.policy import POLICIES
from harness.verdict import Finding, Results

KEPT: Final = "E2"
GOES_OUT: Final = "E3"
VALID: Final = "E4"
GOES_OUT_PLANNED: Final = "E9"
VALID_PLANNED: Final = "E10"

WORKAROUNDS: Final = {claim.id: workaround for claim, _, workaround in plan.EXTENSION_AUDIT}


@dataclass(frozen=True, slots=True)
class Life:
    """A scenario with what came of it under one version of the code."""

    scenario: Scenario
    code: ExtensionCode
    rounds: tuple[tuple[Opened, ...], ...]
    stored: object
    """What the storage holds of the id in the end; None for nothing."""

    @property
    def requests(self) -> list[Opened]:
        """Every window that was there to send a request."""
        return [one for windows in self.rounds for one in windows if one.ending is not Ending.CRASHED]


def live(host: ExtensionHost, code: ExtensionCode, scenario: Scenario) -> Life:
    """Lives a scenario on a storage of its own."""
    lived = host.live(code, scenario.rounds, scenario.stored)
    return Life(scenario, code, lived.rounds, lived.stored)


def judge_persistence(
    results: Results, host: ExtensionHost, as_planned: ExtensionCode, mended: ExtensionCode
) -> None:
    """Judges E2 to E4 and the audit's E9 and E10 over every scenario."""
    planned_lives = [live(host, as_planned, scenario) for scenario in SCENARIOS]
    mended_lives = [live(host, mended, scenario) for scenario in SCENARIOS]
    for life in (*_of(planned_lives, LIVES), *_of(mended_lives, LIVES)):
        judge_kept(results, life)
    for life in mended_lives:
        judge_goes_out(results, GOES_OUT, life)
        judge_valid(results, VALID, life)
    for life in _of(planned_lives, (*LIVES, *FAULTS)):
        judge_goes_out(results, GOES_OUT_PLANNED, life)
    for life in _of(planned_lives, FOUND):
        judge_valid(results, VALID_PLANNED, life)
    longest = max(one.waited_ms for life in mended_lives for one in life.requests)
    results.detail(GOES_OUT, f"{len(SCENARIOS)} scenarios, the longest wait for the id {longest:g} ms")
    results.detail(
        KEPT,
        f"{len(LIVES)} scenarios, as planned and mended; a lost write with a changed machineId is not kept",
    )
    results.detail(VALID, f"{len(FOUND)} values found in the storage")


def judge_kept(results: Results, life: Life) -> None:
    """Judges E2 on one life: one id, derived only where none is stored, and stored before the request."""
    results.observed(KEPT)
    sent = {one.header for one in life.requests}
    if len(sent) != 1 or None in sent:
        results.refute(_finding(KEPT, life, f"sent {_listed(sent)}, expected one id throughout"))
    stored = life.scenario.found is not ABSENT
    for windows in life.rounds:
        for one in windows:
            if one.notes.count("derive") != (not stored):
                results.refute(
                    _finding(KEPT, life, f"derived {one.notes.count('derive')} times in one window")
                )
            if "stored" in one.notes and one.notes.index("stored") > _request(one):
                results.refute(_finding(KEPT, life, "the request went out before the id was stored"))
        stored = stored or any("stored" in one.notes for one in windows)


def judge_goes_out(results: Results, claim: str, life: Life) -> None:
    """Judges that each window's request goes out, and is not too long for an HTTP server to read."""
    results.observed(claim, len(life.requests))
    for effect in dict.fromkeys(map(obstacle, life.requests)):
        if effect:
            results.refute(_finding(claim, life, effect))


def judge_valid(results: Results, claim: str, life: Life) -> None:
    """Judges that each window sends an id that every policy accepts as it is, or none, and that it does send.

    An id is what is derived from a machine, or a string that was found in the storage.
    """
    machines = {start.machine_id for starts in life.scenario.rounds for start in starts}
    ids = {derived_id(machine_id) for machine_id in machines}
    if isinstance(life.scenario.found, str):
        ids.add(life.scenario.found)
    results.observed(claim, len(life.requests))
    for effect in dict.fromkeys(_invalidity(one, ids) for one in life.requests):
        if effect:
            results.refute(_finding(claim, life, effect))


def obstacle(one: Opened) -> str:
    """Why a window's request does not reach the backend, in words; empty when it does."""
    if one.ending is Ending.REJECTED:
        return f"no request goes out: the id's function rejects ({shown(one.error, 160)})"
    if one.ending is Ending.WAITING:
        return "no request goes out: the id's function never settles, and nothing is due any more"
    if one.ending is Ending.UNSENDABLE:
        return f"no request goes out: Node refuses the header's value ({shown(one.error, 160)})"
    if one.header is not None and len(one.header) >= HEAD_BYTES_MAX:
        return f"the request is refused with 431: a value of {len(one.header)} characters"
    return ""


def _invalidity(one: Opened, ids: Set[str]) -> str:
    if one.header is None or obstacle(one):
        return obstacle(one)
    value = shown(one.header.encode("latin-1"))
    if any(policy.accepted(one.header) != one.header for policy in POLICIES.values()):
        return f"sent {value}, which the header rule does not accept"
    return (
        "" if one.header in ids else f"sent {value}, which is no id: neither derived nor stored as a string"
    )


def _of(lives: Sequence[Life], scenarios: Sequence[Scenario]) -> list[Life]:
    return [life for life in lives if life.scenario in scenarios]


def _request(one: Opened) -> int:
    return one.notes.index("request") if "request" in one.notes else len(one.notes)


def _listed(values: set[str | None]) -> str:
    return (
        " and ".join(sorted("no id" if value is None else shown(value.encode("latin-1")) for value in values))
        or "nothing"
    )


def _finding(claim: str, life: Life, effect: str) -> Finding:
    return Finding(
        claim,
        f"the extension's code, {life.code.name}: {life.scenario.name}",
        effect,
        workaround=WORKAROUNDS.get(claim, ""),
    )
