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
        "rehearse not-null",
        "M5|M7",
        "unknown, as before; the method is that of the check that could not look, no longer sampled for want of one",
    ),
    Change(
        "rehearse touches-rows",
        "M7",
        "the defect changes the reply's id, which any rollout has: the row that is measured takes no more by it; "
        "M1 is refuted, as before (03cc836)",
    ),
    Change(
        "schema place-attached-by-time",
        "exit|remark|.*partition-of-parent",
        "a partition that takes all rows of the weeks to come is a remark, as all that harms nothing (b51553e)",
    ),
    Change(
        "schema reach-derived-(flag|rounded)",
        "exit|.*has_value|.*size",
        "a column that is generated from ours and keeps what it is for is no difference (a622738)",
    ),
    Change(
        "schema --migrations other-column",
        "another-index",
        "an index of the declared name on another column stands at its line (082e480)",
    ),
    Change(
        "schema --migrations (layout-)?(plain-index|one-transaction)",
        "no-lock-timeout",
        "a timeout that an earlier statement lacks is told of each that waits for a lock (28cb14c)",
    ),
    Change(
        "schema --migrations (volatile-default|not-null|not-null-default|varchar-64)",
        "another-column|squawk/.*",
        "a column that is not the declared one is told by a rule of its own, in place of squawk's (28cb14c)",
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
