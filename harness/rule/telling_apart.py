"""Which headers tell behaviours apart that explain the same answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.automata.tree import CharacterSet
from harness.rule.behaviour import HeaderBehaviour, Lines, function_of
from harness.rule.behaviour_operations import Matching
from harness.rule.edits import edits
from harness.rule.explanation import Answer, Answers, Candidate, size_of
from harness.rule.policy import FIELD_BYTES
from harness.rule.telling import telling_headers
from harness.rule.trees import parts_of

ROUND_MAX: Final = 300
"""Headers of a round that tells candidates apart."""


def distinct(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Those that some header tells apart; of others the first."""
    if len(candidates) == 1:
        return tuple(candidates)
    pool = telling_headers(candidates[0].behaviour)
    found: dict[tuple[str | None, ...], Candidate] = {}
    for candidate in candidates:
        found.setdefault(tuple(map(candidate.behaviour.function(), pool)), candidate)
    return tuple(found.values())


def telling_round(behaviours: Sequence[HeaderBehaviour]) -> list[Lines]:
    """Headers on which the behaviours differ, and those that tell the first from what is one slip beside it."""
    first = behaviours[0]
    pool = telling_headers(first)
    chosen: dict[Lines, None] = {}
    known = first.function()
    values = {lines: known(lines) for lines in pool}
    beside = (edit.change(first) for edit in edits(first))
    for other in (*behaviours[1:], *beside):
        if other is None or other == first or len(chosen) >= ROUND_MAX:
            continue
        stored = function_of(other)
        if stored is None or any(stored(lines) != values[lines] for lines in chosen):
            continue
        telling = next((lines for lines in pool if stored(lines) != values[lines]), None)
        if telling is not None:
            chosen[telling] = None
    return list(chosen)


CONTRADICTING_MAX: Final = 12


def contradicting(candidates: Iterable[HeaderBehaviour], answers: Answers) -> tuple[Answer, ...]:
    """Answers that none of the candidates gives together, few of them.

    Greedy: the answer that most candidates fail, then that which most of the others fail, and so on.
    """
    failed = []
    for behaviour in candidates:
        stored = function_of(behaviour)
        if stored is not None:
            failed.append({at for at, (lines, value) in enumerate(answers) if stored(lines) != value})
    chosen: list[int] = []
    while failed and len(chosen) < CONTRADICTING_MAX:
        best = max(
            range(len(answers)),
            key=lambda at: (sum(at in each for each in failed), -size_of(answers[at])[0]),
        )
        left = [each for each in failed if best not in each]
        if len(left) == len(failed):
            break
        chosen.append(best)
        failed = left
    return tuple(answers[at] for at in chosen)


def characters_of(behaviour: HeaderBehaviour) -> frozenset[str]:
    """What the rule's expressions hold, of a header's bytes."""
    sets = [
        part.ranges
        for _, operation in behaviour.operations
        if isinstance(operation, Matching)
        for _, part in parts_of(operation.tree)
        if isinstance(part, CharacterSet)
    ]
    return frozenset(
        chr(byte)
        for byte in FIELD_BYTES
        if any(low <= byte <= high for ranges in sets for low, high in ranges)
    )
