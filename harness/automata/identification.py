"""Texts that lead to each state of a smallest machine, and texts whose answers tell its states apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Final

from harness.automata.machine import StateMachine

IDENTIFIED_MAX: Final = 1_000
"""States that are told apart; time grows with their square: some seconds for so many."""

Response = tuple[int, ...]
"""The numbers of the answers of all states to a text."""
Column = tuple[dict[int, int], Response]
"""By answer the states that give it, as bits; and the answer of each."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A machine with its access words and characterising sets; made by `identified`."""

    machine: StateMachine
    access: tuple[bytes, ...]
    """By state: a shortest text that leads to it. Each beginning of one is one."""
    characterising: tuple[bytes, ...]
    """Texts that tell any two states apart, shortest first."""
    columns: tuple[Column, ...]
    """What the states answer to each text of it."""
    own: tuple[tuple[int, ...], ...]
    """By state: the numbers of texts that tell it from every other state."""

    @property
    def states(self) -> int:
        """How many there are."""
        return self.machine.states

    def own_words(self, state: int) -> Iterator[bytes]:
        """The texts that tell a state from every other one."""
        return (self.characterising[number] for number in self.own[state])

    def telling(self, state: int, others: frozenset[int]) -> list[bytes]:
        """Texts that tell a state from these others."""
        mask = sum(1 << other for other in others if other != state)
        return [self.characterising[number] for number in _greedy(state, mask, self.columns)]


@lru_cache(maxsize=16)
def identified(machine: StateMachine) -> Identified:
    """Access words by breadth, a characterising set by refinement, and for each state those of it that it needs.

    Time and memory grow with the square of the states: at most IDENTIFIED_MAX.
    """
    words, responses = _characterising(machine)
    columns = tuple(map(_column, responses))
    everything = (1 << machine.states) - 1
    own = tuple(tuple(_greedy(state, everything & ~(1 << state), columns)) for state in range(machine.states))
    return Identified(machine, _access(machine), words, columns, own)


def _access(machine: StateMachine) -> tuple[bytes, ...]:
    letters = list(machine.letters)
    words: dict[int, bytes] = {0: b""}
    for state in range(machine.states):  # numbered by breadth: a state has its word before its turn
        for letter, following in zip(letters, machine.table[state], strict=True):
            words.setdefault(following, words[state] + letter)
    return tuple(words[state] for state in range(machine.states))


def _characterising(machine: StateMachine) -> tuple[tuple[bytes, ...], tuple[Response, ...]]:
    """Texts in rounds by length: a text of the next length that splits a block is a letter and one of this length."""
    # Were the ending shorter, letter and ending would have been short enough to be looked at before; so it is enough
    # to prolong the texts of the last round.
    answers = {answer: number for number, answer in enumerate(dict.fromkeys(_typed(machine)))}
    first = tuple(answers[answer] for answer in _typed(machine))
    blocks: list[int] = list(first)
    count = len(answers)
    chosen, responses = [b""], [first]
    round_ = [(b"", first)]
    columns = [
        (letter, itemgetter(*(row[number] for row in machine.table)))
        for number, letter in enumerate(machine.letters)
    ]
    while count < machine.states:
        following = []
        for word, response in round_:
            for letter, targets in columns:
                longer: Response = targets(response)
                pairs = list(zip(blocks, longer, strict=True))
                numbers = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
                if len(numbers) > count:
                    count = len(numbers)
                    blocks = [numbers[pair] for pair in pairs]
                    following.append((letter + word, longer))
        chosen += [word for word, _ in following]
        responses += [response for _, response in following]
        round_ = following
    return tuple(chosen), tuple(responses)


def _typed(machine: StateMachine) -> list[tuple[type, object]]:
    return [
        (type(answer), answer) for answer in machine.answers
    ]  # True == 1, and a text is never a mere True


def _column(response: Response) -> Column:
    masks = {
        answer: int("".join("01"[given == answer] for given in reversed(response)), 2)
        for answer in set(response)
    }
    return masks, response


def _greedy(state: int, others: int, columns: Sequence[Column]) -> Iterator[int]:
    """Numbers of texts, each of which tells the state from most of the others that are left, as bits."""
    alike = [masks[response[state]] for masks, response in columns]
    while others:
        counts = [(others & mask).bit_count() for mask in alike]
        number = counts.index(min(counts))
        left = others & alike[number]
        assert left != others, "states of the smallest machine are told apart"
        others = left
        yield number
