"""A failure scenario of a concurrent build, and what became of one. Pure."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from harness.database.schema_state import SchemaStatus

Note = Callable[[str], None]
"""Takes down one thing that was done and what was seen of it."""


class ScenarioError(Exception):
    """A scenario did not go wrong as it should, so nothing is known of the recovery from it."""


@dataclass(frozen=True, slots=True)
class FailureScenario:
    """A sequence that goes wrong. `errors` are the SQLSTATEs that writers may see because of what it is about."""

    name: str
    summary: str
    advice: str
    run: Callable[[str, Note], Coroutine[Any, Any, None]]
    errors: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """What became of a scenario. Empty `problem`: it went wrong as it should, and the recovery led out of it twice."""

    scenario: FailureScenario
    notes: tuple[str, ...]
    final_states: tuple[SchemaStatus, ...]
    """The database's state after each run of the recovery."""
    accepted: int
    """Writes accepted meanwhile."""
    kept: int
    """Writes of which both rows are there afterwards; not below `accepted`."""
    errors: tuple[str, ...]
    """SQLSTATEs that writers saw, each once."""
    problem: str = ""
    skipped: str = ""
    """Why it was not run here."""
