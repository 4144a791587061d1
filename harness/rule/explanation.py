"""What explains a backend's answers, or why nothing does, and how that is told. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from harness.rule.behaviour import HeaderBehaviour, Lines

Answer = tuple[Lines, str | None]
"""Header lines and what was stored for them; None for NULL."""

Answers = Sequence[Answer]

SHOWN_MAX: Final = 40
"""Bytes of a value that are shown."""


class Candidate(NamedTuple):
    """A behaviour that explains every answer."""

    sentence: str
    behaviour: HeaderBehaviour


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """What explains every answer of a run, or why nothing does."""

    rule: HeaderBehaviour
    """What the rule says."""
    candidates: tuple[Candidate, ...]
    """The simplest first."""
    answers: int
    """Headers whose stored value was seen, those of the further round included."""
    asked: int
    """Headers of the further round."""
    contradicting: tuple[Answer, ...] = ()
    """Without candidates: a smallest set of answers that no candidate explains."""

    def __str__(self) -> str:
        if not self.candidates:
            shown = "; ".join(map(answer_in_words, self.contradicting))
            words = f"no one or two slips, and no simple pattern, explain all {self.answers:,} answers"
            return f"{words}; none explains these together: {shown}" if shown else words
        first, *others = self.candidates
        words = f"behaves as {first.behaviour}: {first.sentence}; explains all {self.answers:,} answers"
        if str(first.behaviour) != str(self.rule):
            words += f"; the rule is {self.rule}"
        if others:
            words += f"; {len(others)} other candidates are left, such as {others[0].behaviour}: {others[0].sentence}"
        return words


def answer_in_words(answer: Answer) -> str:
    """Header lines and what was stored, for people."""
    lines, value = answer
    return f"{_shown(lines)} {_stored(value)}"


def _shown(lines: Lines) -> str:
    if not lines:
        return "no header"
    return " and ".join(
        ascii(line.decode("latin-1"))
        if len(line) <= SHOWN_MAX
        else f"{len(line)} bytes {line[:12].decode('latin-1')!a}..."
        for line in lines
    )


def _stored(value: str | None) -> str:
    if value is None:
        return "stores NULL"
    return f"stores {value!a}" if len(value) <= SHOWN_MAX else f"stores {len(value)} characters"


def opposed(answers: Answers) -> tuple[Answer, ...] | None:
    """Two different answers to one header."""
    known: dict[Lines, str | None] = {}
    for lines, value in answers:
        if lines in known and known[lines] != value:
            return (lines, known[lines]), (lines, value)
        known[lines] = value
    return None


def size_of(answer: Answer) -> tuple[int, int]:
    lines, _ = answer
    return sum(map(len, lines)), len(lines)
