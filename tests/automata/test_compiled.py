"""The machine of an expression accepts what Node says that fits; what grows beyond a limit is refused in seconds."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.automata.compiled import compiled
from harness.automata.letters import FIELD_BYTES
from harness.automata.machine import StateMachine, TooLargeError
from harness.automata.pattern import parsed
from harness.data import fixture_path
from harness.rule.node import NodeChild, node_child
from tests.fix_headers import examples

SMALL = (
    *(
        "",
        "a",
        "a|",
        "ab*",
        "(a|b)*a(a|b){2}",
        "a{,2}",
        "a{2}{",
        "a{0}",
        "[]",
        "[^]",
        ".",
        r"\s",
        r"\S",
        r"\w+",
        r"\W",
    ),
    *(
        "^a",
        "a$",
        "^a|b$",
        "(^a|b)*",
        "a^b",
        "$a",
        "(a|^b)*",
        "($|a)b",
        "^$",
        "(?:)*a",
        "(a*)*b",
        "(a?){3}",
        "a??",
    ),
    *(
        r"[\d-z]",
        r"[^\W]",
        r"[\w-]",
        "[--/]",
        r"\x41",
        r"\101",
        r"\u00e9",
        r"\xe9",
        "[à-þ]",
        r"\cI",
        r"[\cI]",
        r"\0",
    ),
    *(
        "(?<n>a)b",
        r"\k<n>",
        r"\u{61}",
        r"\p{2}",
        "]",
        "}",
        "{",
        "a{1",
        "x{1,2}?",
        r"\/",
        r"\-",
        r"[\]]",
        r"[\^a]",
    ),
    *(r"[^\s\S]", r"[\s\S]{2}", r"\8", r"\18", r"[\c]", r"\c", r"[\c_]", "(a|b|c){2,3}", "((a|b)?c){1,2}"),
)
ATOMS = st.sampled_from(["a", "b", ".", r"\s", r"\w", "[ab]", "[^a]", r"[\s-b]", "^", "$", "é", r"\xa0", "-"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    counts = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,2}?", "{2,}"])
    return st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
        st.builds("(?:{}){}".format, inner, counts),
    )


EXPRESSIONS = st.recursive(ATOMS, _grown, max_leaves=6)
TEXTS = st.lists(st.sampled_from("aab c-é\xa0\t1"), max_size=6).map("".join)


@pytest.fixture(scope="module")
def node() -> Iterator[NodeChild]:
    with node_child(fixture_path("oracle/oracle.js")) as child:
        yield child


def fits(node: NodeChild, source: str, texts: list[str]) -> list[bool]:
    """Whether each text fits as a whole, in Node; the texts come from within the rule, so nothing is trimmed."""
    whole = json.dumps(f"^(?:{source})$")
    rule = f"() => JSON.stringify({json.dumps(texts)}.map(text => new RegExp({whole}).test(text)))"
    (answer,) = node.call({"name": "x-a", "rule": rule, "duplicates": "join", "headers": [["a"]]})
    result: list[bool] = json.loads(answer)
    return result


def accepted(machine: StateMachine, texts: list[str]) -> list[bool]:
    return [machine.answer(text.encode("latin-1")) is True for text in texts]


@pytest.mark.parametrize("source", SMALL)
def test_small_expression_accepts_what_node_accepts(source: str, node: NodeChild) -> None:
    singles = [chr(byte) for byte in FIELD_BYTES]
    texts = [
        "",
        *singles,
        *(f"{first}{last}" for first in "ab1-{\\c" for last in singles),
        "aab",
        "abb",
        "a{2}{",
        "cc",
    ]
    machine = compiled(parsed(source).tree)
    assert accepted(machine, texts) == fits(node, source, texts)


@examples(150)
@given(source=EXPRESSIONS, texts=st.lists(TEXTS, min_size=1, max_size=20))
def test_any_expression_accepts_what_node_accepts(node: NodeChild, source: str, texts: list[str]) -> None:
    assert accepted(compiled(parsed(source).tree), texts) == fits(node, source, texts)


@pytest.mark.parametrize(
    ("source", "states", "classes"),
    [
        ("[A-Za-z0-9_-]{1,255}", 257, 2),
        ("[a-z]{2}-[0-9a-f]{8}", 13, 5),
        (r"\d{1,20}", 22, 2),
        ("(a|b)*a(a|b){8}", 513, 3),
        ("[a-z]{1,5000}", 5002, 2),
        (r"[\s\S]*", 1, 1),
    ],
)
def test_machine_is_the_smallest(source: str, states: int, classes: int) -> None:
    machine = compiled(parsed(source).tree)
    assert (machine.states, len(machine.classes)) == (states, classes)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("(a|b)*a(a|b){20}", "more than 20,000 states"),
        ("(a{5000}){5000}", "more than 200,000 characters, counts written out"),
        ("((a?){100}){100}", "more than 2,000,000 ways through it"),
    ],
)
def test_what_explodes_is_refused(source: str, told: str) -> None:
    with pytest.raises(TooLargeError) as refused:
        compiled(parsed(source).tree)
    assert str(refused.value) == told
