"""Judges the plan's goal against the limits of the ids' reader: ids that the rule accepts, of no person. Pure."""

from collections.abc import Collection, Sequence
from typing import Final

from harness.checks.evidence import finding
from harness.checks.persistence import WORKAROUNDS
from harness.checks.registry import Observed, Outcomes, check
from harness.report.escape import shown
from harness.sut.observation import Observation

NOBODYS: Final = "E13"
CUT: Final = "E14"


@check(NOBODYS, CUT)
def stored_ids_lead_to_their_events(
    claim: str, observations: Sequence[Observation], reached: Collection[str], take: int
) -> Outcomes:
    """E13 or E14: each stored id leads to its event; one that is not stored leads nowhere, and nobody astray.

    `reached` are the stored ids that do; an event keeps `take` characters of an id.
    """
    yield Observed(claim, len(observations))
    stored = [(observation, stored_id(observation)) for observation in observations]
    lost = [
        (observation, value) for observation, value in stored if value is not None and value not in reached
    ]
    if lost:
        values = ", ".join(_described(value, take) for _, value in lost)
        effect = f"stored {len(lost)} of {len(observations)} ids whose events belong to no person of that id: {values}"
        yield finding(claim, lost[0][0], effect, WORKAROUNDS.get(claim, ""))


def stored_id(observation: Observation) -> str | None:
    """The id in the row of a request; None where there is none."""
    return next((row.value for row in observation.rows if row.whole and row.value is not None), None)


def _described(value: str, take: int) -> str:
    if len(value) <= take:
        return shown(value)
    return f"one of {len(value)} characters, cut at {take}"
