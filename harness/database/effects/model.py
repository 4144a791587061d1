"""What a database does to the values and rows of a run, beyond what the migration makes: one effect, and its words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from harness.database.value_outcome import ValueOutcome
from harness.report.escape import masked, shown, visible

SHOWN_MAX: Final = 24
EXAMPLES: Final = 2


class Certainty(IntEnum):
    """How sure it is that a valid value is refused or changed, or a row lost."""

    NONE = 0  # none of the sample values is
    OPEN = 1  # the catalogue does not show it; the requests of a run show it
    CERTAIN = 2


@dataclass(frozen=True, slots=True)
class Target:
    """A table, and its column whose values matter, with values that must be stored as they are."""

    table: str
    column: str
    type: str
    """As PostgreSQL writes it."""
    values: tuple[str | None, ...]
    derived: tuple[tuple[str, str], ...] = ()
    """Columns that are generated, each with its expression."""

    top: tuple[str, ...] = ()
    """The table that is to be altered: the uppermost one that this is a part of; empty for the table itself."""
    declared: str = "text"
    """Its type as it is declared."""
    is_detached: bool = False
    """Whether it is a part of another table, and no longer once what is told of it is mended."""

    @property
    def altered(self) -> tuple[str, ...]:
        """The table that ALTER TABLE has to name: its schema where it needs one, then its name."""
        return self.top or (self.table,)

    def in_terms(self, expression: str) -> str:
        """The expression with what generated columns are made of in their place."""
        for name, made_of in self.derived:
            if name != self.column:
                expression = re.sub(
                    rf'(?<![\w."\']){re.escape(name)}(?![\w"\'(])', f"({made_of})", expression
                )
        return expression


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing in the database that the migration does not make, and what it does."""

    subject: str
    found: str
    does: str
    certainty: Certainty
    remedy: tuple[str, ...] = ()
    """Statements, each to be sent by itself and outside a transaction; those from BEGIN to COMMIT in one session."""
    advice: str = ""
    declared: str = "none"
    on_column: bool = False
    """Whether it stands on the column, so that it is a difference though it harms nothing."""

    @property
    def differs(self) -> bool:
        """Whether it is a difference that has to be mended, not only a remark."""
        return self.on_column or self.certainty is not Certainty.NONE

    @property
    def workaround(self) -> str:
        """What to do, in one line."""
        return " ".join(self.remedy) + (f" -- {self.advice}" if self.remedy and self.advice else self.advice)


def harms(outcomes: Sequence[ValueOutcome]) -> bool:
    """Whether a value is refused or comes back as another."""
    return any(outcome.refused or outcome.result != outcome.value for outcome in outcomes)


def describe_outcomes(outcomes: Sequence[ValueOutcome], verb: str = "refuses") -> str:
    """What becomes of the values, with the shortest that tell it; `verb` is what happens to those that are refused."""
    refused = [outcome for outcome in outcomes if outcome.refused]
    changed = [outcome for outcome in outcomes if not outcome.refused and outcome.result != outcome.value]
    parts = []
    if refused:
        parts.append(f"{verb} {_counted(refused, outcomes)} ({_reason(refused)})")
    for outcome in changed:
        if outcome.value is None:
            parts.append(f"gives {_value(outcome.result)} where NULL belongs")
    turned = [outcome for outcome in changed if outcome.value is not None]
    if turned:
        examples = " and ".join(
            f"{_value(outcome.value)} into {_value(outcome.result)}" for outcome in _shortest(turned)
        )
        parts.append(f"changes {len(turned)} of {len(outcomes)} sample values, for example {examples}")
    return "; ".join(parts) or f"leaves all {len(outcomes)} sample values as they are"


def in_one_line(text: str) -> str:
    """A line of names and definitions, where none of them ends it or is acted upon by a terminal."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def one_line(text: str, length_max: int = 160) -> str:
    """A definition in one line, cut where it is long, without secrets."""
    line = masked(" ".join(text.split()))
    return line if len(line) <= length_max else line[:length_max] + "..."


def _counted(refused: Sequence[ValueOutcome], outcomes: Sequence[ValueOutcome]) -> str:
    if len(refused) == len(outcomes):
        return f"all {len(outcomes)} sample values"
    if [outcome.value for outcome in refused] == [None]:
        return "NULL"
    examples = " and ".join(_value(outcome.value) for outcome in _shortest(refused))
    return f"{len(refused)} of {len(outcomes)} sample values, for example {examples}"


def _reason(refused: Sequence[ValueOutcome]) -> str:
    return masked(_shortest(refused)[0].refused)


def _shortest(outcomes: Sequence[ValueOutcome]) -> list[ValueOutcome]:
    return sorted(outcomes, key=lambda outcome: len(outcome.value or ""))[:EXAMPLES]


def _value(value: str | None) -> str:
    return "NULL" if value is None else shown(masked(value), SHOWN_MAX)
