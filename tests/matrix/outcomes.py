"""What came of a subject: how each of its claims stands, in a form that a diff of the recorded file shows well.

An outcome has a name (the id of a claim, `verdict`, a number of the orders) and a value such as `proven sampled`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Outcomes = Mapping[str, frozenset[str]]
"""Values by name; several where chance decides between them."""

OR = " or "
COUNTS = (
    ("orders", "enumerated"),
    ("stages", "stood_up"),
    ("stand_ups", "stood_up"),
    ("steps", "taken_in_flight"),
)


def of_report(report: Mapping[str, Any]) -> Outcomes:
    """The outcomes of a report of the form harness.report/1: verdict, claims, audited sentences, orders."""
    found = {"verdict": report["verdict"]}
    for claim in report["claims"]:
        found[claim["id"]] = f"{claim['status']} {claim['method']}"
    for sentence in report["sections"].get("audit", ()):
        found[sentence["id"]] = f"audited {sentence['status']}"
    orders = report["sections"].get("orders")
    if orders is not None:
        for name, done in COUNTS:
            found[name] = f"{orders[name][done]} of {orders[name]['total']}"
        for name in ("forbidden_stages", "forbidden_steps", "minimal_unsafe_order"):
            found[name] = str(len(orders[name]))
    return {name: frozenset({value}) for name, value in found.items()}


def of_trials(report: Mapping[str, Any]) -> dict[str, Outcomes]:
    """The outcomes of the self-test's trials, by their subjects: verdict, level, and each claim that was refuted."""
    found: dict[str, Outcomes] = {}
    for trial in report["sections"]["selftest"]["trials"]:
        values = {"verdict": trial["verdict"], "ended_at": trial["level"] or "-"}
        values |= dict.fromkeys(trial["refuted"], "refuted")
        found[f"selftest {trial['name']}"] = {name: frozenset({value}) for name, value in values.items()}
    return found


def merged(one: Outcomes, other: Outcomes) -> Outcomes:
    """The outcomes that either of them has; a claim that one of them lacks is `absent` there."""
    absent = frozenset({"absent"})
    names = dict.fromkeys((*one, *other))
    return {name: one.get(name, absent) | other.get(name, absent) for name in names}


def differences(recorded: Outcomes, seen: Outcomes) -> list[str]:
    """What is otherwise than recorded, a line for each name."""
    absent = frozenset({"absent"})
    lines = []
    for name in dict.fromkeys((*recorded, *seen)):
        known, now = recorded.get(name, absent), seen.get(name, absent)
        if not now <= known:
            lines.append(f"{name}: recorded {OR.join(sorted(known))}, now {OR.join(sorted(now))}")
    return lines


def to_json(outcomes: Outcomes) -> dict[str, str]:
    """The names by their values: `{"proven sampled": "C1 V1"}`."""
    by_value: dict[str, list[str]] = {}
    for name, values in outcomes.items():
        by_value.setdefault(OR.join(sorted(values)), []).append(name)
    return {value: " ".join(sorted(names)) for value, names in sorted(by_value.items())}


def from_json(written: Mapping[str, str]) -> Outcomes:
    """The inverse of `to_json`."""
    pairs: Iterable[tuple[str, str]] = (
        (name, value) for value, names in written.items() for name in names.split()
    )
    return {name: frozenset(value.split(OR)) for name, value in pairs}
