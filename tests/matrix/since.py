"""What the commands answer otherwise than before the house was rebuilt (`before.json`), each with what wanted it."""

import re
from dataclasses import dataclass
from typing import Final

from tests.matrix.outcomes import differences
from tests.matrix.recorded import Matrix


@dataclass(frozen=True, slots=True)
class Change:
    """Names of some subjects that differ, and why."""

    subject: str
    """A regular expression of the whole name, as the next one is."""
    name: str
    reason: str


CHANGES: Final = (
    Change(
        "rehearse (not-null|.*)",
        "M5|M7",
        "what a check that could not look would have been, by its declaration: no longer sampled by default",
    ),
)


def explained(before: Matrix, now: Matrix) -> dict[tuple[str, str], str]:
    """Subject and name of each difference, with its reason; an empty one where nobody knows it."""
    found = {}
    for level, subjects in before.items():
        for subject, outcomes in subjects.items():
            for line in differences(outcomes, now[level][subject]):
                name = line.partition(":")[0]
                found[subject, name] = _reason(subject, name)
    return found


def _reason(subject: str, name: str) -> str:
    known = (
        change.reason
        for change in CHANGES
        if re.fullmatch(change.subject, subject) and re.fullmatch(change.name, name)
    )
    return next(known, "")
