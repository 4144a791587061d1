"""The complete suite is complete: no machine within its bound passes it but the rule itself.

At limit 2 every machine of at most 4 states is tried, over all 224 bytes, and of 5 with one extra state. They are more
than could be listed, so they are tried as one machine of which nothing is known yet: where a header needs to know a
step or an answer, each choice becomes a branch, and a branch ends with the first header that its machines get wrong. A
weight counts the machines of each branch; the weights of all ends add up to all machines, so none was left out.
test_faults does the same at limit 255 for machines with one fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from harness.automata.complete import CompleteSuite
from harness.automata.machine import StateMachine
from harness.rule.machine import machine_of
from harness.rule.policy import FIELD_BYTES, POLICIES, STRICT, Policy
from harness.rule.suite import complete_suite, rule_of
from tests.automata.machines import over
from tests.fix_headers import changed

EACH_POLICY = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)


@dataclass(frozen=True, slots=True)
class Branch:
    """All machines that share the steps and answers known so far; states are numbered as they are met."""

    steps: dict[tuple[int, int], int]
    answers: dict[int, bool]
    met: int
    headers_passed: int
    machines: int


@dataclass(frozen=True, slots=True)
class Tried:
    killed: int
    survivors: tuple[Branch, ...]

    @property
    def machines(self) -> int:
        return self.killed + sum(branch.machines for branch in self.survivors)


def try_all(headers: Sequence[tuple[bytes, bool]], letters: bytes, states: int) -> Tried:
    """Runs every machine of so many states over these letters against headers and their right answers."""
    everything = states ** (states * len(letters)) * 2**states
    open_branches = [Branch({}, {}, 1, 0, everything)]
    killed, survivors = 0, []
    while open_branches:
        branch = open_branches.pop()
        split = next_choice(branch, headers, states)
        if split is None:
            survivors.append(branch)
        else:
            died, grown = split
            killed += died
            open_branches += grown
    return Tried(killed, tuple(survivors))


def next_choice(
    branch: Branch, headers: Sequence[tuple[bytes, bool]], states: int
) -> tuple[int, list[Branch]] | None:
    """Machines killed and branches left at the first thing unknown; None when every header is passed."""
    for number in range(branch.headers_passed, len(headers)):
        header, right = headers[number]
        state = 0
        for letter in header:
            if (state, letter) not in branch.steps:
                return 0, grown(replace(branch, headers_passed=number), state, letter, states)
            state = branch.steps[state, letter]
        if state not in branch.answers:
            half = branch.machines // 2
            known = {**branch.answers, state: right}
            return half, [replace(branch, answers=known, headers_passed=number, machines=half)]
        if branch.answers[state] is not right:
            return branch.machines, []
    return None


def grown(branch: Branch, state: int, letter: int, states: int) -> list[Branch]:
    """One branch for each state met that the step may lead to, and one for all those not met, which are alike."""
    share = branch.machines // states
    branches = [
        replace(branch, steps={**branch.steps, (state, letter): target}, machines=share)
        for target in range(branch.met)
    ]
    if branch.met < states:
        steps = {**branch.steps, (state, letter): branch.met}
        unmet = states - branch.met
        branches.append(replace(branch, steps=steps, met=branch.met + 1, machines=share * unmet))
    return branches


def is_the_rule(branch: Branch, rule: StateMachine, letters: bytes) -> bool:
    """Whether all machines of the branch accept what the rule accepts."""
    classes, pairs = rule.class_of(), [(0, 0)]
    for ours, theirs in pairs:
        if branch.answers.get(ours) is not rule.answers[theirs]:
            return False
        for letter in letters:
            following = (branch.steps.get((ours, letter), -1), rule.table[theirs][classes[letter]])
            if following not in pairs:
                pairs.append(following)
    return True


def answered(policy: Policy, headers: Sequence[bytes]) -> list[tuple[bytes, bool]]:
    return [(header, policy.stored([header]) is not None) for header in headers]


@EACH_POLICY
@pytest.mark.parametrize(
    "letters", [b"a! ", b"az!\xe9 \t", FIELD_BYTES], ids=["3 letters", "6 letters", "224 letters"]
)
def test_every_machine_of_4_states_is_the_rule_or_killed(policy: Policy, letters: bytes) -> None:
    short = changed(policy, length_max=2)
    rule = machine_of(short)
    headers = [header for header in complete_suite(short) if not header.translate(None, letters)]
    tried = try_all(answered(short, headers), letters, states=4)
    assert tried.machines == 4 ** (4 * len(letters)) * 2**4
    assert all(is_the_rule(branch, rule, letters) for branch in tried.survivors)
    # the rule itself, its three states beside the first numbered in each way
    assert sum(branch.machines for branch in tried.survivors) == 6


@EACH_POLICY
def test_some_machine_of_5_states_passes_unlike_the_rule(policy: Policy) -> None:
    short = changed(policy, length_max=2)
    letters = b"a! "
    headers = [header for header in complete_suite(short) if not header.translate(None, letters)]
    tried = try_all(answered(short, headers), letters, states=5)
    assert tried.machines == 5 ** (5 * 3) * 2**5
    assert not all(is_the_rule(branch, machine_of(short), letters) for branch in tried.survivors)


@EACH_POLICY
def test_every_machine_with_an_extra_state_is_killed(policy: Policy) -> None:
    short = changed(policy, length_max=2)
    letters = b"a! "
    headers = [
        header for header in complete_suite(short, extra_states=1) if not header.translate(None, letters)
    ]
    tried = try_all(answered(short, headers), letters, states=5)
    assert tried.machines == 5 ** (5 * 3) * 2**5
    assert all(is_the_rule(branch, machine_of(short), letters) for branch in tried.survivors)


@EACH_POLICY
def test_every_machine_with_two_extra_states_is_killed(policy: Policy) -> None:
    """Over the suite of these letters alone: over all bytes it is 45 million headers."""
    short = changed(policy, length_max=1)
    letters = b"a!"
    rule = over(machine_of(short), letters)
    headers = [(header, bool(rule.machine.answer(header))) for header in CompleteSuite(rule, 2)]
    tried = try_all(headers, letters, states=5)
    assert rule.states == 3
    assert tried.machines == 5 ** (5 * 2) * 2**5
    assert all(is_the_rule(branch, rule.machine, letters) for branch in tried.survivors)


def test_some_machine_of_4_states_passes_without_phase_1() -> None:
    short = changed(STRICT, length_max=2)
    letters = b"a! "
    rule = rule_of(short)
    assert rule is not None
    headers = [
        header for header in CompleteSuite(rule).transition_phase() if not header.translate(None, letters)
    ]
    tried = try_all(answered(short, headers), letters, states=4)
    assert not all(is_the_rule(branch, rule.machine, letters) for branch in tried.survivors)
