"""For how many faults of the catalogue a run has sent a request that would have shown them. Sends nothing.

A request shows a fault where the faulty build decides otherwise than the right one, about the reply or a row.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from harness.backend.builds import AFTER, Build
from harness.backend.decision import decides_alike, play
from harness.backend.defects import DEFECTS
from harness.checks.row_checks import AT_ONCE
from harness.clients.exchange import Request
from harness.clients.extension import FREE_MODEL
from harness.rule.policy import Policy
from harness.sut.observation import Probe, ProbeGroup

REQUESTS_MAX: Final = 8_000
"""Requests that are looked at: those of a standard run; the rest of an exhaustive one is not."""
LISTED_MAX: Final = 8
EMAIL: Final = "user@example.com"
"""Of the signed-in user, whoever that is at the target."""


@dataclass(slots=True)
class FaultCoverage:
    """The faults that no request of a run has shown yet; takes probe groups in the order in which they were sent."""

    policy: Policy
    model: str
    """The free model of the target, for which the catalogue's is put."""
    unshown: dict[str, Build] = field(
        default_factory=lambda: {
            defect.build.name: defect.build
            for defect in DEFECTS
            if defect.version == "after" and defect.claim != AT_ONCE
        }
    )
    """Faults that no request would have shown yet, but for what only requests at once can show."""
    faults: int = 0
    requests: int = 0
    _known: dict[int, tuple[ProbeGroup, set[str]]] = field(default_factory=dict)
    """What groups show that were put in order, by their ids: of those not sent yet."""
    _waiting: list[ProbeGroup] = field(default_factory=list)
    """Sent, and not taken in yet."""

    def __post_init__(self) -> None:
        """Counts the faults."""
        self.faults = len(self.unshown)

    def sent(self, probe_groups: Iterable[ProbeGroup]) -> None:
        """Takes in what was sent; while groups that were put in order are still to come, that waits.

        Those show most faults, and of the others it then need not be found out.
        """
        if self._is_done:
            return
        before = len(self._waiting)
        self._waiting += probe_groups
        if not self._known or any(id(group) in self._known for group in self._waiting[before:]):
            self.take_in()

    @property
    def _is_done(self) -> bool:
        return not self.unshown or self.requests >= REQUESTS_MAX

    def take_in(self) -> None:
        """Takes in what waits."""
        waiting, self._waiting = self._waiting, []
        for group in sorted(waiting, key=lambda group: id(group) not in self._known):
            if self._is_done:
                return
            self.requests += len(group.probes)
            _, shown = self._known.pop(id(group), (group, None))
            for name in self._shown(group) if shown is None else shown & self.unshown.keys():
                del self.unshown[name]

    def ordered(self, probe_groups: Iterable[ProbeGroup]) -> Iterator[ProbeGroup]:
        """The same groups, those first that show most faults which none before shows: a greedy cover."""
        if not self.unshown:  # nothing is left to be shown first
            yield from probe_groups
            return
        left = {number: (group, self._shown(group)) for number, group in enumerate(probe_groups)}
        covered: set[str] = set()
        while left:
            best = max(
                left,
                key=lambda number: (len(left[number][1] - covered) / len(left[number][0].probes), -number),
            )
            group, shown = left.pop(best)
            covered |= shown
            self._known[id(group)] = group, shown
            yield group

    def describe(self) -> str:
        """One line for the evidence."""
        covered = self.faults - len(self.unshown)
        line = (
            f"a request that shows it was sent for {covered} of the catalogue's {self.faults} faults "
            "that hang on a request"
        )
        left = list(self.unshown)
        more = f" and {len(left) - LISTED_MAX} more" if len(left) > LISTED_MAX else ""
        return f"{line}; none for {', '.join(left[:LISTED_MAX])}{more}" if left else line

    def _shown(self, sent: ProbeGroup) -> set[str]:
        """Faults, of those not shown yet, that a group shows to whoever knows all of its replies and rows."""
        requests = [self._as_to_reference(probe) for probe in sent.probes]
        emails = [EMAIL if probe.email else None for probe in sent.probes]
        right = play(AFTER, self.policy, requests, emails)
        return {
            name
            for name, build in self.unshown.items()
            if not decides_alike(build, AFTER, right, self.policy, requests, emails)
        }

    def _as_to_reference(self, probe: Probe) -> Request:
        request = probe.request
        theirs, ours = (json.dumps(model, ensure_ascii=False).encode() for model in (self.model, FREE_MODEL))
        return Request(request.path, request.headers, request.body.replace(theirs, ours, 1), request.method)
