"""What came of requests, and why others gave no observation, as data."""

from dataclasses import dataclass
from datetime import datetime

from harness.sut.observation import Exchange


@dataclass(frozen=True, slots=True)
class NoObservation:
    """Why a request gave no observation."""

    status: int
    """Of the reply without an id; 0 without a reply."""
    words: str


@dataclass(frozen=True, slots=True)
class SentProbes:
    """Answers to requests that were sent after a moment (our clock)."""

    exchanges: tuple[Exchange, ...]
    since: datetime
