"""What random exploration did and found. Pure."""

import base64
import hashlib
import time
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A request that did not leave what the old backend would have left."""

    condition: str
    effect: str


SHRINK_S_MAX: Final = 20.0
"""How long a failure is made smaller; what is smallest by then is reported."""


DIGEST_LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class Failure:
    """A program (where it starts, and its actions) after which rows are not what they should be."""

    program: tuple[str, ...]
    """A line each, numbered; the start is number 0."""
    discrepancies: tuple[Discrepancy, ...]
    reproduction: str
    """What `replay` takes: the start of a digest of the program, then Hypothesis's choices."""


@dataclass(slots=True)
class ExplorationStats:
    """What was explored. Counts are of everything that ran, attempts to shrink a failure among it."""

    programs: int = 0
    actions: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    """Requests by their fault."""
    lost: Counter[str] = field(default_factory=Counter)
    """Rows that the old backend loses too, by the reason."""
    smallest: Failure | None = None
    last_program: tuple[str, ...] = ()
    _failed: tuple[Discrepancy, ...] = ()
    """Those of the last program, until its choices come."""
    _stop_at: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be done: it was stopped, or shrinking has taken long enough."""
        return self._stop_at is not None and time.monotonic() > self._stop_at

    def stop(self) -> None:
        """Lets the exploration end soon, from any thread."""
        self._stop_at = 0.0

    def add(
        self,
        program: tuple[str, ...],
        ended: Iterable[tuple[str, str]],
        discrepancies: tuple[Discrepancy, ...],
    ) -> None:
        """Adds one program that has run to its end; of each request its fault, and why rows were lost, if so."""
        self.programs += 1
        self.actions += len(program) - 1
        self.last_program = program
        self._failed = discrepancies
        if discrepancies and self._stop_at is None:
            self._stop_at = time.monotonic() + SHRINK_S_MAX
        for fault, why in ended:
            self.requests[fault] += 1
            if why:
                self.lost[why] += 1

    def add_choices(self, choices: bytes) -> None:
        """Adds the choices that made the last program. Of the failures, the one with the fewest actions is kept."""
        failed, self._failed = self._failed, ()
        if failed and (self.smallest is None or len(self.last_program) < len(self.smallest.program)):
            text = base64.urlsafe_b64encode(zlib.compress(choices, 9)).decode().rstrip("=")
            self.smallest = Failure(self.last_program, failed, digest_of(self.last_program) + text)


def digest_of(program: Iterable[str]) -> str:
    """The start of the SHA-256 of a program's lines."""
    return hashlib.sha256("\n".join(program).encode()).hexdigest()[:DIGEST_LENGTH]
