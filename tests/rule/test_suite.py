"""The levels for every rule: what they hold, how much, what they prove, and that it never changes."""

import hashlib
import tracemalloc

import pytest

from harness.automata.letters import FIELD_BYTES
from harness.automata.suites import SuiteKind
from harness.checks.row_checks import header_claim
from harness.rollout.tables import Operation
from harness.rule.machine import NoMachineError
from harness.rule.policy import LENGTH_ONLY, POLICIES, STRICT, Policy
from harness.rule.suite import (
    Level,
    bound,
    complete_suite,
    function_kind,
    function_suite,
    kind_size,
    proves_values,
    sent_kind,
    size,
    suite,
    why_sampled,
)
from harness.rule.suite_summary import described, summary
from tests.fix_headers import changed
from tests.rule.fix_rules import FEATURE, RULES, SMALL, matching

EACH_POLICY = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
COMPLETE = {
    "strict": "257 states, requests independent; 115,637 headers, 18,876,239 bytes",
    "length-only": "257 states, requests independent; 115,133 headers, 29,360,193 bytes",
    "machine-id": "502 states, requests independent; 114,944 headers, 29,543,143 bytes",
    "orders": "13 states, requests independent; 32,899 headers, 384,125 bytes",
    "uuid": "38 states, requests independent; 297,047 headers, 10,853,320 bytes",
    "digits": "22 states, requests independent; 9,887 headers, 105,209 bytes",
    "base64url": "8 states, requests independent; 5,176 headers, 21,119 bytes",
    "many states": "515 states, requests independent; 233,825 headers, 3,151,070 bytes",
}
BYTES = {
    "feature": "in each of 181 states, no byte is taken for one of another class; 44,090 headers, 561,665 bytes",
    "words": "in each of 138 states, no byte is taken for one of another class; 34,584 headers, 424,178 bytes",
}
SAMPLED = {
    'header.suite = "sampled"': Policy("sampled", STRICT.rule, is_sampled=True),
    "look-ahead at position 1 has no finite automaton": Policy("look", (Operation(match="(?=a)a"),)),
    "more than 20,000 states": Policy("take", (Operation(take=30_000), Operation(match="a*"))),
    "its 1,002 states are more than 1,000": Policy("long", (Operation(match="[a-z]{1,1000}"),)),
}


@pytest.mark.parametrize("name", COMPLETE)
def test_exhaustive_level_is_complete_with_its_bound(name: str) -> None:
    policy = RULES[name]
    assert sent_kind(policy, Level.EXHAUSTIVE) is function_kind(policy, Level.STANDARD) is SuiteKind.COMPLETE
    assert bound(policy) == f"accept/reject, deterministic implementations of at most {COMPLETE[name]}"


@pytest.mark.parametrize("name", BYTES)
def test_rule_of_words_is_sent_byte_for_byte(name: str) -> None:
    policy = RULES[name]
    assert sent_kind(policy, Level.EXHAUSTIVE) is function_kind(policy, Level.STANDARD) is SuiteKind.BYTES
    assert function_kind(policy, Level.EXHAUSTIVE) is SuiteKind.COMPLETE
    assert bound(policy, SuiteKind.BYTES) == BYTES[name]


def test_stored_words_are_proven_and_other_values_are_not() -> None:
    assert [name for name, policy in RULES.items() if proves_values(policy)] == ["feature"]
    assert bound(FEATURE, SuiteKind.SHORT).startswith(
        "in each of 181 states one byte of each class, each byte in 9; "
    )


def test_complete_suite_is_the_same_in_every_run() -> None:
    digest = hashlib.sha256(b"\n".join(complete_suite(STRICT))).hexdigest()
    assert digest == "97025c59403d4c2de3531b7c04878e3324a41a92cc3a6ebd07d20ab671b5859c"


