"""A policy as a finite automaton over the bytes of one header line.

State q_i has counted i characters, 0 <= i <= n, where n is the longest length that is stored; one more state is
dead. The line is read raw, blanks at its edges included, yet HTTP's trimming of them adds no state:

- blanks before the value leave q_0 where it is;
- after a blank that the alphabet does not hold, q_i accepts if the line ends here and refuses if another character
  follows, which is what q_n does;
- a blank that the alphabet holds moves q_i to q_(i+1); at q_n it costs nothing, as it is trimmed unless a
  character follows, which is refused anyway;
- dead stays dead.

So the rule has n + 2 states, and no two of them are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.rule.policy import FIELD_BYTES, OWS, Policy


@dataclass(frozen=True, slots=True)
class Automaton:
    """The rule as states and steps; made by `automaton`. States are numbered q_0 to q_n, then dead."""

    length_max: int
    counted: frozenset[int]
    """Bytes of the alphabet."""

    @property
    def states(self) -> int:
        """How many there are."""
        return self.length_max + 2

    @property
    def dead(self) -> int:
        """The state that nothing leaves and that accepts nothing."""
        return self.length_max + 1

    @property
    def letter(self) -> int:
        """The byte of which runs are made: `a` where the alphabet has it, else its first that is no blank."""
        return next(byte for byte in b"a" + FIELD_BYTES if byte in self.counted and byte not in OWS)

    def step(self, state: int, byte: int) -> int:
        """The state after one more byte."""
        if state == self.dead:
            return self.dead
        if byte not in OWS:
            return state + 1 if byte in self.counted else self.dead
        if state == 0:
            return 0
        return min(state + 1, self.length_max) if byte in self.counted else self.length_max

    def accepts(self, state: int) -> bool:
        """Whether a value that ends in this state is stored."""
        return 1 <= state <= self.length_max

    def classes(self) -> tuple[bytes, ...]:
        """The 224 bytes of a field value in classes that no state tells apart, by their first bytes."""
        columns: dict[tuple[int, ...], list[int]] = {}
        for byte in FIELD_BYTES:
            column = tuple(self.step(state, byte) for state in range(self.states))
            columns.setdefault(column, []).append(byte)
        return tuple(bytes(members) for members in columns.values())

    def access_words(self) -> tuple[bytes, ...]:
        """A word to each state, by state: runs of the letter, and for dead the first byte that kills, if one does."""
        runs = [bytes([self.letter]) * length for length in range(self.length_max + 2)]
        killers = (bytes([byte]) for byte in FIELD_BYTES if self.step(0, byte) == self.dead)
        return (*runs[:-1], next(killers, runs[-1]))

    def identifying_runs(self, state: int) -> tuple[int, int]:
        """Lengths of two runs of the letter whose answers tell this state from every other.

        They are the neighbours between which the answer first changes, or 0 and 1 where it never does.
        """
        answer = self.accepts(state)
        for length in range(self.length_max):
            state = self.step(state, self.letter)
            if self.accepts(state) is not answer:
                return length, length + 1
        return 0, 1


def automaton(policy: Policy) -> Automaton:
    """The automaton of a policy. Its alphabet needs a character that is no blank and fits in a byte."""
    counted = frozenset(byte for byte in FIELD_BYTES if policy.allows(chr(byte)))
    return Automaton(policy.length_max, counted)
