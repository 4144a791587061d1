"""The machine of a rule answers as its operations do: for every shipped rule, and for each operation by itself."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.automata.identification import identified
from harness.automata.letters import FIELD_BYTES
from harness.automata.machine import Answer
from harness.automata.suites import SuiteKind, texts
from harness.rollout.tables import Operation
from harness.rule.machine import NoMachineError, ascii_alone, machine_of
from harness.rule.oracle import NodeOracle
from harness.rule.policy import Policy
from harness.rule.reading import HeaderReading
from tests.fix_headers import examples
from tests.rule.fix_rules import FEATURE, ORDERS, RULES, SMALL, WORDS, matching

BOTH = {**RULES, **SMALL}


def told(policy: Policy, line: bytes) -> Answer:
    """The answer that the policy's machine should give."""
    stored = policy.stored([line])
    if stored is None:
        return False
    return stored if any(operation.one_of for operation in policy.rule) else True


@pytest.mark.parametrize("name", SMALL)
def test_machine_answers_as_the_operations_do(name: str) -> None:
    machine = machine_of(SMALL[name])
    for length in range(6):
        for letters in itertools.product(b"abA \xa0\xe9", repeat=length):
            line = bytes(letters)
            assert machine.answer(line) == told(SMALL[name], line), line


@pytest.mark.parametrize("name", BOTH)
def test_machine_answers_as_the_policy_on_the_short_suite(name: str) -> None:
    machine = machine_of(BOTH[name])
    for line in texts(identified(machine), SuiteKind.SHORT):
        assert machine.answer(line) == told(BOTH[name], line), line


@examples(300)
@given(
    name=st.sampled_from(sorted(BOTH)),
    parts=st.lists(
        st.sampled_from([*WORDS, "a", "B", " ", "\t", "\xa0", "é", "É", "-", "0", "a" * 250, " " * 499]),
        max_size=5,
    ),
)
def test_machine_answers_as_the_policy_on_any_text(name: str, parts: list[str]) -> None:
    line = "".join(parts).encode("latin-1")
    assert machine_of(BOTH[name]).answer(line) == told(BOTH[name], line)


@pytest.mark.parametrize(
    ("name", "states", "classes"),
    [
        *(
            ("strict", 257, 3),
            ("length-only", 257, 2),
            ("machine-id", 502, 3),
            ("feature", 181, 27),
            ("orders", 13, 6),
        ),
        *(
            ("uuid", 38, 6),
            ("words", 138, 27),
            ("digits", 22, 3),
            ("base64url", 8, 4),
            ("many states", 515, 4),
        ),
    ],
)
def test_machine_has_no_state_too_many(name: str, states: int, classes: int) -> None:
    machine = machine_of(RULES[name])
    assert (machine.states, len(machine.classes)) == (states, classes)


def test_answers_of_a_list_of_words_are_the_words() -> None:
    assert set(machine_of(FEATURE).answers) == {False, *WORDS}
    assert set(machine_of(RULES["strict"]).answers) == {False, True}


@pytest.mark.parametrize("name", ["feature", "orders", "machine-id", "strict"])
def test_node_agrees_with_the_machine_on_the_short_suite(name: str, oracle: NodeOracle) -> None:
    policy = RULES[name]
    machine = machine_of(policy)
    lines = list(texts(identified(machine), SuiteKind.SHORT))
    for line, stored in zip(lines, oracle.stored(policy, [[line] for line in lines]), strict=True):
        answer = machine.answer(line)
        assert (stored == answer) if isinstance(answer, str) else ((stored is not None) is answer), line


@pytest.mark.parametrize(
    ("rule", "alone"),
    [
        ((Operation(match="[a-z]+"),), True),
        ((Operation(match=r"\S+"),), False),
        ((Operation(match="é"),), False),
        ((Operation(match="[a-z]+"), Operation(take=2), Operation(trim="js")), True),
        ((Operation(take=2), Operation(match="[a-z]+")), False),
        ((Operation(trim="js"), Operation(match="[a-z]+")), False),
        ((Operation(trim="http"), Operation(lower="ascii"), Operation(one_of=("a", "b"))), True),
        ((Operation(lower="js"), Operation(one_of=("k",))), False),  # KELVIN SIGN, lower-cased, is k
        ((Operation(trim="http"),), False),
    ],
)
def test_utf_8_has_a_machine_where_ascii_alone_is_accepted(rule: tuple[Operation, ...], alone: bool) -> None:
    assert ascii_alone(rule) is alone
    policy = Policy("utf-8", rule, HeaderReading(decode="utf-8"))
    if alone:
        machine = machine_of(policy)
        for line in ("a", "ab", "é", "aé", "k", "\u212a", "a\u2028"):
            raw = bytes(byte for byte in line.encode() if byte in FIELD_BYTES)
            assert (machine.answer(raw) is not False) is (policy.stored([raw]) is not None)
    else:
        with pytest.raises(NoMachineError, match="in UTF-8"):
            machine_of(policy)


def test_kelvin_sign_is_why_lower_case_is_not_ascii_alone() -> None:
    policy = Policy("k", (Operation(lower="js"), Operation(one_of=("k",))), HeaderReading(decode="utf-8"))
    assert policy.stored(["\u212a".encode()]) == "k"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ((Operation(match="(?=a)a"),), "look-ahead at position 1 has no finite automaton"),
        ((Operation(take=30_000),), "more than 20,000 states"),
        (
            (Operation(take=300), Operation(match="[a-z]*"), Operation(match="(a|b)*a(a|b){14}")),
            "20,000 states",
        ),
    ],
)
def test_rule_without_a_machine_says_why(rule: tuple[Operation, ...], why: str) -> None:
    with pytest.raises(NoMachineError, match=why):
        machine_of(Policy("none", rule))


def test_orders_are_read_as_utf_8_and_have_a_machine() -> None:
    assert ORDERS.reading.decode == "utf-8"
    assert machine_of(ORDERS) == machine_of(matching("[a-z]{2}-[0-9a-f]{8}"))
