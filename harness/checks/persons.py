"""Judges the plan's goal against PostHog's own limits: ids that the rule accepts and that lead to no person. Pure."""

from collections.abc import Collection, Sequence
from typing import Final

from harness.checks.evidence import finding
from harness.checks.persistence import WORKAROUNDS
from harness.clients.persons import ID_LENGTH_MAX
from harness.report.escape import shown
from harness.sut.observation import Observation
from harness.verdict import Results

NOBODYS: Final = "E13"
CUT: Final = "E14"


def judge_ids(
    results: Results, claim: str, observations: Sequence[Observation], reached: Collection[str]
) -> None:
    """Judges E13 or E14: each stored id leads to its event; one that is not stored leads nowhere, and nobody astray.

    `reached` are the stored ids that do.
    """
    results.observed(claim, len(observations))
    stored = [(observation, stored_id(observation)) for observation in observations]
    lost = [
        (observation, value) for observation, value in stored if value is not None and value not in reached
    ]
    if lost:
        values = ", ".join(_described(value) for _, value in lost)
        effect = f"stored {len(lost)} of {len(observations)} ids whose events belong to no person of that id: {values}"
        results.refute(finding(claim, lost[0][0], effect, WORKAROUNDS.get(claim, "")))


def stored_id(observation: Observation) -> str | None:
    """The id in the row of a request; None where there is none."""
    return next((row.value for row in observation.rows if row.whole and row.value is not None), None)


def _described(value: str) -> str:
    if len(value) <= ID_LENGTH_MAX:
        return shown(value)
    return f"one of {len(value)} characters, cut at {ID_LENGTH_MAX}"
