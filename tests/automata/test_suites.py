"""Suites of any machine: what identifies its states, how large each size is, and which one-step faults it finds."""

from dataclasses import replace

import pytest

from harness.automata.compiled import compiled
from harness.automata.identification import Identified, identified
from harness.automata.letters import FIELD_BYTES
from harness.automata.machine import Answer, StateMachine
from harness.automata.pattern import parsed
from harness.automata.suites import SuiteKind, texts

SOURCES = ("[ab]{1,3}", "a|bc", r"\d{1,3}", "([a-z]{2})*", "ab?c*", "[^]*", "[]", "(a|b)*a(a|b)")
EACH_SOURCE = pytest.mark.parametrize("source", SOURCES)


def rule_of(source: str) -> Identified:
    return identified(compiled(parsed(source).tree))


def answers(machine: StateMachine, state: int, endings: tuple[bytes, ...]) -> list[Answer]:
    classes = machine.class_of()
    given = []
    for ending in endings:
        at = state
        for byte in ending:
            at = machine.table[at][classes[byte]]
        given.append(machine.answers[at])
    return given


@EACH_SOURCE
def test_access_words_lead_to_their_states_and_begin_with_others(source: str) -> None:
    rule = rule_of(source)
    assert [rule.machine.state_after(word) for word in rule.access] == list(range(rule.states))
    assert all(word[:-1] in rule.access for word in rule.access)


@EACH_SOURCE
def test_characterising_set_tells_all_states_apart(source: str) -> None:
    rule = rule_of(source)
    rows = [answers(rule.machine, state, rule.characterising) for state in range(rule.states)]
    assert len({tuple(row) for row in rows}) == rule.states


@EACH_SOURCE
def test_own_words_tell_a_state_from_every_other(source: str) -> None:
    rule = rule_of(source)
    for state in range(rule.states):
        endings = tuple(rule.own_words(state))
        rows = [answers(rule.machine, other, endings) for other in range(rule.states)]
        assert rows.count(rows[state]) == 1


@EACH_SOURCE
@pytest.mark.parametrize("kind", SuiteKind)
def test_each_text_is_there_once_and_of_the_letters(source: str, kind: SuiteKind) -> None:
    found = list(texts(rule_of(source), kind))
    assert found
    assert len(set(found)) == len(found)
    assert not b"".join(found).translate(None, FIELD_BYTES)


def one_step_faults(machine: StateMachine) -> list[StateMachine]:
    """Machines that are this one but for one transition on one byte, of each class two."""
    faults = []
    for number, members in enumerate(machine.classes):
        for byte in members[:2]:
            others = bytes(letter for letter in members if letter != byte)
            classes = [members for at, members in enumerate(machine.classes) if at != number]
            for state in range(machine.states):
                for target in range(machine.states):
                    if target == machine.table[state][number]:
                        continue
                    rows = [
                        (*(row[at] for at in range(len(row)) if at != number), row[number], row[number])
                        for row in machine.table
                    ]
                    rows[state] = (*rows[state][:-1], target)
                    faults.append(
                        replace(machine, classes=(*classes, others, bytes([byte])), table=tuple(rows))
                    )
    return faults


def finds(fault: StateMachine, suite: list[bytes], right: list[Answer]) -> bool:
    """Whether one of the answers is wrong."""
    classes, table = fault.class_of(), fault.table
    for text, answer in zip(suite, right, strict=True):
        state = 0
        for byte in text:
            state = table[state][classes[byte]]
        if fault.answers[state] != answer:
            return True
    return False


@EACH_SOURCE
def test_complete_suite_finds_every_one_step_fault(source: str) -> None:
    rule = rule_of(source)
    complete = list(texts(rule, SuiteKind.COMPLETE))
    right = [rule.machine.answer(text) for text in complete]
    for fault in one_step_faults(rule.machine):
        assert finds(fault, complete, right)


@EACH_SOURCE
def test_byte_for_byte_finds_every_byte_taken_for_another(source: str) -> None:
    rule = rule_of(source)
    suite = list(texts(rule, SuiteKind.BYTES))
    right = [rule.machine.answer(text) for text in suite]
    for fault in one_step_faults(rule.machine):
        state = next(at for at in range(rule.states) if fault.table[at][-1] != fault.table[at][-2])
        if fault.table[state][-1] in rule.machine.table[state]:
            assert finds(fault, suite, right)


def test_sizes_grow_from_short_to_complete() -> None:
    rule = rule_of("[a-z]{2}-[0-9a-f]{8}")
    assert [sum(1 for _ in texts(rule, kind)) for kind in SuiteKind] == [2038, 2914, 32943]
