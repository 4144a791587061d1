"""Judges the plan's goal: does the id in the row lead to the extension's events? Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.checks.evidence import describe_value, finding
from harness.checks.persistence import WORKAROUNDS
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check
from harness.sut.observation import Observation

LINKED: Final = "E6"
LINKED_PLANNED: Final = "E8"


class EventsUnder(StrEnum):
    """Under which id the extension's events are captured."""

    DEVICE_ID = "under the machineId, as planned"
    DERIVED_ID = "under the derived id"
    ALIASED = "under the machineId, with the derived id aliased to it once"


@dataclass(frozen=True, slots=True)
class Linking:
    """One installation: how its events were captured, its request with the row, and where its events arrived."""

    under: EventsUnder
    observation: Observation
    arrived: tuple[str, ...]
    """Ids under which its events arrived, of the machine's own and the derived one."""
    leads_to_events: bool
    """Whether events belong to the person who has the id in the row."""

    @property
    def stored(self) -> str | None:
        """The id in its row; None where there is no row or none in it."""
        return next((row.value for row in self.observation.rows if row.whole), None)


@check(LINKED, LINKED_PLANNED)
def row_leads_to_the_events(claim: str, linking: Linking) -> Outcomes:
    """E6 or E8 on one installation: events must have arrived, those of the row's id among them."""
    rows = [row for row in linking.observation.rows if row.whole]
    if not rows or not linking.arrived:
        counts = f"{len(rows)} rows and events under {len(linking.arrived)} ids arrived"
        yield Inconclusive(claim, f"of one installation {counts}")
        return
    yield Observed(claim)
    yield Detail(claim, f"events {linking.under}")
    if not linking.leads_to_events:
        arrived = ", ".join(linking.arrived)
        effect = f"the row holds {describe_value(linking.stored)}; the events arrived under {arrived}"
        yield finding(claim, linking.observation, effect, WORKAROUNDS.get(claim, ""))
