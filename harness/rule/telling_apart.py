"""Which headers tell behaviours apart that explain the same answers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from harness.automata.tree import CharacterSet
from harness.rule.behaviour import HeaderBehaviour, Lines, function_of
from harness.rule.behaviour_operations import Matching
from harness.rule.edits import edits
from harness.rule.explanation import Answer, Answers, Candidate, size_of
from harness.rule.policy import FIELD_BYTES
from harness.rule.telling import encoded, telling_headers
from harness.rule.trees import parts_of
from harness.rule.words import words_of

_ALPHANUMERIC: Final = ascii_lowercase, ascii_uppercase, digits
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


def side_by_side(behaviour: HeaderBehaviour) -> list[Lines]:
    """Each two signs that the behaviour knows next to each other in a value: signs may only separate, such as dots."""
    text = min(words_of(behaviour), key=len, default="")
    known = sorted(characters_of(behaviour))
    letters = (next((each for each in known if each in kind), "") for kind in _ALPHANUMERIC)
    beside = [*letters, *(each for each in known if each.isascii() and not each.isalnum())]
    half = max(1, len(text) // 2)
    begin, end = text[:half], text[half:] or text
    return [
        (encoded(f"{begin}{one}{other}{end}", behaviour.reading.decode),)
        for one in beside
        for other in beside
    ]


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
