"""Whether a faulty behaviour is the rule all the same, decided by their machines.

Machines tell which header is stored, and which value where the rule ends in words. So it is decided where the lines
are read alike and a value is the text itself, or a word; elsewhere it is not.
"""

from harness.automata.characters import ANY
from harness.automata.machine import TooLargeError
from harness.automata.tree import CharacterSet, Concatenation, Node, Repetition
from harness.automata.written import written
from harness.rollout.tables import Operation
from harness.rule.behaviour import HeaderBehaviour, Storing, behaviour_of
from harness.rule.behaviour_operations import BehaviourOperation, Casing, Matching, Taking, Trimming
from harness.rule.machine import NoMachineError, composed
from harness.rule.policy import Policy

_ANY_TEXT = Repetition(CharacterSet(ANY), 0, None)


def is_equivalent(policy: Policy, behaviour: HeaderBehaviour) -> bool:
    """Whether no header tells them apart for certain; False where that is not decided."""
    rule = behaviour_of(policy)
    if (
        behaviour.reading != rule.reading
        or behaviour.storing != Storing()
        or rule.reading.decode != "latin-1"
    ):
        return False
    if not (_keeps_the_text(rule) and _keeps_the_text(behaviour)) and not _ends_in_words(rule, behaviour):
        return False
    operations = [_operation(each.operation) for each in behaviour.operations]
    if any(operation is None for operation in operations):
        return False
    empty_is_absent = policy.reading.empty == "absent"
    known = tuple(operation for operation in operations if operation is not None)
    try:
        one = composed(policy.rule, empty_is_absent=empty_is_absent)
        other = composed(known, empty_is_absent=empty_is_absent)
    except (NoMachineError, TooLargeError):
        return False
    return (one.classes, one.table, one.answers) == (other.classes, other.table, other.answers)


def _keeps_the_text(behaviour: HeaderBehaviour) -> bool:
    return all(
        isinstance(each.operation, Matching) and not each.operation.found for each in behaviour.operations
    )


def _ends_in_words(rule: HeaderBehaviour, behaviour: HeaderBehaviour) -> bool:
    """Whether both end in the very same list of words, so that what went before shows in which word is stored."""
    last = [each.operations[-1].operation if each.operations else None for each in (rule, behaviour)]
    return last[0] == last[1] and isinstance(last[0], Matching) and last[0].words


def _operation(operation: BehaviourOperation) -> Operation | None:
    """It as a rollout's file would have it; None where it has no words for it."""
    match operation:
        case Taking(most, unit, "first"):
            return Operation(take=most, unit=unit)
        case Trimming(blanks, "both") if blanks != "Python's":
            return Operation(trim="js" if blanks == "JavaScript's" else "http")
        case Casing(case) if case != "upper case":
            return Operation(lower="js" if case == "lower case" else "ascii")
        case Matching(tree, anchored, False, words) if words and anchored == "both":
            options = getattr(tree, "options", ())
            return Operation(
                one_of=tuple("".join(chr(part.ranges[0][0]) for part in each.parts) for each in options)
            )
        case Matching(tree, anchored, False):
            before, after = anchored in ("none", "end"), anchored in ("none", "start")
            parts: tuple[Node, ...] = (*(_ANY_TEXT,) * before, tree, *(_ANY_TEXT,) * after)
            return Operation(match=written(Concatenation(parts)))
    return None
