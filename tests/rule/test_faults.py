"""The complete suite finds every machine that differs from its rule in one step or in one answer.

For each state, two bytes of each class and each false target: of the plan's rule 394,752 machines, which are run at
once, as arrays: one element is the state of one machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
import pytest

from harness.automata.complete import CompleteSuite
from harness.automata.identification import Identified
from harness.automata.suites import SuiteKind, texts
from harness.rule.policy import Policy
from harness.rule.suite import rule_of
from tests.rule.fix_rules import RULES

Integers = npt.NDArray[np.int32]
Booleans = npt.NDArray[np.bool_]

NO_LETTER = -1
"""The last column of a table: every state stays."""


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


def rule_for(policy: Policy) -> Identified:
    rule = rule_of(policy)
    assert rule is not None
    return rule


def two_of_each_class(rule: Identified) -> bytes:
    """The byte that stands for each class in the suite, and another one of it, where it has one."""
    return b"".join(members[:2] for members in rule.machine.classes)


def all_false_steps(rule: Identified, letters: bytes) -> FalseSteps:
    classes = rule.machine.class_of()
    steps = [
        [*(row[classes[byte]] for byte in letters), state] for state, row in enumerate(rule.machine.table)
    ]
    table = np.array(steps, dtype=np.int32)
    sizes = (rule.states, len(letters), rule.states)
    source, letter, target = np.meshgrid(*(np.arange(size, dtype=np.int32) for size in sizes))
    false = target != table[source, letter]
    return FalseSteps(table, source[false], letter[false], target[false])


def answers(rule: Identified) -> Integers:
    numbers = {answer: number for number, answer in enumerate(dict.fromkeys(rule.machine.answers))}
    return np.array([numbers[answer] for answer in rule.machine.answers], dtype=np.int32)


def left_by_own_headers(rule: Identified, machines: FalseSteps, letters: bytes) -> FalseSteps:
    """The machines that answer rightly each header that is about their false step."""
    classes, complete = rule.machine.class_of(), set(texts(rule, SuiteKind.COMPLETE))
    own = [
        [word + bytes([byte]) + ending for ending in rule.own_words(row[classes[byte]])]
        for word, row in zip(rule.access, rule.machine.table, strict=True)
        for byte in letters
    ]
    for words in zip_longest(*own):
        killed = np.zeros(machines.count, dtype=np.bool_)
        assert all(word is None or word in complete for word in words)
        spelled = np.full((max(map(len, filter(None, words))), len(words)), NO_LETTER, dtype=np.int32)
        for column, word in enumerate(words):
            spelled[: len(word or b""), column] = [letters.index(byte) for byte in word or b""]
        right = np.array([answers(rule)[rule.machine.state_after(word or b"")] for word in words])
        column_of = machines.source * len(letters) + machines.letter
        states = np.zeros(machines.count, dtype=np.int32)
        for place in range(len(spelled)):
            states = machines.step(states, spelled[place, column_of])
        killed |= answers(rule)[states] != right[column_of]
        machines = machines.only(~killed)
    return machines


def left_by_state_phase(rule: Identified, machines: FalseSteps, letters: bytes) -> FalseSteps:
    for word in CompleteSuite(rule).state_phase():
        states = np.zeros(machines.count, dtype=np.int32)
        for byte in word:
            states = machines.step(states, letters.index(byte))
        machines = machines.only(answers(rule)[states] == answers(rule)[rule.machine.state_after(word)])
    return machines


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        *(("orders", 1_716), ("digits", 2_772), ("base64url", 392), ("uuid", 15_466)),
        pytest.param("strict", 394_752, marks=pytest.mark.catalogue),
        pytest.param("length-only", 263_168, marks=pytest.mark.catalogue),
    ],
)
def test_complete_suite_finds_every_false_step(name: str, faults: int) -> None:
    rule = rule_for(RULES[name])
    letters = two_of_each_class(rule)
    machines = all_false_steps(rule, letters)
    assert machines.count == faults
    left = left_by_state_phase(rule, left_by_own_headers(rule, machines, letters), letters)
    assert left.count == 0


@pytest.mark.parametrize("name", RULES)
def test_complete_suite_finds_every_false_answer(name: str) -> None:
    # a machine with a false answer in a state is told by the word to it, which no false answer leads astray
    rule = rule_for(RULES[name])
    assert b"" in rule.characterising
    assert [rule.machine.state_after(word) for word in rule.access] == list(range(rule.states))
