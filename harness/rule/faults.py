"""Faults of a backend that follow from its rule and its reading: one slip each, generated and not listed.

Which fault is equivalent to the rule is decided by their machines where they have any; what no header of a pool tells
apart beyond these is counted, never dropped in silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from harness.rule.behaviour import HeaderBehaviour, Lines, Stored, behaviour_of, function_of
from harness.rule.edits import edits
from harness.rule.equivalence import is_equivalent
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
    """Not told apart from the rule by any header of the pool."""
    equivalent: tuple[RuleFault, ...]
    """Those that no header at all can tell from the rule: their machines are the same."""

    def __str__(self) -> str:
        count = len(self.told) + len(self.untold) + len(self.equivalent)
        words = [f"{count} faults, {len(self.told)} of which a header tells from the rule"]
        for kind, faults in (("equivalent", self.equivalent), ("not told apart", self.untold)):
            if faults:
                words.append(f"{len(faults)} {kind}: " + ", ".join(fault.sentence for fault in faults))
        return "; ".join(words)


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
    equivalent: list[RuleFault] = []
    for fault in rule_faults(behaviour, every_byte):
        lines = telling(fault.function(), answers)
        if lines is not None:
            told.append((fault, lines))
        elif is_equivalent(policy, fault.behaviour):
            equivalent.append(fault)
        else:
            untold.append(fault)
    return ToldFaults(tuple(told), tuple(untold), tuple(equivalent))


def telling(stored: Stored, answers: Sequence[tuple[Lines, str | None]]) -> Lines | None:
    """The first header that is answered otherwise."""
    return next((lines for lines, value in answers if stored(lines) != value), None)
