"""At limit 255, the complete suite finds every machine that differs from the rule in one step or in one answer.

For each step, one byte of each class: the letter of the runs, another of the alphabet, a stranger, a blank. The
263,168 machines with a false step are run at once, as arrays: one element is the state of one machine. And without
phase 1, a machine that stores hardly anything passes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from harness.rule.automaton import Automaton, automaton
from harness.rule.policy import POLICIES, STRICT, Policy
from harness.rule.suite import complete_suite, state_phase, transition_phase

EACH_POLICY = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)

Integers = npt.NDArray[np.int32]
Booleans = npt.NDArray[np.bool_]

NO_LETTER = -1
"""The last column of a table: every state stays."""


def byte_classes(rule: Automaton) -> bytes:
    """The letter of the runs, then a byte of each class; of the letter's own class another one."""
    others = [next(byte for byte in members if byte != rule.letter) for members in rule.classes()]
    return bytes([rule.letter, *others])


@dataclass(frozen=True, slots=True)
class FalseSteps:
    """Machines that are the rule but for one step: from `source` on `letter` they go to `target`."""

    table: Integers
    source: Integers
    letter: Integers
    target: Integers

    @property
    def count(self) -> int:
        return len(self.source)

    def only(self, chosen: Booleans) -> FalseSteps:
        return FalseSteps(self.table, self.source[chosen], self.letter[chosen], self.target[chosen])

    def step(self, states: Integers, letters: Integers | int) -> Integers:
        """The state of each machine after its letter, or after one that is the same for all."""
        following: Integers = self.table[states, letters]
        np.copyto(following, self.target, where=(states == self.source) & (letters == self.letter))
        return following


def all_false_steps(rule: Automaton, letters: bytes) -> FalseSteps:
    states = range(rule.states)
    steps = [[*(rule.step(state, byte) for byte in letters), state] for state in states]
    table = np.array(steps, dtype=np.int32)
    sizes = (rule.states, len(letters), rule.states)
    source, letter, target = np.meshgrid(*(np.arange(size, dtype=np.int32) for size in sizes))
    false = target != table[source, letter]
    return FalseSteps(table, source[false], letter[false], target[false])


def accepting(rule: Automaton) -> Booleans:
    return np.array([rule.accepts(state) for state in range(rule.states)])


def survivors_of_state_phase(rule: Automaton, machines: FalseSteps) -> FalseSteps:
    """The machines that answer every header of phase 1 rightly: its headers are all beginnings of two or one."""
    headers = set(state_phase(rule))
    longest = [word for word in headers if word + bytes([rule.letter]) not in headers]
    letters, accepts = byte_classes(rule), accepting(rule)
    for word in longest:
        states, right = np.zeros(machines.count, dtype=np.int32), 0
        killed = np.zeros(machines.count, dtype=np.bool_)
        for length, byte in enumerate(word):
            states = machines.step(states, letters.index(byte))
            right = rule.step(right, byte)
            assert word[: length + 1] in headers
            killed |= accepts[states] != rule.accepts(right)
        machines = machines.only(~killed)
    return machines


def killed_by_own_headers(
    rule: Automaton, machines: FalseSteps, letters: bytes, suite: set[bytes]
) -> Booleans:
    """Which machines answer wrongly one of the two headers of phase 2 that are about their false step."""
    killed = np.zeros(machines.count, dtype=np.bool_)
    for which in (0, 1):
        words = [
            word + bytes([byte]) + bytes([rule.letter]) * rule.identifying_runs(rule.step(state, byte))[which]
            for state, word in enumerate(rule.access_words())
            for byte in letters
        ]
        assert suite.issuperset(words)
        longest = max(map(len, words))
        spelled = np.full((longest, len(words)), NO_LETTER, dtype=np.int32)
        for column, word in enumerate(words):
            spelled[: len(word), column] = [letters.index(byte) for byte in word]
        right = np.array([rule.accepts(run(rule, word)) for word in words])
        own = machines.source * len(letters) + machines.letter
        states = np.zeros(machines.count, dtype=np.int32)
        for place in range(longest):
            states = machines.step(states, spelled[place, own])
        killed |= accepting(rule)[states] != right[own]
    return killed


def run(rule: Automaton, word: bytes) -> int:
    state = 0
    for byte in word:
        state = rule.step(state, byte)
    return state


@pytest.mark.catalogue
@EACH_POLICY
def test_suite_kills_every_false_step_at_limit_255(policy: Policy) -> None:
    rule = automaton(policy)
    letters = byte_classes(rule)
    machines = all_false_steps(rule, letters)
    assert machines.count == 257 * 256 * len(letters)
    left = survivors_of_state_phase(rule, machines)
    left = left.only(~killed_by_own_headers(rule, left, letters, set(complete_suite(policy))))
    assert left.count == 0


@EACH_POLICY
def test_suite_kills_every_false_answer_at_limit_255(policy: Policy) -> None:
    rule = automaton(policy)
    headers = set(complete_suite(policy))
    # a machine with a false answer in a state is told by the word to it, which no false answer leads astray
    assert [run(rule, word) for word in rule.access_words() if word in headers] == list(range(rule.states))


def test_exactly_255_characters_fails_phase_1_alone() -> None:
    rule = automaton(STRICT)

    def wrong(header: bytes) -> bool:
        return bool(re.fullmatch(rb"[A-Za-z0-9_-]{255}", header)) is not (STRICT.stored([header]) is not None)

    assert not [
        header for header in transition_phase(rule) if not re.search(rb"[ \t]", header) and wrong(header)
    ]
    assert sum(map(wrong, dict.fromkeys(state_phase(rule)))) == 254


def test_exactly_255_characters_with_blanks_fails_phase_1_alone() -> None:
    """Blanks make phase 2 ask for other lengths; a machine of 257 states, q_1 to q_254 refusing, has room for them."""
    rule = automaton(STRICT)
    letters = byte_classes(rule)

    def wrong(header: bytes) -> bool:
        state = 0
        for byte in header:
            state = 254 if state == 0 and byte in b" \t" else rule.step(state, byte)
        return (state == 255) is not (STRICT.stored([header]) is not None)

    assert not [
        header for header in transition_phase(rule) if not header.translate(None, letters) and wrong(header)
    ]
    assert any(wrong(header) for header in state_phase(rule))
