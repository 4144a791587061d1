"""Valid values are valid under every policy, hard ones are not stored as they are, and none comes twice."""

import pytest

from harness.clients.request_spec import plan_spec
from harness.probing.values import hard_values, valid_values
from harness.rule.accepted_values import AcceptedValues
from harness.rule.policy import LENGTH_ONLY, POLICIES, STRICT, Policy

HEADER = plan_spec().rollout.header


def valid_of(policy: Policy) -> list[bytes]:
    return valid_values(policy, AcceptedValues(policy, HEADER))


def hard_of(policy: Policy) -> list[bytes]:
    return hard_values(policy, valid_of(policy))


@pytest.mark.parametrize("policy", POLICIES.values(), ids=str)
def test_valid_values_are_stored_byte_for_byte(policy: Policy) -> None:
    values = valid_of(policy)
    assert all(policy.stored([value]) == value.decode("latin-1") for value in values)
    assert len(set(values)) == len(values) > 80


@pytest.mark.parametrize("policy", POLICIES.values(), ids=str)
def test_hard_values_are_not_stored_as_they_are(policy: Policy) -> None:
    values = hard_of(policy)
    assert all(policy.stored([value]) != value.decode("latin-1") for value in values)
    assert len(set(values)) == len(values)


def test_the_strict_rule_has_many_more_hard_values() -> None:
    assert len(hard_of(STRICT)) > 2 * len(hard_of(LENGTH_ONLY))


@pytest.mark.parametrize(
    "value", [b"007", b"1e3", b"true", b"null", b"__proto__", b"a--b", b"-", b"20260102", b"NaN", b"0x1F"]
)
def test_what_looks_like_something_else_is_among_the_valid(value: bytes) -> None:
    assert value in valid_of(STRICT)


def test_the_first_values_are_of_different_groups() -> None:
    first = valid_of(STRICT)[:8]
    assert {len(value) for value in first} >= {1, 255}
    assert b"0" in first
    assert any(value.startswith(b"vscode-") for value in first)


@pytest.mark.parametrize("length", [256, 512, 513, 4096])
def test_lengths_beyond_the_bound_and_multiples_of_it_are_tried(length: int) -> None:
    assert b"a" * length in hard_of(STRICT)
