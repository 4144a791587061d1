"""An expression that is written from its tree is read as the same tree, and found alike by Python."""

import re

import pytest

from harness.automata.pattern import parsed
from harness.automata.written import python_source, written

SAME = {
    "[A-Za-z0-9_-]{1,255}": "[A-Za-z0-9_-]{1,255}",
    r"[\s\S]{1,255}": "[^]{1,255}",
    "[a-z]{2}-[0-9a-f]{8}": "[a-z]{2}-[a-f0-9]{8}",
    "(?:ab|c)*d?": "(?:ab|c)*d?",
    "a|b|": "a|b|",
    r"\.\/\^": r"\.\/\^",
    r"[.-9\]^]": r"[0-9./\]\^]",
    "[^a]": "[^a]",
    r"\d+\s": r"[0-9]+\s",
    ".{2,}": ".{2,}",
    "[]": "[]",
    r"^(?:a{3})+$": "^(?:a{3})+$",
    "[\\t\\x80-\\xff]": r"[\t\x80-\xff]",
}


@pytest.mark.parametrize("source", SAME)
def test_tree_is_written_as_people_write_it(source: str) -> None:
    assert written(parsed(source).tree) == SAME[source]


@pytest.mark.parametrize("source", SAME)
def test_written_expression_is_the_same_tree(source: str) -> None:
    tree = parsed(source).tree
    assert written(parsed(written(tree)).tree) == written(tree)


@pytest.mark.parametrize("source", SAME)
def test_python_finds_what_the_expression_means(source: str) -> None:
    pattern = re.compile(python_source(parsed(source).tree))
    texts = ["", "a", "ab", "aaaaaa", "0 ", "./^", "]", "x\n", "eu-0123abcd", "\x80", "\t", "abcd"]
    plain = re.compile(source.replace("[^]", r"[\s\S]").replace("[]", "(?!)"), re.ASCII)
    assert [bool(pattern.fullmatch(text)) for text in texts] == [
        bool(plain.fullmatch(text)) for text in texts
    ]
