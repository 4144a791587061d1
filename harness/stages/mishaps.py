"""What can go wrong with one request, and what the backend as it was makes of it: rows and reply, as a table. Pure.

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
from harness.database.schema_state import SchemaState
from harness.stages.model import Version


class Mishap(StrEnum):
    """What goes wrong."""

    NONE = "nothing"
    PAYMENT = "the upstream wants payment (402)"
    UPSTREAM = "the upstream fails (500)"
    MALFORMED = "the upstream's reply cannot be read"
    NO_ID = "the upstream's reply has no id"
    FAILS_ONCE = "the accounting statement fails once"
    FAILS_TWICE = "the accounting statement fails twice"
    FAILS_THRICE = "the accounting statement fails three times"
    LEAVES_EARLY = "the client leaves before the upstream's headers"
    LEAVES_MIDWAY = "the client leaves mid-stream"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the backend as it was makes of a mishap."""

    rows: int
    """Usage rows, each with its metadata row."""
    status: int
    """Status of the reply; 0 when nobody is there to read it."""
    stub: Mapping[str, Any]
    """What brings it about at the upstream."""
    fails: int = 0
    """How often the accounting statement is made to fail."""
    leaves: bool = False
    """Whether the client leaves; such a request is held first."""
    stream: bool | None = None
    """Whether it can happen only to a request that streams, or only to one that does not."""


OUTCOMES: Final[Mapping[Mishap, Outcome]] = {
    Mishap.NONE: Outcome(1, 200, {}),
    Mishap.PAYMENT: Outcome(0, 503, {"status": 402}),
    Mishap.UPSTREAM: Outcome(1, 500, {"status": 500}),
    Mishap.MALFORMED: Outcome(0, 200, {"malformed": True}),
    Mishap.NO_ID: Outcome(1, 200, {"no_id": True}),
    Mishap.FAILS_ONCE: Outcome(1, 200, {}, fails=1),
    Mishap.FAILS_TWICE: Outcome(1, 200, {}, fails=2),
    Mishap.FAILS_THRICE: Outcome(0, 200, {}, fails=TRIES),
    Mishap.LEAVES_EARLY: Outcome(0, 0, {}, leaves=True),
    Mishap.LEAVES_MIDWAY: Outcome(1, 0, {}, leaves=True, stream=True),
}

AHEAD: Final = "the backend is ahead of the column"
"""The one loss that the rollout itself can bring."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One request to send: by whom, how, and what goes wrong."""

    mishap: Mishap
    extension: ExtensionBuild
    stream: bool

    @property
    def streams(self) -> bool:
        """Whether it streams; some mishaps leave no choice."""
        needed = OUTCOMES[self.mishap].stream
        return self.stream if needed is None else needed

    @property
    def place(self) -> str:
        """Where it is held when it is held: mid-stream where there is a stream and a client that reads it."""
        early = self.mishap in (Mishap.LEAVES_EARLY, Mishap.PAYMENT, Mishap.UPSTREAM)
        return "hold_middle" if self.streams and not early else "hold"


def rows_of(mishap: Mishap, served_by: Version, schema: SchemaState) -> tuple[int, str]:
    """How many rows a request leaves that is accounted for in this state of the schema, and why there is none."""
    rows = OUTCOMES[mishap].rows
    if rows and served_by is Version.AFTER and schema is SchemaState.BASE:
        return 0, AHEAD
    return rows, "" if rows else str(mishap)
