"""Judges the extension's half of the plan by what its code did under Node: the id, and the header. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from harness.checks.persistence import WORKAROUNDS
from harness.checks.registry import Detail, Observed, Outcomes, check
from harness.clients.devices import collision_odds
from harness.clients.extension_code import Headers, WindowOutcome
from harness.clients.extension_evidence import BuiltHeaders, Derivation, Fleet, TelemetryOff
from harness.report.escape import shown
from harness.rule.policy import policies_of
from harness.verdict import Finding, Method

DERIVED: Final = "E1"
PROVIDER: Final = "E5"
OWN: Final = "E7"
OWN_PLANNED: Final = "E11"
TELEMETRY_PLANNED: Final = "E12"
JUDGED_HERE: Final = ("E1", "E2", "E3", "E4", "E5", "E7", "E9", "E10", "E11", "E12")
"""Claims that Node alone can judge."""

INSTALLATIONS: Final = (1_000_000, 10_000_000, 100_000_000)
"""Fleets for which the odds of a collision are given."""


@check(DERIVED, over=Derivation)
def id_is_derived_alike(derivation: Derivation) -> Outcomes:
    """E1: Node, Python and the known answers agree, and the rule stores the id as it is."""
    client = derivation.code.client
    for device_id, wanted, derived in zip(
        derivation.device_ids, derivation.expected, derivation.derived, strict=True
    ):
        yield Observed(DERIVED)
        condition = f"Node {derivation.node}, machineId {shown(device_id)}"
        if derived != wanted or client.derived_id(device_id) != wanted:
            effect = f"Node derives {derived}, Python {client.derived_id(device_id)}, expected {wanted}"
            yield Finding(DERIVED, condition, effect)
        elif any(policy.accepted(wanted) != wanted for policy in policies_of(client.rollout)):
            yield Finding(DERIVED, condition, f"a header rule does not accept {shown(wanted)}")
    drawn = len(derivation.device_ids) - derivation.known
    detail = f"Node {derivation.node}, {derivation.known} known answers, {drawn} machineIds drawn"
    yield Detail(DERIVED, detail)


@check(PROVIDER, over=BuiltHeaders, evidence=Method.EXHAUSTIVE)
def provider_adds_one_header(headers: BuiltHeaders) -> Outcomes:
    """E5: over every combination of what is known of a request and of the option, the header is added, none changed."""
    client = headers.code.client
    for call, old, new in zip(headers.calls, headers.before, headers.after, strict=True):
        yield Observed(PROVIDER)
        sent = call["options"].get(client.option)
        expected = _on_the_wire(old) | ({client.header.lower(): sent} if sent else {})
        if (now := _on_the_wire(new)) != expected:
            yield Finding(PROVIDER, f"provider called with {call}", _difference(now, expected))
    combinations = "combinations of organisation, project, mode, task and option"
    yield Detail(PROVIDER, f"{len(headers.calls)} {combinations}")


@check(OWN, OWN_PLANNED)
def installations_send_ids_of_their_own(claim: str, fleet: Fleet) -> Outcomes:
    """E7 or E11 over a fleet: no two installations send the same id."""
    device_ids, derived = fleet.device_ids, fleet.derived
    yield Observed(claim, len(device_ids))
    senders = Counter(value for value in derived if value is not None)
    examples = dict(zip(derived, device_ids, strict=True))
    for value, count in senders.items():
        if count > 1:
            device_id = shown(examples[value])
            condition = f"{len(device_ids)} installations, {count} with machineId {device_id}"
            effect = f"all {count} of these send {value}"
            yield Finding(claim, condition, effect, workaround=WORKAROUNDS.get(claim, ""))
    silent = list(derived).count(None)
    yield Detail(claim, f"{len(device_ids)} installations: {len(senders)} ids, {silent} send none")
    odds = ", ".join(
        f"{count:,} {collision_odds(fleet.code.client.derived, count):.1g}" for count in INSTALLATIONS
    )
    yield Detail(claim, f"machines of their own: odds of any collision at most (installations, odds) {odds}")


@check(OWN, TELEMETRY_PLANNED)
def no_id_is_sent_without_telemetry(claim: str, run: TelemetryOff) -> Outcomes:
    """E12, or E7's half of it: telemetry switched off, nothing stored and an id stored before."""
    yield Observed(claim)
    if run.window.outcome is not WindowOutcome.SENT or run.window.header is not None:
        effect = f"the request is {run.window.outcome} with the header {run.window.header}, expected none"
        yield Finding(claim, run.condition, effect, workaround=WORKAROUNDS.get(claim, ""))


def _on_the_wire(headers: Headers) -> dict[str, str]:
    """By names in lower case: HTTP knows no others, and joins the values of those that differ in case alone."""
    joined: dict[str, str] = {}
    for name, value in (headers or {}).items():
        lower = name.lower()
        joined[lower] = f"{joined[lower]}, {value}" if lower in joined else value
    return joined


def _difference(now: Mapping[str, str], expected: Mapping[str, str]) -> str:
    names: Sequence[str] = sorted({*now, *expected})
    changed = [name for name in names if now.get(name) != expected.get(name)]
    return "; ".join(f"{name}: {now.get(name)!r}, expected {expected.get(name)!r}" for name in changed)
