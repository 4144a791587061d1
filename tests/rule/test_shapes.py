"""The sample values are what the rule accepts as it is: a database that changes one is wrong."""

import pytest

from harness.rule.policy import POLICIES, Policy
from harness.rule.shapes import EMAILS, STORED_VALUES, VALID_VALUES


@pytest.mark.parametrize("policy", POLICIES.values(), ids=str)
def test_each_policy_stores_the_valid_values_as_they_are(policy: Policy) -> None:
    assert [policy.accepted(value) for value in VALID_VALUES] == list(VALID_VALUES)


def test_the_samples_are_few_and_hold_null_and_emails() -> None:
    assert len(set(STORED_VALUES)) == len(STORED_VALUES) <= 40
    assert None in STORED_VALUES
    assert set(EMAILS) < set(STORED_VALUES)
    assert {1, 36, 64, 128, 255} <= {len(value) for value in VALID_VALUES}
