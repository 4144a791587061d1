"""The complete suite with and without extra states: its texts, its size by formula, and which machines it finds."""

import re
import tracemalloc
from collections import deque
from collections.abc import Iterator
from itertools import islice, product

import pytest

from harness.automata.compiled import compiled
from harness.automata.complete import Amount, CompleteSuite
from harness.automata.identification import Identified
from harness.automata.machine import StateMachine
from harness.automata.pattern import parsed
from harness.rule.policy import STRICT
from harness.rule.suite import rule_of as rule_of_policy
from tests.automata.machines import over
from tests.automata.test_suites import EACH_SOURCE, finds, rule_of
from tests.rule.fix_rules import RULES, SMALL

LETTERS = b"ab!c"
EACH_TOY = pytest.mark.parametrize("source", ["a{1,2}", "[ab]{1,3}", "a|bc", "([ab]{2})*", "[^]*", "[]"])
EACH_EXTRA = pytest.mark.parametrize("extra_states", [0, 1, 2])


def toy_of(source: str) -> Identified:
    """The smallest machine of an expression over four letters: of it all texts can be listed."""
    return over(compiled(parsed(source).tree), LETTERS)


def words(letters: bytes, length: int) -> Iterator[bytes]:
    return map(bytes, product(letters, repeat=length))


def by_definition(rule: Identified, extra_states: int) -> set[bytes]:
    """Both phases as they are defined, with all that comes twice."""
    letters = b"".join(rule.machine.classes)
    reached = [
        word + more
        for word in rule.access
        for length in range(extra_states + 1)
        for more in words(letters, length)
    ]
    found = {word + ending for word in reached for ending in rule.characterising}
    for word in rule.access:
        for more in words(letters, extra_states + 1):
            state = rule.machine.state_after(word + more)
            found |= {word + more + ending for ending in rule.own_words(state)}
    return found


@EACH_TOY
@EACH_EXTRA
def test_suite_is_its_definition_and_as_large_as_its_formula(source: str, extra_states: int) -> None:
    suite = CompleteSuite(toy_of(source), extra_states)
    texts = list(suite)
    assert suite.amount == Amount(len(texts), sum(map(len, texts)))
    assert len(set(texts)) == len(texts)
    assert set(texts) == by_definition(suite.rule, extra_states)


@EACH_SOURCE
def test_formula_holds_over_all_bytes(source: str) -> None:
    texts = list(suite := CompleteSuite(rule_of(source)))
    assert suite.amount == Amount(len(texts), sum(map(len, texts)))
    assert len(set(texts)) == len(texts)


def test_formula_holds_over_all_bytes_with_an_extra_state() -> None:
    count = octets = 0
    for text in (suite := CompleteSuite(rule_of("a|b"), 1)):
        count += 1
        octets += len(text)
    assert suite.amount == Amount(count, octets)


@EACH_TOY
@EACH_EXTRA
def test_text_is_known_to_be_in_the_suite_or_not(source: str, extra_states: int) -> None:
    texts = set(suite := CompleteSuite(toy_of(source), extra_states))
    longest = max(map(len, texts))
    others = {text for length in range(min(longest, 5) + 1) for text in words(LETTERS, length)}
    assert {text for text in texts | others if text in suite} == texts


@pytest.mark.parametrize("name", [*RULES, *SMALL])
def test_characterising_set_holds_each_ending_of_its_texts(name: str) -> None:
    """What the suite rests on to have each text once without comparing any."""
    rule = rule_of_policy({**RULES, **SMALL}[name])
    assert rule is not None
    assert {word[1:] for word in rule.characterising} <= {*rule.characterising}


def with_a_split_state(machine: StateMachine) -> Iterator[StateMachine]:
    """Machines with one state twice: one step leads to the copy, of which one step or the answer is another."""
    letters = b"".join(machine.classes)
    classes = machine.class_of()
    rows = [[row[classes[letter]] for letter in letters] for row in machine.table]
    copy = machine.states
    for source, step in product(range(machine.states), range(len(letters))):
        split = rows[source][step]
        led = [[*row] for row in rows]
        led[source][step] = copy
        for letter, target in product(range(len(letters)), range(copy + 1)):
            if target != led[split][letter]:
                yield _over(
                    letters, [*led, [*led[split][:letter], target, *led[split][letter + 1 :]]], machine, split
                )
        yield _over(letters, [*led, led[split]], machine, split, flipped=True)


def _over(
    letters: bytes, rows: list[list[int]], machine: StateMachine, split: int, *, flipped: bool = False
) -> StateMachine:
    answer = machine.answers[split]
    return StateMachine(
        tuple(bytes([letter]) for letter in letters),
        tuple(map(tuple, rows)),
        (*machine.answers, not answer if flipped else answer),
    )


def is_the_same(one: StateMachine, other: StateMachine) -> bool:
    """Whether two machines answer alike to every text."""
    ours, theirs, pairs = one.class_of(), other.class_of(), [(0, 0)]
    for first, second in pairs:
        if one.answers[first] != other.answers[second]:
            return False
        for letter in ours:
            following = (one.table[first][ours[letter]], other.table[second][theirs[letter]])
            if following not in pairs:
                pairs.append(following)
    return True


@pytest.mark.parametrize("source", ["a{1,2}", "[ab]{1,3}", "a|bc", "([ab]{2})*", "(a|b)*a(a|b)"])
def test_extra_state_finds_each_split_state_that_none_misses(source: str) -> None:
    rule = toy_of(source)
    faults = [fault for fault in with_a_split_state(rule.machine) if not is_the_same(fault, rule.machine)]
    assert len(faults) > 100
    left = []
    for extra_states in (0, 1):
        texts = list(CompleteSuite(rule, extra_states))
        right = [rule.machine.answer(text) for text in texts]
        left.append(sum(not finds(fault, texts, right) for fault in faults))
    assert left[0] > 0, "the suite without extra states misses some"
    assert left[1] == 0


def test_extra_state_finds_a_byte_taken_for_another_behind_one() -> None:
    """Over all bytes, of a rule that is shipped: behind `q` the implementation is in a state of its own."""
    rule = rule_of_policy(RULES["orders"])
    assert rule is not None
    right, wrong = (
        re.compile(source).fullmatch for source in (rb"[a-z]{2}-[0-9a-f]{8}", rb"([a-z]{2}|q\.)-[0-9a-f]{8}")
    )
    found = [
        next((text for text in CompleteSuite(rule, extra) if bool(right(text)) != bool(wrong(text))), None)
        for extra in (0, 1)
    ]
    assert found == [None, b"q.-aaaaaaaa"]


def test_suite_with_an_extra_state_is_not_held_in_memory() -> None:
    rule = rule_of_policy(STRICT)
    assert rule is not None
    suite = CompleteSuite(rule, 1)
    assert suite.amount.texts == 40_176_034
    for phase in (suite.state_phase, suite.transition_phase):
        next(iter(phase()))
        tracemalloc.start()
        try:
            deque(islice(phase(), 100_000), maxlen=0)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 300_000
