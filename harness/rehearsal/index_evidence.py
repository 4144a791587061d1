"""What was seen of the indexes that a rollout builds concurrently. Pure."""

from dataclasses import dataclass

from harness.database.declaration import Index
from harness.rehearsal.build_phase import Hold
from harness.rehearsal.lock_modes import LockMode


@dataclass(frozen=True, slots=True)
class HeldBuild:
    """A build at one moment."""

    file: str
    hold: Hold
    refused: frozenset[LockMode]
    """The locks on its table that another session does not get meanwhile."""


@dataclass(frozen=True, slots=True)
class SentBuild:
    """A file that builds an index, sent in some way: what the server answered, and whether the tables changed."""

    file: str
    way: str
    in_transaction: bool
    sqlstate: str
    """Empty where nothing was refused."""
    message: str
    has_changed: bool


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """An index after all steps."""

    file: str
    name: str
    found: Index | None


@dataclass(frozen=True, slots=True)
class BuiltIndexes:
    """All that was seen of the concurrent builds of one rollout."""

    held: tuple[HeldBuild, ...]
    sent: tuple[SentBuild, ...]
    built: tuple[BuiltIndex, ...]
    declared: Index | None
    """The plain one on the rollout's column."""
    valued_rows: int
    found_by: tuple[str, ...]
    """The indexes by which the planner finds a value of the column."""
    refused: str = ""
    """By what the steps, or a build that was to be held, were refused; the rest was not seen then."""
