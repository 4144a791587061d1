"""What a rule's operations mean, held to Node: on the rules of all rollouts, and on Hypothesis's rules and texts."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data import fixture_path
from harness.errors import UsageError
from harness.rollout import load_rollout
from harness.rollout.tables import Operation
from harness.rule import cases, strategies
from harness.rule.agreement import disagreements
from harness.rule.operations import apply_rule, javascript
from harness.rule.oracle import NodeOracle
from harness.rule.policy import FIELD_BYTES, LENGTH_ONLY, STRICT, Policy, policy_of
from harness.rule.reading import HeaderReading
from harness.rule.suite import Level, suite
from harness.rule.translated import python_pattern
from tests.fix_headers import examples

FOLDERS = {
    **{
        name: fixture_path(f"rollouts/{name}")
        for name in ("posthog-distinct-id", "length-only", "machine-id")
    },
    "feature": fixture_path("rollouts/feature"),
    "orders": Path(__file__).parent.parent / "rollouts" / "orders",
}
ROLLOUTS = {name: policy_of(load_rollout(folder)) for name, folder in FOLDERS.items()}
EACH = pytest.mark.parametrize("policy", ROLLOUTS.values(), ids=ROLLOUTS)

BYTES = st.sampled_from([bytes([byte]) for byte in FIELD_BYTES])
LIKELY = st.sampled_from(
    [b"a", b"Z", b"0", b"-", b"cli", b"CLI", b"slack", b"eu-0123abcd", b"\xa0", b" ", b"\xc3\xa9"]
)
LINE = st.one_of(
    st.lists(st.one_of(LIKELY, BYTES), max_size=6).map(b"".join),
    st.tuples(LIKELY, st.integers(1, 520)).map(lambda drawn: (drawn[0] * drawn[1])[:1040]),
    st.tuples(LIKELY, LIKELY, LIKELY).map(b"".join),
)
HEADERS = st.lists(st.lists(LINE, max_size=3), min_size=20, max_size=20)
"""Twenty at once: most of an example's time is Hypothesis's and the way to Node and back."""
OPERATIONS = st.one_of(
    st.builds(Operation, take=st.integers(1, 6), unit=st.sampled_from(("units", "bytes", "points"))),
    st.builds(Operation, trim=st.sampled_from(("js", "http"))),
    st.builds(Operation, lower=st.sampled_from(("js", "ascii"))),
    st.builds(
        Operation,
        match=st.sampled_from(
            (
                r".{0,4}",
                r"[^\s]*",
                r"\w+",
                r"(a|b)*\W?",
                r"[^]*",
                r"a{,2}|.*",
                r"(?:\bx)?[\S ]{1,5}",
                r"(?:(y)|z)\1[\d\D]*",
            )
        ),
    ),
    st.builds(Operation, one_of=st.just(("a", "cli", "é"))),
)
TEXT = st.text(
    st.one_of(st.sampled_from("abxyzA é\t\u00a0\ufeff\u0085\u2028İ🦔{,2}"), st.characters()), max_size=8
)


def fixed() -> list[tuple[bytes, ...]]:
    return [case.values for case in cases.fixed_cases() if not case.refused_by_http]


@EACH
def test_policy_of_a_file_agrees_with_its_javascript(oracle: NodeOracle, policy: Policy) -> None:
    headers = [
        *((value,) for each in (STRICT, LENGTH_ONLY) for value in suite(each, Level.STANDARD)),
        *fixed(),
    ]
    assert list(disagreements(policy, headers, oracle)) == []


@EACH
@examples(15)
@given(headers=HEADERS)
def test_policy_agrees_with_javascript_on_any_lines(
    oracle: NodeOracle, policy: Policy, headers: list[list[bytes]]
) -> None:
    assert list(disagreements(policy, headers, oracle)) == []


@EACH
@examples(10)
@given(headers=HEADERS)
def test_own_javascript_says_what_the_owners_does(
    oracle: NodeOracle, policy: Policy, headers: list[list[bytes]]
) -> None:
    written = javascript(policy.rule, policy.reading.decode, policy.reading.empty)
    assert list(disagreements(replace(policy, javascript=written), headers, oracle)) == []


@examples(500)
@given(rule=st.lists(OPERATIONS, min_size=1, max_size=4), text=TEXT)
def test_operations_mean_what_node_means(oracle: NodeOracle, rule: list[Operation], text: str) -> None:
    reading = HeaderReading(decode="utf-8", empty="value")
    written = javascript(rule, reading.decode, reading.empty)
    line = "".join(character for character in text if not 0xD800 <= ord(character) <= 0xDFFF).encode()
    policy = Policy("any", tuple(rule), reading, javascript=written)
    assert list(disagreements(policy, [(line,)], oracle)) == []


@pytest.mark.parametrize("policy", [STRICT, LENGTH_ONLY], ids=lambda policy: policy.name)
@examples(200)
@given(case=strategies.header_cases(LENGTH_ONLY))
def test_file_and_name_are_one_policy(policy: Policy, case: cases.HeaderCase) -> None:
    of_file = ROLLOUTS["posthog-distinct-id" if policy is STRICT else policy.name]
    assert of_file.rule == policy.rule
    assert of_file.stored(case.values) == policy.stored(case.values)


@pytest.mark.parametrize(
    ("unit", "text", "kept"),
    [("units", "a🦔b", "a\ufffd"), ("points", "a🦔b", "a🦔"), ("bytes", "aéb", "a"), ("bytes", "ééé", "é")],
)
def test_take_counts_in_its_unit(unit: str, text: str, kept: str) -> None:
    assert apply_rule([Operation(take=2, unit=unit)], text) == kept  # type: ignore[arg-type]


@pytest.mark.parametrize("duplicates", ["join", "first", "last"])
def test_reading_says_which_lines_count(duplicates: str) -> None:
    reading = HeaderReading(duplicates=duplicates)  # type: ignore[arg-type]
    assert reading.text([b" a ", b"", b"b"]) == {"join": "a, , b", "first": "a", "last": "b"}[duplicates]


def test_reading_decodes_utf8_and_replaces_what_is_none() -> None:
    assert HeaderReading(decode="utf-8").text([b"\xc3\xa9\xff"]) == "é\ufffd"
    assert HeaderReading().text([b"\xc3\xa9"]) == "Ã©"


def test_empty_is_absent_or_goes_through_the_rule() -> None:
    any_text = (Operation(match="[^]*"),)
    assert Policy("absent", any_text).stored([b" "]) is None
    assert Policy("value", any_text, HeaderReading(empty="value")).stored([b" "]) == ""


def test_absent_header_stores_what_its_path_says() -> None:
    policy = replace(STRICT, absent={"/alias": "direct"})
    assert (policy.stored([], "/alias"), policy.stored([], "/"), policy.stored([b"!"], "/alias")) == (
        "direct",
        None,
        None,
    )
    assert policy.stored([b" "], "/alias") == "direct"


@pytest.mark.parametrize("source", ["(", "a++", "(?>a)", "(?#a)", "a{2,1}", "[b-a]", "(?P<n>a)", "*"])
def test_what_is_no_expression_is_refused_in_one_line(source: str) -> None:
    with pytest.raises(UsageError, match="is no regular expression") as caught:
        python_pattern(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "source", [".", r"\s", r"\S", r"[\s]", r"[^\s]", r"[\S]", r"\w", r"[\W]", r"\d", r"[^]", r"[^a-\xff]"]
)
def test_classes_hold_what_they_hold_in_node(oracle: NodeOracle, source: str) -> None:
    codes = [*range(0x21, 0x300), *range(0x1600, 0x2100), *range(0x2FF0, 0x3010), *range(0xFE00, 0x10000)]
    headers = [(chr(code).encode(),) for code in codes if code != 0x7F]
    rule = (Operation(match=source),)
    policy = Policy("class", rule, HeaderReading(decode="utf-8"), javascript=javascript(rule, "utf-8"))
    assert list(disagreements(policy, headers, oracle)) == []