def test_complete_suite_is_not_held_in_memory() -> None:
    short = changed(STRICT, length_max=100)
    next(complete_suite(short))  # the machine and what identifies its states
    tracemalloc.start()
    try:
        octets = sum(map(len, complete_suite(short)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert octets > 2_900_000
    assert peak < 300_000


@pytest.mark.parametrize("name", [*RULES, *SMALL])
@pytest.mark.parametrize("level", [Level.SMOKE, Level.STANDARD])
def test_level_has_each_header_once_and_only_bytes_of_http(name: str, level: Level) -> None:
    policy = {**RULES, **SMALL}[name]
    headers = list(suite(policy, level))
    assert len(set(headers)) == len(headers) == size(policy, level).headers
    assert not b"".join(headers).translate(None, FIELD_BYTES)


@EACH_POLICY
def test_exhaustive_level_adds_borders_to_the_complete_suite(policy: Policy) -> None:
    headers = list(suite(policy, Level.EXHAUSTIVE))
    assert len(set(headers)) == len(headers)
    assert {*complete_suite(policy), *suite(policy, Level.SMOKE)} == set(headers)


def test_levels_are_as_large_as_promised() -> None:
    sizes = {
        name: [size(policy, level).headers for level in (Level.SMOKE, Level.STANDARD)]
        for name, policy in RULES.items()
    }
    assert sizes == {
        "strict": [55, 3319],
        "length-only": [27, 2788],
        "machine-id": [32, 4020],
        "feature": [266, 8936],
        "orders": [76, 2268],
        "uuid": [92, 2429],
        "words": [176, 7857],
        "digits": [38, 2133],
        "base64url": [99, 2202],
        "many states": [55, 6326],
    }


def test_smoke_has_the_borders_of_the_alphabet_and_of_the_length() -> None:
    headers = set(suite(STRICT, Level.SMOKE))
    assert {bytes([byte]) for byte in b"\t ,-./09:@AZ[^_`az{~\x80\xff"} <= headers
    assert {b"a" * length for length in (0, 1, 2, 254, 255, 256, 257)} <= headers


def test_smoke_of_length_only_has_the_borders_of_its_trim() -> None:
    assert {b"\x9f", b"\xa0", b"\xa1", b"a\xa0"} <= set(suite(LENGTH_ONLY, Level.SMOKE))


def test_smoke_has_what_a_take_leaves() -> None:
    assert {b"a" * length for length in (499, 500, 501, 502)} <= set(suite(RULES["machine-id"], Level.SMOKE))


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("level", [Level.SMOKE, Level.STANDARD])
def test_each_level_has_headers_of_both_answers(name: str, level: Level) -> None:
    stored = [RULES[name].stored([header]) for header in suite(RULES[name], level)]
    assert None in stored
    assert any(value is not None for value in stored)


@pytest.mark.parametrize("why", SAMPLED)
def test_rule_without_a_suite_is_sampled_and_says_why(why: str) -> None:
    policy = SAMPLED[why]
    assert why_sampled(policy) == why
    assert sent_kind(policy, Level.EXHAUSTIVE) is function_kind(policy, Level.EXHAUSTIVE) is None
    headers = list(suite(policy, Level.EXHAUSTIVE))
    assert {bytes([byte]) for byte in FIELD_BYTES} <= set(headers)
    assert list(function_suite(policy, Level.STANDARD)) == headers
    with pytest.raises(NoMachineError):
        complete_suite(policy)


def test_sizes_are_counted_for_each_kind() -> None:
    assert [kind_size(RULES["orders"], kind).headers for kind in SuiteKind] == [2238, 3110, 32899]


def test_summary_has_three_sizes_and_says_which_is_sent() -> None:
    uses = {
        name: [(suite.headers, suite.use) for suite in found.suites]
        for name in ("orders", "feature")
        if (found := summary(RULES[name]))
    }
    assert uses == {
        "orders": [
            (2238, "sent at standard"),
            (3110, "not needed"),
            (32899, "sent at exhaustive"),
        ],
        "feature": [
            (8816, "sent at standard"),
            (44090, "sent at exhaustive"),
            (5499993, "given to the rule as a function, at exhaustive"),
        ],
    }


def test_rule_without_a_suite_is_described_with_its_reason() -> None:
    policy = SAMPLED["more than 20,000 states"]
    assert summary(policy) is None
    assert list(described(policy)) == ["suite: none, headers are sampled: more than 20,000 states"]


@pytest.mark.parametrize(
    "source",
    [
        "[A-Z]{2}[0-9]{1,4}(/[a-z]{1,8})?",
        "([a-z]{1,8}/){0,3}[A-Z]{2}",
        "(ab){1,5}",
        "a|bcd|[0-9]{1,6}",
        "[0-9a-f]{8}-[0-9a-f]{4}",
    ],
)
def test_every_level_has_the_longest_value_and_one_longer(source: str) -> None:
    policy = matching(source)
    rows = [header_claim([value], policy) for value in suite(policy, Level.SMOKE)]
    assert rows.count("V2") >= 2
    lengths = {len(policy.stored([value]) or "") for value in suite(policy, Level.SMOKE)}
    assert max(lengths) == policy.length_max
    assert policy.length_max + 1 in {len(value) for value in suite(policy, Level.SMOKE)}


def test_smoke_has_each_part_once_more_than_it_may_be() -> None:
    one_more = matching("[A-Z]{2}[0-9]{1,5}(/[a-z]{1,8})?")
    policy = matching("[A-Z]{2}[0-9]{1,4}(/[a-z]{1,8})?")
    assert any(one_more.stored([value]) != policy.stored([value]) for value in suite(policy, Level.SMOKE))
