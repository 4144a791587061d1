"""Python's policy and the plan's JavaScript: alike on everything, and a policy with one fault is found out."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.rule import agreement, cases, strategies
from harness.rule.agreement import HEADERS_AT_ONCE, Disagreement, disagreements
from harness.rule.oracle import REFUSED, NodeOracle
from harness.rule.policy import LENGTH_ONLY, POLICIES, STRICT, Policy
from harness.rule.suite import Level, suite
from tests.fix_headers import ANY, changed, examples

EACH_POLICY = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)


def lines_of(headers: Iterable[bytes]) -> Iterable[tuple[bytes]]:
    return ((header,) for header in headers)


@EACH_POLICY
def test_policy_agrees_with_javascript_on_complete_suite(oracle: NodeOracle, policy: Policy) -> None:
    assert list(disagreements(policy, lines_of(suite(policy, Level.EXHAUSTIVE)), oracle)) == []


@EACH_POLICY
def test_policy_agrees_with_javascript_on_fixed_cases(oracle: NodeOracle, policy: Policy) -> None:
    assert list(disagreements(policy, (case.values for case in cases.fixed_cases()), oracle)) == []


@EACH_POLICY
@examples(15)
@given(some=st.lists(strategies.header_cases(), min_size=20, max_size=20))
def test_policy_agrees_with_javascript_on_strange_headers(
    oracle: NodeOracle, policy: Policy, some: list[cases.HeaderCase]
) -> None:
    assert list(disagreements(policy, [case.values for case in some], oracle)) == []


@examples(15)
@given(some=st.lists(strategies.header_cases(LENGTH_ONLY), min_size=20, max_size=20))
def test_length_only_agrees_with_javascript_on_its_own_headers(
    oracle: NodeOracle, some: list[cases.HeaderCase]
) -> None:
    assert list(disagreements(LENGTH_ONLY, [case.values for case in some], oracle)) == []


@pytest.mark.parametrize(
    ("policy", "level"),
    [
        pytest.param(changed(STRICT, length_max=254), Level.SMOKE, id="limit 254"),
        pytest.param(changed(STRICT, length_max=256), Level.SMOKE, id="limit 256"),
        pytest.param(changed(STRICT, length_max=10**6), Level.SMOKE, id="no limit"),
        pytest.param(changed(STRICT, "A-z0-9_-"), Level.SMOKE, id="A-z"),
        pytest.param(changed(STRICT, "A-Za-z0-9-"), Level.SMOKE, id="without _"),
        pytest.param(changed(STRICT, "A-Za-z0-8_-"), Level.SMOKE, id="without 9"),
        pytest.param(changed(STRICT, r"\w\xb5\xc0-\xff-"), Level.STANDARD, id="letters of latin-1"),
        pytest.param(changed(STRICT, ANY), Level.SMOKE, id="any character"),
        pytest.param(changed(LENGTH_ONLY, trims=False), Level.SMOKE, id="length-only without its trim"),
        pytest.param(changed(LENGTH_ONLY, length_max=254), Level.SMOKE, id="length-only with limit 254"),
    ],
)
def test_policy_with_one_fault_disagrees_with_javascript(
    oracle: NodeOracle, policy: Policy, level: Level
) -> None:
    headers = suite(POLICIES[policy.name], level)
    assert next(disagreements(policy, lines_of(headers), oracle), None) is not None


def test_disagreement_shows_header_and_both_readings(oracle: NodeOracle) -> None:
    faulty = changed(STRICT, "a-z")
    found = list(disagreements(faulty, [(b"a",), (b"9",), (b"a\x00",), ()], oracle))
    assert found == [Disagreement((b"9",), None, "9")]
    assert str(found[0]) == "[b'9']: Python None, JavaScript '9'"


def test_disagreements_takes_headers_as_it_needs_them(oracle: NodeOracle) -> None:
    taken = 0

    def endless() -> Iterable[tuple[bytes]]:
        nonlocal taken
        while True:
            taken += 1
            yield (b"9",)

    faulty = changed(STRICT, "a-z")
    assert next(iter(disagreements(faulty, endless(), oracle))).lines == (b"9",)
    assert taken == HEADERS_AT_ONCE


def test_reading_is_refused_when_any_line_is() -> None:
    assert agreement.reading(LENGTH_ONLY, (b"a", b"\x7f")) is REFUSED
    assert agreement.reading(LENGTH_ONLY, ()) is None
