"""What is expected to break, read from the statements of a rollout's files: columns that a build needs or cannot fill.

An `after` replica writes columns, and perhaps a lookup table: ahead of the step that adds them it loses every row. A
`before` replica fills no new column: once that is NOT NULL, it loses its rows. NOT NULL itself is refused while a row
has no value, as where the step that fills them was done before the last old replica wrote. What really breaks is
observed on real stages; this is what a rule that was derived there is held to.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import sqlparse

from harness.stages.steps import SqlStep, StepState, Version

_NAME: Final = r'"?(?P<name>[A-Za-z_][\w$]*)"?'
_ADDS: Final = tuple(
    re.compile(pattern + _NAME, re.IGNORECASE)
    for pattern in (
        r"\bADD\s+COLUMN\s+(?:IF\s+NOT\s+EXISTS\s+)?",
        r"\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?",
    )
)
_MANDATORY: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\bALTER\s+(?:COLUMN\s+)?{_NAME}\s+SET\s+NOT\s+NULL\b",
        rf"\bADD\s+COLUMN\s+{_NAME}(?![^;]*\bDEFAULT\b)[^;,]*\bNOT\s+NULL\b",
        rf"\bCHECK\s*\(\s*{_NAME}\s+IS\s+NOT\s+NULL\s*\)",
    )
)
_VALIDATES: Final = re.compile(r"\bVALIDATE\s+CONSTRAINT\b", re.IGNORECASE)
_NOT_VALID: Final = re.compile(r"\bNOT\s+VALID\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of the SQL steps, which are numbered from 0."""

    needed: frozenset[int] = frozenset()
    """Steps without which an `after` replica loses its rows."""
    mandatory: frozenset[int] = frozenset()
    """Steps after which a `before` replica loses its rows."""
    refused: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """Steps that are refused while one of these steps, which change rows, is stale."""

    def loses(self, schema: Sequence[StepState], version: Version) -> bool:
        """Whether a replica of that version is expected to lose its rows."""
        done = {number for number, state in enumerate(schema) if state in (StepState.DONE, StepState.STALE)}
        return not self.needed <= done if version is Version.AFTER else bool(self.mandatory & done)

    def refuses(self, schema: Sequence[StepState], number: int) -> bool:
        """Whether the server is expected to refuse the step."""
        return any(schema[data] is StepState.STALE for data in self.refused.get(number, ()))


def expectation_of(sql: Sequence[SqlStep], written: Collection[str]) -> Expectation:
    """What the statements say; `written` are columns and tables that the `after` build writes."""
    texts = [sqlparse.format(step.up.text, strip_comments=True) for step in sql]
    numbered = list(enumerate(texts))
    mandatory = {number for number, text in numbered if any(found.search(text) for found in _MANDATORY)}
    refused = {
        number
        for number, text in numbered
        if (number in mandatory and not _NOT_VALID.search(text)) or _VALIDATES.search(text)
    }
    return Expectation(
        frozenset(number for number, text in numbered if _added(text) & set(written)),
        frozenset(mandatory),
        {number: _data_before(sql, number) for number in sorted(refused)},
    )


def _added(text: str) -> set[str]:
    return {found["name"] for pattern in _ADDS for found in pattern.finditer(text)}


def _data_before(sql: Sequence[SqlStep], number: int) -> frozenset[int]:
    """The steps that change rows and are needed by this one, directly or not."""
    names = set(sql[number].needs)
    for step in reversed(sql[:number]):
        if step.name in names:
            names |= set(step.needs)
    return frozenset(at for at, step in enumerate(sql) if step.data and step.name in names)
