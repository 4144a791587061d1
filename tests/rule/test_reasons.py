"""A reason is given exactly where the policy stores nothing, and it is the right one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import plan
from harness.rule.policy import POLICIES, STRICT, Policy, refused
from harness.rule.reasons import http_reason, reason
from tests.fix_headers import examples

LINES = st.lists(st.binary(max_size=300), max_size=3)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@given(lines=LINES)
@examples(300)
def test_reason_is_given_exactly_where_nothing_is_stored(policy: Policy, lines: list[bytes]) -> None:
    assert (reason(policy, lines) == "") == (policy.stored(lines) is not None)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "not sent"),
        ([b" \t "], "empty"),
        ([b"a" * 1234], "too long: 1,234 > 255"),
        ([b"ab!"], "character ! at position 3"),
        ([b"  a b"], r"character \x20 at position 2"),
        ([b"\xff"], r"character \xff at position 1"),
        ([b"", b""], "duplicate lines, joined: character , at position 1"),
    ],
)
def test_reason_names_the_first_thing_that_is_wrong(lines: list[bytes], told: str) -> None:
    assert reason(STRICT, lines) == told


@given(st.binary(max_size=20).filter(refused))
@examples(200)
def test_http_reason_names_a_byte_that_http_refuses(line: bytes) -> None:
    told = http_reason(400, [b"fine", line], plan.HEADER)
    place = int(told.removesuffix(f" of {plan.HEADER}").rpartition(" ")[2])
    assert refused(line[place - 1 : place])
    assert not refused(line[: place - 1])
    assert f"\\x{line[place - 1]:02x}" in told
