"""A finite machine over bytes that answers when its text ends: built from any states, then made the smallest.

Letters that no state tells apart form a class; classes are in the order of their first letters, printable ones first,
and states in the order in which a search by breadth meets them. So equal languages make equal machines.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from harness.automata.letters import rank, ranked
from harness.automata.refinement import coarsest

STATES_MAX: Final = 20_000

Answer = bool | str
"""Refused, accepted, or accepted with this value."""
StateT = TypeVar("StateT", bound=Hashable)


class TooLargeError(Exception):
    """More than is built; the message says of what."""


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A deterministic machine over bytes; it starts in state 0."""

    classes: tuple[bytes, ...]
    """Letters by class, those that stand for it first."""
    table: tuple[tuple[int, ...], ...]
    """By state, then by class: the state that follows."""
    answers: tuple[Answer, ...]
    """By state: the answer to a text that ends there."""

    @property
    def states(self) -> int:
        """How many there are."""
        return len(self.table)

    @property
    def letters(self) -> Iterator[bytes]:
        """The letter that stands for each class."""
        return (members[:1] for members in self.classes)

    def is_dead(self, state: int) -> bool:
        """Whether it refuses whatever follows."""
        return self.answers[state] is False and all(following == state for following in self.table[state])

    def class_of(self) -> dict[int, int]:
        """The class of each letter."""
        return {byte: number for number, members in enumerate(self.classes) for byte in members}

    def state_after(self, text: bytes) -> int:
        """The state in which a text ends. Raises KeyError for a byte that is no letter."""
        classes = self.class_of()
        state = 0
        for byte in text:
            state = self.table[state][classes[byte]]
        return state

    def answer(self, text: bytes) -> Answer:
        """The answer to a text. Raises KeyError for a byte that is no letter."""
        return self.answers[self.state_after(text)]


class Behaviour(NamedTuple, Generic[StateT]):
    """States of any kind, how they follow each other, and what they answer."""

    start: StateT
    step: Callable[[StateT, int], StateT]
    """The state that follows on a letter."""
    answer: Callable[[StateT], Answer]


def built(behaviour: Behaviour[StateT], alike: Iterable[bytes]) -> StateMachine:
    """The smallest machine that behaves so, over letters of which each group of `alike` never differs.

    Raises TooLargeError where more than STATES_MAX states are met.
    """
    groups = sorted((ranked(group) for group in alike), key=lambda group: rank(group[0]))
    numbers = {behaviour.start: 0}
    table: list[list[int]] = []
    met = [behaviour.start]
    for state in met:  # grows while it is read
        row = []
        for group in groups:
            following = behaviour.step(state, group[0])
            number = numbers.setdefault(following, len(met))
            if number == len(met):
                if number == STATES_MAX:
                    raise TooLargeError(f"more than {STATES_MAX:,} states")
                met.append(following)
            row.append(number)
        table.append(row)
    return _smallest(groups, table, [behaviour.answer(state) for state in met])


def _smallest(groups: list[bytes], table: list[list[int]], answers: list[Answer]) -> StateMachine:
    blocks = coarsest(table, answers)
    rows: dict[int, list[int]] = {}
    for state, block in enumerate(blocks):
        rows.setdefault(block, [blocks[following] for following in table[state]])
    members: dict[tuple[int, ...], bytes] = {}
    for number, group in enumerate(groups):
        column = tuple(row[number] for row in rows.values())
        members[column] = members.get(column, b"") + group
    chosen = [
        groups.index(next(group for group in groups if letters[0] == group[0]))
        for letters in members.values()
    ]
    order = {blocks[0]: 0}
    met = [blocks[0]]
    for block in met:
        for number in chosen:
            following = rows[block][number]
            if order.setdefault(following, len(met)) == len(met):
                met.append(following)
    answer_of = dict(zip(blocks, answers, strict=True))
    return StateMachine(
        classes=tuple(ranked(letters) for letters in members.values()),
        table=tuple(tuple(order[rows[block][number]] for number in chosen) for block in met),
        answers=tuple(answer_of[block] for block in met),
    )
