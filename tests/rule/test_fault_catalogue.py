"""Faults follow from a rule and its reading: each does what its sentence says, and is told apart or counted."""

from collections import Counter

import pytest

from harness.rollout import load_rollout
from harness.rule.behaviour import behaviour_of
from harness.rule.equivalence import is_equivalent
from harness.rule.faults import RuleFault, rule_faults, told_faults
from harness.rule.policy import FIELD_BYTES, Policy
from harness.rule.telling import telling_headers
from harness.run.rollout_show import describe_rollout
from tests.rule.fix_rules import matching
from tests.rule.test_operations import EACH, ROLLOUTS

TOLD = {
    "posthog-distinct-id": (53, 6, 1),
    "length-only": (44, 3, 0),
    "machine-id": (41, 9, 0),
    "feature": (44, 8, 2),
    "orders": (55, 5, 0),
}
"""Faults that a header tells from the rule, those that none of the pool does, and those that none can."""
PLAN = ROLLOUTS["posthog-distinct-id"]


def fault_of(policy: Policy, sentence: str) -> RuleFault:
    return next(fault for fault in rule_faults(behaviour_of(policy)) if fault.sentence == sentence)


@EACH
def test_behaviour_of_a_rule_is_the_policy(policy: Policy) -> None:
    behaviour = behaviour_of(policy)
    stored = behaviour.function()
    assert [lines for lines in telling_headers(behaviour) if stored(lines) != policy.stored(lines)] == []


@pytest.mark.parametrize("name", TOLD)
def test_faults_are_told_apart_or_counted(name: str) -> None:
    found = told_faults(ROLLOUTS[name])
    assert (len(found.told), len(found.untold), len(found.equivalent)) == TOLD[name]
    right = ROLLOUTS[name].stored
    assert all(fault.function()(lines) != right(lines) for fault, lines in found.told)
    assert all(fault.sentence in str(found) for fault in (*found.untold, *found.equivalent))


def test_a_fault_of_another_machine_is_not_equivalent() -> None:
    faults = rule_faults(behaviour_of(PLAN))
    same = [fault.sentence for fault in faults if is_equivalent(PLAN, fault.behaviour)]
    assert same == ["0 to 255 characters, not 1 to 255 characters"]


def test_every_operator_of_the_rules_is_there() -> None:
    operators = Counter(
        fault.operator for policy in ROLLOUTS.values() for fault, _ in told_faults(policy).told
    )
    assert set(operators) == {
        *("bound", "class", "part", "anchor", "found", "cut", "take", "trim", "lower", "lost", "swap"),
        *("reading", "storing"),
    }


def test_with_every_byte_each_byte_is_a_fault_of_the_plan() -> None:
    found = told_faults(PLAN, every_byte=True)
    assert sum(fault.operator == "class" for fault, _ in found.told) == len(FIELD_BYTES) + 2
    assert (len(found.untold), len(found.equivalent)) == TOLD["posthog-distinct-id"][1:]


@pytest.mark.parametrize(
    ("rollout", "sentence", "lines", "value"),
    [
        ("posthog-distinct-id", "a dot is accepted", (b"a.b",), "a.b"),
        ("posthog-distinct-id", "the letter z is refused", (b"z",), None),
        ("posthog-distinct-id", "1 to 256 characters, not 1 to 255 characters", (b"a" * 256,), "a" * 256),
        ("posthog-distinct-id", "the expression is not anchored at its end", (b"a!",), "a!"),
        ("posthog-distinct-id", "of a text the part that fits is stored", (b"!a!",), "a"),
        ("posthog-distinct-id", "of several lines the last counts", (b"a", b"b"), "b"),
        ("posthog-distinct-id", "percent-encoding is undone", (b"%61",), "a"),
        ("posthog-distinct-id", "quotes around the value are dropped", (b'"a"',), "a"),
        ("posthog-distinct-id", "what is accepted is stored cut to 32", (b"a" * 33,), "a" * 32),
        ("machine-id", "499 units are taken, not 500", (b"a" * 500,), "a" * 499),
        ("machine-id", "the last 500 units are taken", (b"a" + b"b" * 500,), "b" * 500),
        ("machine-id", "a longer text is refused, not cut", (b"a" * 501,), None),
        ("machine-id", "bytes are counted, not units", (b"\xe9" * 251,), "é" * 250),
        ("machine-id", "only the left end is trimmed", (b"a\xa0",), "a\xa0"),
        ("machine-id", "Python's blanks are trimmed, not JavaScript's", (b"\x85a",), "a"),
        ("feature", "letters become upper case", (b"cli",), None),
        ("feature", "the word `cli` is not known", (b"cli",), None),
        ("orders", "`[a-f0-9]{8,9}` instead of `[a-f0-9]{8}`", (b"eu-0123abcd0",), "eu-0123abcd0"),
        ("orders", "blanks at the end are kept", (b"eu-0123abcd ",), None),
        ("orders", "letters are accepted in any case in `[a-z]`", (b"EU-0123abcd",), "EU-0123abcd"),
        ("orders", "what is accepted is stored up to its first `-`", (b"eu-0123abcd",), "eu"),
        ("orders", "what is accepted is stored from behind its last `-`", (b"eu-0123abcd",), "0123abcd"),
        ("orders", "bytes are read as latin-1", (b"eu-0123abcd",), "eu-0123abcd"),
    ],
)
def test_a_fault_does_what_its_sentence_says(
    rollout: str, sentence: str, lines: tuple[bytes, ...], value: str | None
) -> None:
    assert fault_of(ROLLOUTS[rollout], sentence).function()(lines) == value


def test_rollout_show_counts_the_faults_of_the_rule() -> None:
    lines = list(describe_rollout(load_rollout()))
    (told,) = [line for line in lines if line.startswith("faults that follow from the rule: ")]
    assert "60 faults, 53 of which a header tells from the rule; 1 equivalent: " in told


def test_optional_part_is_tried_at_its_longest_and_twice() -> None:
    found = told_faults(matching("[A-Z]{2}(/[a-z]{1,8})?"))
    told = [fault.sentence for fault, _ in found.told]
    assert {"`[a-z]{1,9}` instead of `[a-z]{1,8}`", "`[a-z]{1,7}` instead of `[a-z]{1,8}`"} <= {*told}
    assert "`(?:\\/[a-z]{1,8}){0,2}` instead of `(?:\\/[a-z]{1,8})?`" in told
    assert not [fault for fault in found.untold if fault.operator == "bound"]
