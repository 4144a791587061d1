"""Faults of one request, and what the old backend makes of each: rows and reply, as a table. Pure.

Facts of the real backend: an upstream's 402 and a reply that cannot be read leave no row, other errors leave one; a
client that leaves before the upstream's headers leaves none, one that leaves mid-stream leaves one; the accounting
statement is tried three times, so two failures are invisible and the third loses the row behind a 200.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from harness.backend.usage import TRIES
from harness.clients.extension import ExtensionBuild
from harness.stages.model import Stage
from harness.stages.steps import Version


class Fault(StrEnum):
    """What is injected: into the upstream, the database or the client."""

    NONE = "nothing"
    PAYMENT = "the upstream wants payment (402)"
    UPSTREAM = "the upstream fails (500)"
    MALFORMED = "the upstream's reply cannot be read"
    NO_ID = "the upstream's reply has no id"
    FAILS_ONCE = "the accounting statement fails once"
    FAILS_TWICE = "the accounting statement fails twice"
    FAILS_THRICE = "the accounting statement fails three times"
    DISCONNECTS_EARLY = "the client leaves before the upstream's headers"
    DISCONNECTS_MIDWAY = "the client leaves mid-stream"


@dataclass(frozen=True, slots=True)
class FaultOutcome:
    """What the old backend makes of a fault."""

    rows: int
    """Usage rows, each with its metadata row."""
    status: int
    """Status of the reply; 0 when the client is gone."""
    stub: Mapping[str, Any]
    """What brings it about at the upstream."""
    fails: int = 0
    """How often the accounting statement is made to fail."""
    disconnects: bool = False
    """Whether the client leaves; such a request is held first."""
    stream: bool | None = None
    """Whether it can happen only to a request that streams, or only to one that does not."""


OUTCOMES: Final[Mapping[Fault, FaultOutcome]] = {
    Fault.NONE: FaultOutcome(1, 200, {}),
    Fault.PAYMENT: FaultOutcome(0, 503, {"status": 402}),
    Fault.UPSTREAM: FaultOutcome(1, 500, {"status": 500}),
    Fault.MALFORMED: FaultOutcome(0, 200, {"malformed": True}),
    Fault.NO_ID: FaultOutcome(1, 200, {"no_id": True}),
    Fault.FAILS_ONCE: FaultOutcome(1, 200, {}, fails=1),
    Fault.FAILS_TWICE: FaultOutcome(1, 200, {}, fails=2),
    Fault.FAILS_THRICE: FaultOutcome(0, 200, {}, fails=TRIES),
    Fault.DISCONNECTS_EARLY: FaultOutcome(0, 0, {}, disconnects=True),
    Fault.DISCONNECTS_MIDWAY: FaultOutcome(1, 0, {}, disconnects=True, stream=True),
}

AHEAD: Final = "the backend is ahead of the column"
"""A loss that the rollout itself can bring."""
BEHIND: Final = "the backend does not fill a column that is mandatory"


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """One request to send: by which extension, how, and with which fault."""

    fault: Fault
    extension: ExtensionBuild
    stream: bool

    @property
    def streams(self) -> bool:
        """Whether it streams; some faults leave no choice."""
        needed = OUTCOMES[self.fault].stream
        return self.stream if needed is None else needed

    @property
    def hold_point(self) -> str:
        """Where it is held, if it is: mid-stream where there is a stream and a client that reads it."""
        early = self.fault in (Fault.DISCONNECTS_EARLY, Fault.PAYMENT, Fault.UPSTREAM)
        return "hold_middle" if self.streams and not early else "hold"

    def __str__(self) -> str:
        """The request in a few words."""
        return f"{self.extension}{', streaming' if self.streams else ''}: {self.fault}"


def expected_rows(fault: Fault, served_by: Version, stage: Stage) -> tuple[int, str]:
    """How many rows a request leaves that is accounted for in this stage, and why there is none."""
    rows = OUTCOMES[fault].rows
    if rows and stage.model.expected.loses(stage.schema, served_by):
        return 0, AHEAD if served_by is Version.AFTER else BEHIND
    return rows, "" if rows else str(fault)
