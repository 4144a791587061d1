"""Strategies: every class comes, faults are found, and finds are small."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import unquote

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from harness.rule import cases, strategies
from harness.rule.cases import NAME, HeaderCase, Kind
from harness.rule.policy import JS_TRIM, LENGTH_ONLY, POLICIES, STRICT, Policy, received
from tests.fix_headers import examples

SEARCH = examples(5000)

Rule = Callable[[str], str | None]


def by_pattern(pattern: str, change: Callable[[str], str] = str) -> Rule:
    def rule(text: str) -> str | None:
        changed = change(text)
        return changed if re.fullmatch(pattern, changed) else None

    return rule


def differs(rule: Rule) -> Callable[[HeaderCase], bool]:
    def seen(case: HeaderCase) -> bool:
        text = received(case.values)
        return not case.refused_by_http and bool(text) and rule(text or "") != case.expected(STRICT)

    return seen


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_every_class_is_drawn(policy: Policy) -> None:
    drawn: Counter[str] = Counter()

    @examples(250)  # sixteen kinds, each as likely: one of them is missing once in a million runs
    @given(case=strategies.header_cases(policy))
    def draw(case: HeaderCase) -> None:
        drawn[case.label] += 1

    draw()
    assert set(drawn) == set(cases.CLASSES)


@examples(100)
@given(case=strategies.header_cases(kinds=(Kind.FOLD, Kind.CONTROL, Kind.BAD_NAME)))
def test_kinds_that_http_refuses_are_refused(case: HeaderCase) -> None:
    assert case.refused_by_http


@examples(100)
@given(data=st.data())
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_valid_ids_are_stored(policy: Policy, data: st.DataObject) -> None:
    case = data.draw(strategies.header_cases(policy, (Kind.VALID, Kind.NAME_CASE)))
    (value,) = case.values
    assert case.expected(policy) == value.decode("latin-1").strip(JS_TRIM if policy == LENGTH_ONLY else "")


@examples(100)
@given(case=strategies.header_cases(kinds=(Kind.INDEX, Kind.OTHER_NAME, Kind.ABSENT)))
def test_long_values_and_other_names_hold_the_right_name_or_none(case: HeaderCase) -> None:
    assert len(case.values) <= 1


@pytest.mark.catalogue
@pytest.mark.parametrize(
    ("rule", "minimal"),
    [
        pytest.param(by_pattern("[A-Za-z0-9_-]{1,254}"), {b"0" * 255}, id="limit 254"),
        pytest.param(by_pattern("[A-Za-z0-9_-]{1,256}"), {b"0" * 256}, id="limit 256"),
        pytest.param(by_pattern("[A-Za-z0-9_-]+"), {b"0" * 256}, id="no limit"),
        pytest.param(
            by_pattern("[A-Za-z0-9_-]{1,255}", lambda text: text[:255]), {b"0" * 256}, id="truncates"
        ),
        pytest.param(by_pattern("[A-z0-9_-]{1,255}"), {b"[", b"\\", b"]", b"^", b"`"}, id="A-z"),
        pytest.param(by_pattern("[A-Za-z0-9-]{1,255}"), {b"_"}, id="without _"),
        pytest.param(by_pattern("[A-Za-z0-9_]{1,255}"), {b"-"}, id="without -"),
        pytest.param(by_pattern("[A-Za-z0-8_-]{1,255}"), {b"9"}, id="without 9"),
        pytest.param(by_pattern("[A-Za-z0-9_-]{1,255}", unquote), {b"%61bc"}, id="decodes %XX"),
    ],
)
def test_find_is_minimal_for_one_fault(rule: Rule, minimal: set[bytes]) -> None:
    found = find(strategies.header_cases(), differs(rule), settings=SEARCH)
    assert found.lines[0][1] in minimal
    assert len(found.lines) == 1


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(by_pattern("[A-Za-z0-9_-].{0,254}"), id="without $"),
        pytest.param(by_pattern(".{0,254}[A-Za-z0-9_-]"), id="without ^"),
        pytest.param(by_pattern(".{1,255}"), id="any character"),
        pytest.param(by_pattern(r"[\w-]{1,255}"), id="Unicode word characters"),
        pytest.param(by_pattern("[a-z0-9_-]{1,255}", str.lower), id="lower-cases"),
        pytest.param(
            by_pattern("[A-Za-z0-9_-]{1,255}", lambda text: re.sub("[^A-Za-z0-9_-]", "", text)), id="strips"
        ),
        pytest.param(
            by_pattern("[A-Za-z0-9_-]{1,255}", lambda text: text.partition(", ")[0]), id="first of several"
        ),
    ],
)
def test_find_is_of_few_bytes_for_one_fault(rule: Rule) -> None:
    found = find(strategies.header_cases(), differs(rule), settings=SEARCH)
    assert sum(len(value) for _, value in found.lines) <= 5


def test_find_of_a_second_header_name_is_one_line() -> None:
    found = find(
        strategies.header_cases(), lambda case: any(b"_" in name for name, _ in case.lines), settings=SEARCH
    )
    assert found.lines == ((NAME.replace(b"-", b"_"), b"0"),)


@examples(100)
@given(sequence=strategies.sequences())
def test_sequence_has_a_request_without_after_one_with_a_header(
    sequence: tuple[HeaderCase, ...],
) -> None:
    kinds = [case.label for case in sequence]
    assert any(pair == (Kind.VALID, Kind.ABSENT) for pair in pairwise(kinds))
    assert not any(case.refused_by_http for case in sequence)
    assert 2 <= len(sequence) <= strategies.SEQUENCE_MAX


def test_sequence_shrinks_to_one_id_and_one_request_without() -> None:
    found = find(strategies.sequences(LENGTH_ONLY), lambda _: True, settings=SEARCH)
    assert found == (HeaderCase(((NAME, b"0"),), Kind.VALID), HeaderCase((), Kind.ABSENT))
