"""Cases: what is expected of each, and that Node's HTTP server treats each as the case says."""

import pytest
from hypothesis import example, given

from harness import plan
from harness.rule import strategies
from harness.rule.cases import (
    CLASSES,
    HEADER_BLOCK_MAX,
    NAME,
    HeaderCase,
    Kind,
    distance_to_boundary,
    fixed_cases,
    known_shapes,
)
from harness.rule.policy import LENGTH_ONLY, STRICT, received
from tests.fix_headers import NodeHttp, examples


def agrees_with_node(case: HeaderCase, node_http: NodeHttp) -> bool:
    status, value = node_http.served(plan.HEADER, case.lines)
    if case.refused_by_http:
        return status in (400, 431) and value is False
    return status == 200 and value == received(case.values)


@pytest.mark.parametrize("number", range(len(fixed_cases())))
def test_standing_case_is_what_node_makes_of_it(number: int, node_http: NodeHttp) -> None:
    case = fixed_cases()[number]
    assert agrees_with_node(case, node_http), case


@examples(400)
@given(case=strategies.header_cases())
@example(case=HeaderCase(((NAME, b"a" * 254), (NAME, b"")), Kind.DUPLICATE))
@example(case=HeaderCase(((NAME, b"a"), (NAME.upper(), b"b")), Kind.DUPLICATE))
def test_strange_case_is_what_node_makes_of_it(case: HeaderCase, node_http: NodeHttp) -> None:
    assert agrees_with_node(case, node_http)


def test_case_that_lies_about_itself_is_found_out(node_http: NodeHttp) -> None:
    assert not agrees_with_node(HeaderCase(((NAME, b"a"), (b"content-length", b"5")), Kind.VALID), node_http)


def test_expected_takes_lines_of_the_plans_name_in_any_case() -> None:
    upper = HeaderCase(((NAME.upper(), b"abc"),), Kind.NAME_CASE)
    assert upper.expected(STRICT) == "abc"
    both = HeaderCase(((NAME.upper(), b"a"), (b"cookie", b"c"), (NAME, b"b")), Kind.DUPLICATE)
    assert both.values == (b"a", b"b")
    assert both.expected(STRICT) is None
    assert both.expected(LENGTH_ONLY) == "a, b"


def test_expected_is_null_for_another_name() -> None:
    case = HeaderCase(((NAME.replace(b"-", b"_"), b"abc"),), Kind.OTHER_NAME)
    assert not case.refused_by_http
    assert case.expected(STRICT) is None


def test_expected_is_null_where_http_refuses() -> None:
    folded = HeaderCase(((NAME, b"a\r\n b"),), Kind.FOLD)
    assert folded.refused_by_http
    assert folded.expected(LENGTH_ONLY) is None


@pytest.mark.parametrize("name", [b"", NAME + b" ", NAME + b"\t", b" " + NAME, b"x:y", b"x\xe9"])
def test_case_is_refused_for_a_name_that_is_none(name: bytes) -> None:
    assert HeaderCase(((name, b"a"),), Kind.BAD_NAME).refused_by_http


def test_case_is_refused_from_the_size_of_the_header_block() -> None:
    room = HEADER_BLOCK_MAX - len(NAME)
    assert HeaderCase(((NAME, b"a" * room),), Kind.BLOCK).refused_by_http
    assert not HeaderCase(((NAME, b"a" * (room - 1)),), Kind.BLOCK).refused_by_http


def test_fixed_cases_have_every_kind_that_needs_no_chance() -> None:
    labels = {case.label for case in fixed_cases()}
    assert labels >= {
        Kind.SHAPE,
        Kind.NAME_CASE,
        Kind.OTHER_NAME,
        Kind.INDEX,
        Kind.BLOCK,
        Kind.CONTROL,
        Kind.FOLD,
    }
    assert {label.value for label in labels} <= set(CLASSES)
    assert len(set(fixed_cases())) == len(fixed_cases())


def test_known_shapes_are_each_there_once() -> None:
    assert len(known_shapes()) == len(set(known_shapes())) >= 50


@pytest.mark.parametrize(
    ("value", "distance"),
    [
        (b"a" * 255, 0),
        (b"a" * 254, 1),
        (b"a" * 256, 1),
        (b"", 255),
        (b"a" * 254 + b"!", 1),
        (b" " + b"a" * 255, 0),
    ],
)
def test_distance_counts_edits_to_a_longest_value(value: bytes, distance: float) -> None:
    assert distance_to_boundary(value) == distance


def test_distance_of_length_only_counts_length_alone() -> None:
    assert distance_to_boundary(b"!" * 250, LENGTH_ONLY) == 5
