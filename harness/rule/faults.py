"""Faults of a backend that follow from its rule and its reading: one slip each, generated and not listed.

Equivalent faults are found out by a pool of headers: what none of them tells from the rule is counted, never dropped
in silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from harness.rule.behaviour import HeaderBehaviour, Lines, Stored, behaviour_of, function_of
from harness.rule.edits import edits
from harness.rule.policy import Policy
from harness.rule.telling import telling_headers


class RuleFault(NamedTuple):
    """A backend that does otherwise than the rule in one respect."""

    operator: str
    sentence: str
    behaviour: HeaderBehaviour

    def function(self) -> Stored:
        """What it stores for header lines."""
        return self.behaviour.function()


@dataclass(frozen=True, slots=True)
class ToldFaults:
    """The faults of a rule: those that a header tells from it, with the shortest that does, and the others."""

    told: tuple[tuple[RuleFault, Lines], ...]
    untold: tuple[RuleFault, ...]
    """Equivalent to the rule, or not told apart from it by any header of the pool."""

    def __str__(self) -> str:
        sentences = "; ".join(fault.sentence for fault in self.untold)
        count = len(self.told) + len(self.untold)
        words = f"{count} faults, {len(self.told)} of which a header tells from the rule"
        return f"{words}; not told apart: {sentences}" if self.untold else words


def rule_faults(behaviour: HeaderBehaviour, every_byte: bool = False) -> tuple[RuleFault, ...]:
    """The faults of a rule, each behaviour once: at the edges of each class, or with every byte of HTTP."""
    found: dict[HeaderBehaviour, RuleFault] = {}
    for edit in edits(behaviour, every_byte):
        changed = edit.change(behaviour)
        if changed is not None and changed != behaviour and function_of(changed) is not None:
            found.setdefault(changed, RuleFault(edit.operator, edit.sentence, changed))
    return tuple(found.values())


@lru_cache(maxsize=16)
def told_faults(policy: Policy, every_byte: bool = False) -> ToldFaults:
    """The faults of a policy's rule, told apart. Raises PatternError for an expression that is none."""
    behaviour = behaviour_of(policy)
    right, pool = behaviour.function(), telling_headers(behaviour)
    answers = [(lines, right(lines)) for lines in pool]
    told: list[tuple[RuleFault, Lines]] = []
    untold: list[RuleFault] = []
    for fault in rule_faults(behaviour, every_byte):
        lines = telling(fault.function(), answers)
        if lines is None:
            untold.append(fault)
        else:
            told.append((fault, lines))
    return ToldFaults(tuple(told), tuple(untold))


def telling(stored: Stored, answers: Sequence[tuple[Lines, str | None]]) -> Lines | None:
    """The first header that is answered otherwise."""
    return next((lines for lines, value in answers if stored(lines) != value), None)
