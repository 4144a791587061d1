"""What came of requests, and why others gave no observation, as data."""

from dataclasses import dataclass
from datetime import datetime

from harness.sut.contract import FoundRows
from harness.sut.observation import Exchange, Row


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


@dataclass(frozen=True, slots=True)
class MatchedRows:
    """Answers with the rows that had come when they were looked for."""

    found: FoundRows
    rows: dict[int, tuple[Row, ...]]
    """By the number of the request."""
