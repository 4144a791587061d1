"""The automaton is the policy: same answers, the fewest states, words to each and runs that identify it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.rollout.tables import Operation
from harness.rule.automaton import Automaton, automaton
from harness.rule.policy import FIELD_BYTES, LENGTH_ONLY, POLICIES, STRICT, Policy
from tests.fix_headers import changed, examples

WITH_BLANK = Policy("with-blank", (Operation(match="[a-z ]{1,255}"),))
ONE_LETTER = Policy("one-letter", (Operation(match="[q]{1,255}"),))
TRICKY = b"aaaqqzZ0_!-\xe9\xa0\x85 \t \t"

EACH_POLICY = pytest.mark.parametrize(
    "policy", [STRICT, LENGTH_ONLY, WITH_BLANK, ONE_LETTER], ids=lambda policy: policy.name
)
EACH_LIMIT = pytest.mark.parametrize("limit", [1, 2, 3, 7, 255])


def run(rule: Automaton, word: bytes, state: int = 0) -> int:
    for byte in word:
        state = rule.step(state, byte)
    return state


def answers_to_runs(rule: Automaton, state: int) -> tuple[bool, ...]:
    """Whether the state accepts each run of the letter, up to the longest length."""
    answers = []
    for _ in range(rule.length_max + 1):
        answers.append(rule.accepts(state))
        state = rule.step(state, rule.letter)
    return tuple(answers)


@pytest.mark.catalogue
@EACH_POLICY
@pytest.mark.parametrize("limit", [1, 2, 5])
@examples(100)
@given(data=st.data())
def test_automaton_accepts_what_policy_stores(policy: Policy, limit: int, data: st.DataObject) -> None:
    short = changed(policy, length_max=limit)
    byte = st.sampled_from(TRICKY) | st.sampled_from(FIELD_BYTES)
    line = bytes(data.draw(st.lists(byte, max_size=2 * limit + 4)))
    rule = automaton(short)
    assert rule.accepts(run(rule, line)) is (short.stored([line]) is not None)


@EACH_POLICY
@EACH_LIMIT
def test_access_words_reach_every_state(policy: Policy, limit: int) -> None:
    rule = automaton(changed(policy, length_max=limit))
    assert [run(rule, word) for word in rule.access_words()] == list(range(limit + 2))


@EACH_POLICY
@EACH_LIMIT
def test_identifying_runs_tell_each_state_from_every_other(policy: Policy, limit: int) -> None:
    rule = automaton(changed(policy, length_max=limit))
    answers = [answers_to_runs(rule, state) for state in range(rule.states)]
    assert len(set(answers)) == rule.states
    for state in range(rule.states):
        short, long = rule.identifying_runs(state)
        own = (answers[state][short], answers[state][long])
        assert sum((answer[short], answer[long]) == own for answer in answers) == 1


def test_classes_of_strict_are_blanks_strangers_and_the_alphabet() -> None:
    blanks, strangers, alphabet = automaton(STRICT).classes()
    assert blanks == b"\t "
    assert len(strangers) == 158
    assert len(alphabet) == 64
    assert sorted(blanks + strangers + alphabet) == list(FIELD_BYTES)


def test_classes_of_length_only_are_blanks_and_the_rest() -> None:
    assert [len(members) for members in automaton(LENGTH_ONLY).classes()] == [2, 222]


def test_words_are_those_of_the_design() -> None:
    strict, length_only = automaton(STRICT), automaton(LENGTH_ONLY)
    assert strict.access_words() == (*(b"a" * length for length in range(256)), b"!")
    assert length_only.access_words()[-1] == b"a" * 256
    assert (
        strict.identifying_runs(0) == strict.identifying_runs(255) == strict.identifying_runs(256) == (0, 1)
    )
    assert [strict.identifying_runs(state) for state in (1, 2, 254)] == [(254, 255), (253, 254), (1, 2)]


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_blanks_after_a_letter_lead_where_trimming_leads(policy: Policy) -> None:
    rule = automaton(policy)
    assert rule.step(0, 0x20) == rule.step(0, 0x09) == 0
    assert rule.step(rule.dead, 0x20) == rule.dead
    expected = [255] * 255 if policy is STRICT else [*range(2, 256), 255]
    assert [rule.step(state, 0x20) for state in range(1, 256)] == expected
