"""Texts about the greatest length: they are evidence for the limit, and show a rule that counts or reads otherwise."""

from collections import Counter
from dataclasses import replace

import pytest

from harness.checks.row_checks import header_claim
from harness.rule.cases import Kind, control_cases, fixed_cases
from harness.rule.limit import cut_texts, edge_texts, limit_texts, longest_texts
from harness.rule.policy import FIELD_BYTES, POLICIES, STRICT, Policy
from tests.rule.fix_rules import FEATURE, ORDERS, matching
from tests.rule.test_operations import ROLLOUTS

EACH_POLICY = pytest.mark.parametrize("policy", [*POLICIES.values(), ORDERS], ids=[*POLICIES, "orders"])


@EACH_POLICY
def test_longest_text_is_stored_and_no_longer_one(policy: Policy) -> None:
    for text in longest_texts(policy):
        assert len(text) == policy.length_max
        assert policy.stored([text]) == text.decode("latin-1")
        assert policy.stored([text + text[-1:]]) != (text + text[-1:]).decode("latin-1")


@pytest.mark.parametrize("policy", [FEATURE, matching("[a-z]+")], ids=["words", "no bound"])
def test_rule_without_a_bound_has_no_such_texts(policy: Policy) -> None:
    assert not [*longest_texts(policy), *edge_texts(policy), *limit_texts(policy)]


@EACH_POLICY
def test_texts_are_of_http_and_about_the_greatest_length(policy: Policy) -> None:
    for text in (*edge_texts(policy), *limit_texts(policy)):
        assert policy.length_max <= len(text) <= policy.length_max + 1
        assert not text.translate(None, FIELD_BYTES)


def test_each_byte_is_tried_at_the_limit_of_the_plans_rule() -> None:
    claims = Counter(header_claim([text], STRICT) for text in set(limit_texts(STRICT)))
    assert claims["V2"] >= 500
    assert claims["V3"] >= 150
    edges = Counter(header_claim([text], STRICT) for text in set(edge_texts(STRICT)))
    assert edges == {"V2": 4, "V3": 2, "V1": 2}


@pytest.mark.parametrize("byte", [b"-", b"_", b"9"])
def test_limit_that_counts_a_byte_otherwise_is_shown(byte: bytes) -> None:
    """Most texts of a suite repeat one letter: a limit that leaves another byte out of its count passes them."""
    too_long = [text for text in limit_texts(STRICT) if len(text) > STRICT.length_max]
    assert any(len(text.replace(byte, b"")) <= STRICT.length_max for text in too_long)


def test_rule_that_trims_before_it_cuts_is_shown_at_the_limit() -> None:
    policy = ROLLOUTS["machine-id"]
    cut, trim, *others = policy.rule
    swapped = replace(policy, rule=(trim, cut, *others))
    told = [text for text in cut_texts(policy) if policy.stored([text]) != swapped.stored([text])]
    assert {header_claim([text], policy) for text in told} == {"V2"}
    assert not [*cut_texts(STRICT)]


def test_every_byte_that_http_refuses_is_in_a_case() -> None:
    cases = (*control_cases(), *(case for case in fixed_cases() if case.label is Kind.CONTROL))
    assert all(case.refused_by_http for case in cases)
    inside = {byte for case in cases for value in case.values for byte in value} - {*FIELD_BYTES}
    assert inside == {*range(0x80)} - {*FIELD_BYTES}
    assert len({case.lines for case in cases}) == len(cases)
