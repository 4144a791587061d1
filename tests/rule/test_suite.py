"""The three levels: what they hold, how much, and that it never changes. test_completeness shows the proof."""

import hashlib
import tracemalloc

import pytest

from harness.rule.automaton import automaton
from harness.rule.policy import FIELD_BYTES, LENGTH_ONLY, POLICIES, STRICT, Policy
from harness.rule.suite import Level, bound, complete_suite, size, state_phase, suite, transition_phase
from tests.fix_headers import changed

EACH_POLICY = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)


@EACH_POLICY
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 255])
def test_complete_suite_is_both_phases_each_header_once(policy: Policy, limit: int) -> None:
    short = changed(policy, length_max=limit)
    rule = automaton(short)
    headers = list(complete_suite(short))
    assert len(set(headers)) == len(headers)
    assert set(headers) == {*state_phase(rule), *transition_phase(rule)}


def test_bound_states_the_counts_of_the_plans_rule() -> None:
    assert bound(STRICT) == (
        "accept/reject, deterministic implementations of at most 257 states, requests independent; "
        "115,387 headers, 18,973,527 bytes"
    )


def test_bound_of_length_only_has_its_own_counts() -> None:
    assert bound(LENGTH_ONLY).endswith(
        "at most 257 states, requests independent; 115,134 headers, 29,417,059 bytes"
    )


def test_complete_suite_is_the_same_in_every_run() -> None:
    digest = hashlib.sha256(b"\n".join(complete_suite(STRICT))).hexdigest()
    assert digest == "2e306169d9a411a1d3f6beab78af248e3bd191c322f6cddbdef45580e20ed4a6"


def test_complete_suite_is_not_held_in_memory() -> None:
    short = changed(STRICT, length_max=100)
    tracemalloc.start()
    try:
        octets = sum(map(len, complete_suite(short)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert octets > 2_900_000
    assert peak < 300_000


@EACH_POLICY
@pytest.mark.parametrize("level", Level)
def test_level_has_each_header_once_and_only_bytes_of_http(policy: Policy, level: Level) -> None:
    headers = list(suite(policy, level))
    assert len(set(headers)) == len(headers) == size(policy, level).headers
    assert not b"".join(headers).translate(None, FIELD_BYTES)


def test_levels_are_as_large_as_promised() -> None:
    assert 50 <= size(STRICT, Level.SMOKE).headers <= 70
    assert 3000 <= size(STRICT, Level.STANDARD).headers <= 5000


def test_standard_has_every_byte_at_three_places_of_six_lengths() -> None:
    headers = set(suite(STRICT, Level.STANDARD))
    for length in (1, 2, 254, 255, 256, 257):
        for place in {0, length // 2, length - 1}:
            for byte in FIELD_BYTES:
                header = bytearray(b"a" * length)
                header[place] = byte
                assert bytes(header) in headers


def test_smoke_has_the_borders_of_the_alphabet_and_of_the_length() -> None:
    headers = set(suite(STRICT, Level.SMOKE))
    assert {bytes([byte]) for byte in b"\t ,-./09:@AZ[^_`az{~\x80\xff"} <= headers
    assert {b"a" * length for length in (0, 1, 2, 254, 255, 256, 257)} <= headers


def test_smoke_of_length_only_has_the_borders_of_its_trim() -> None:
    assert {b"\x9f", b"\xa0", b"\xa1", b"a\xa0"} <= set(suite(LENGTH_ONLY, Level.SMOKE))


@EACH_POLICY
def test_each_level_has_headers_of_both_answers(policy: Policy) -> None:
    for level in Level:
        assert any(policy.stored([header]) is None for header in suite(policy, level))
        assert any(policy.stored([header]) is not None for header in suite(policy, level))
