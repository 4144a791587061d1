"""What a database may be given after the migration: a fault that the gate must name, or a change that harms nothing."""

from dataclasses import dataclass
from typing import Final

from harness.database.declared import plan_store
from harness.rule.simple import simple

T: Final = plan_store().table
U: Final = plan_store().main.table
K: Final = plan_store().main.user
C: Final = plan_store().column.name
I: Final = next(name for name, column in plan_store().indexes.items() if column == C)  # noqa: E741
"""Names of the plan's rollout as statements have them: table, main table, its user, column, index."""
L: Final = simple(plan_store().rollout.header.rule).longest
"""Its longest value."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A migrated database with something more, or other, in it; judged by its catalogue and rows alone."""

    name: str
    summary: str
    claim: str
    """The claim that must refute it; empty for a harmless change, and where it must be unknown."""
    statements: tuple[str, ...]
    """SQL to run as the owner after the migration, each by itself and outside a transaction."""
    reader: str = ""
    """SQL to run as the owner for the role that judges, whose name stands for {reader}; empty: the owner judges."""
    unknown: str = ""
    """The claim that must stay unknown, because the role that judges may not see all rows."""


def fault(name: str, summary: str, *statements: str) -> Deployed:
    """What the claim about the column must refute."""
    return Deployed(name, summary, "M3", statements)


def harmless(name: str, summary: str, *statements: str) -> Deployed:
    """What no claim may refute."""
    return Deployed(name, summary, "", statements)
