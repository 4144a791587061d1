"""The complete suite of a machine: which deterministic implementations pass it is proven, not sampled.

This is the Wp-method (Fujiwara, von Bochmann, Khendek, Amalou, Ghedamsi, "Test selection based on finite state
models", IEEE TSE 17(6), 1991), which asks less than Chow's W-method ("Testing software design modeled by finite-state
machines", IEEE TSE 4(3), 1978). The rule has n states, an implementation at most n + m; m are its extra states.

- V, the access words: a shortest text to each state of the rule. Each beginning of one is one.
- W, the characterising set: texts whose answers tell any two states of the rule apart; the empty one is in it.
- W_q, of W those that tell the state q from every other one.

**Phase 1, states**: V, then up to m bytes, then W. Where all answers are right, V leads to n states of the
implementation that answer W differently. Each byte more leads to one state more at least, or all have been met: after m
bytes all have. So each state of the implementation is met here, and answers to W as exactly one state of the rule does.

**Phase 2, transitions**: V, then m + 1 bytes, then W_q of the state q to which the rule goes. The state to which the
implementation goes answers to all of W as one state of the rule does (phase 1), and to W_q as q does: that one is q.

Each step from each state now leads to a state that stands for the one to which the rule goes, and each answers as the
one that it stands for: both accept the same texts. Phase 2 alone is no proof, since nothing says that W_q identifies
states of the implementation.

**Each text once, with nothing held.** A text has one longest beginning in V, so a text that leaves V, goes k bytes
beyond and ends in a W_q has one way to be made. W holds each ending of its texts, so a text of phase 1 can be made
with an ending one byte longer where the byte before it and the ending are in W, and else with no longer one: the
longest is the one that counts. In phase 2 the same test says that phase 1 has the text. So texts need no comparing,
and their number and length follow from how many words lead to each state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TypeAlias

from harness.automata.identification import Identified


@dataclass(frozen=True, slots=True)
class Amount:
    """How many texts there are, and the sum of their lengths."""

    texts: int = 0
    octets: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.texts + other.texts, self.octets + other.octets)

    def followed_by(self, endings: Sequence[bytes]) -> Amount:
        """Each of them before each ending."""
        octets = self.octets * len(endings) + self.texts * sum(map(len, endings))
        return Amount(self.texts * len(endings), octets)


Ends: TypeAlias = dict[tuple[bytes, int], Amount]
"""Words by their last byte, where it stands for its class and else b"", and by the state that they lead to."""


@dataclass(frozen=True)
class CompleteSuite:
    """The texts that every machine of at most `extra_states` more states than the rule has passes only if it is it.

    Texts come in an order that never changes, each once, and are made as they are taken; `amount` is found without
    making them.
    """

    rule: Identified
    extra_states: int = 0

    def __iter__(self) -> Iterator[bytes]:
        return chain(self.state_phase(), self.transition_phase())

    def state_phase(self) -> Iterator[bytes]:
        """Phase 1."""
        for steps in range(self.extra_states + 1):
            for word, _ in self._words(steps):
                yield from map(word.__add__, self._endings.get(word[-1:], self.rule.characterising))

    def transition_phase(self) -> Iterator[bytes]:
        """Phase 2, without the texts of phase 1."""
        for word, state in self._words(self.extra_states + 1):
            yield from map(word.__add__, self._own_endings(word[-1:], state))

    def __contains__(self, text: bytes) -> bool:
        words = frozenset(self.rule.access)
        left = next(length for length in range(len(text), -1, -1) if text[:length] in words)
        reach = left + self.extra_states
        if text[reach:] in self._characterising:  # the shortest of its endings is in W if any is
            return True
        state = self.rule.machine.state_after(text[: reach + 1])
        return text[reach + 1 :] in self.rule.own_words(state)

    @cached_property
    def amount(self) -> Amount:
        """How many texts there are, and their bytes."""
        total = Amount()
        ends: Ends = {(word[-1:], state): Amount(1, len(word)) for state, word in enumerate(self.rule.access)}
        for steps in range(self.extra_states + 1):
            for (last, _), words in ends.items():
                total += words.followed_by(self._endings.get(last, self.rule.characterising))
            ends = self._longer(ends, leaving=steps == 0)
        for (last, state), words in ends.items():
            total += words.followed_by(self._own_endings(last, state))
        return total

    def _words(self, steps: int) -> Iterator[tuple[bytes, int]]:
        """The words that go so many bytes beyond the access words, and the state that each leads to."""
        if steps == 0:
            yield from zip(self.rule.access, range(self.rule.states), strict=True)
            return
        known = frozenset(self.rule.access) if steps == 1 else frozenset()
        for word, state in self._words(steps - 1):
            for letters, target in zip(self._letters, self.rule.machine.table[state], strict=True):
                for letter in letters:
                    longer = word + letter
                    if longer not in known:
                        yield longer, target

    def _longer(self, ends: Ends, *, leaving: bool) -> Ends:
        """The words that are one byte longer; without access words where these are left."""
        found: defaultdict[tuple[bytes, int], Amount] = defaultdict(Amount)
        for (_, state), words in ends.items():
            for letters, target in zip(self._letters, self.rule.machine.table[state], strict=True):
                first, *others = letters
                found[first, target] += words.followed_by([first])
                found[b"", target] += words.followed_by(others)
        for state, word in enumerate(self.rule.access if leaving else ()):
            if word:
                found[word[-1:], state] += Amount(-1, -len(word))
        return found

    @cached_property
    def _letters(self) -> tuple[tuple[bytes, ...], ...]:
        """By class: its bytes, that which stands for it first."""
        return tuple(tuple(bytes([byte]) for byte in members) for members in self.rule.machine.classes)

    @cached_property
    def _characterising(self) -> frozenset[bytes]:
        return frozenset(self.rule.characterising)

    @cached_property
    def _endings(self) -> dict[bytes, tuple[bytes, ...]]:
        """By the byte before: those of W that cannot be longer. Before a byte that stands for no class all are such."""
        return {
            letter: self._longest(letter, self.rule.characterising) for letter in self.rule.machine.letters
        }

    def _longest(self, letter: bytes, endings: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(ending for ending in endings if letter + ending not in self._characterising)

    def _own_endings(self, last: bytes, state: int) -> tuple[bytes, ...]:
        """Those of W_q that phase 1 has not behind this byte."""
        last = last if last in self._endings else b""
        if (last, state) not in self._own:
            own = tuple(self.rule.own_words(state))
            self._own[last, state] = self._longest(last, own) if last else own
        return self._own[last, state]

    @cached_property
    def _own(self) -> dict[tuple[bytes, int], tuple[bytes, ...]]:
        return {}
