"""Expressions are read as JavaScript reads them; what is none, or has no automaton, is named with its place."""

import pytest

from harness.automata.characters import ANY, WORD, complement
from harness.automata.pattern import PatternError, parsed
from harness.automata.tree import CharacterSet, Repetition

WRONG = {
    "(a": "( is not closed, at position 1",
    "a)": "nothing is open that ) could close, at position 2",
    "[a-z": "[ is not closed, at position 1",
    "x[b-a]": "the range b-a is out of order, at position 3",
    "a**": "nothing to repeat, at position 3",
    "{2}": "nothing to repeat, at position 1",
    "^*": "nothing to repeat, at position 1",
    r"\b+": "nothing to repeat, at position 1",
    "a{3,2}": "{3,2} has its numbers out of order, at position 2",
    "a{5001}": "{5001} counts beyond 5,000, at position 2",
    "(?a)": "no group begins with (?, at position 1",
    "a\\": "nothing follows the backslash, at position 2",
    r"(?<n>a)\k": r"\k without the name of a group, at position 9",
    "(" * 101: "more than 100 groups within each other, at position 101",
}
OBSTACLES = {
    "a(?=b)": "look-ahead at position 2",
    "(?!a)b": "look-ahead at position 1",
    "(?<=a)b": "look-behind at position 1",
    "x(?<!a)b": "look-behind at position 2",
    r"(a)\1": "a back reference at position 4",
    r"(?<n>a)\k<n>": "a back reference at position 8",
    r"a\b": r"the edge of a word, \b, at position 2",
    r"\Ba": r"the edge of a word, \B, at position 1",
    "(?i:a)": "a flag at position 1",
    r"\b(?=a)": r"the edge of a word, \b, at position 1",
}


@pytest.mark.parametrize("source", WRONG)
def test_what_is_no_expression_is_told_with_its_place(source: str) -> None:
    with pytest.raises(PatternError) as refused:
        parsed(source)
    assert str(refused.value) == WRONG[source]


@pytest.mark.parametrize("source", OBSTACLES)
def test_what_has_no_automaton_is_named_with_its_place(source: str) -> None:
    assert str(parsed(source).obstacle) == OBSTACLES[source]


@pytest.mark.parametrize("source", ["(?:a|b)+?", "(?<name>a)", r"\k<name>", r"\1", "a{,2}", "]{x}", "^a|b$"])
def test_what_is_regular_has_no_obstacle(source: str) -> None:
    assert parsed(source).obstacle is None


@pytest.mark.parametrize(
    ("source", "ranges"),
    [
        ("[^]", ANY),
        ("[]", ()),
        (r"[\w]", WORD),
        (r"[^\w]", complement(WORD)),
        (r"[\w-a]", ((0x2D, 0x2D), *WORD)),
        (r"[\b]", ((8, 8),)),
        (r"\012", ((10, 10),)),
        (r"\cA", ((1, 1),)),
        (r"\x41", ((0x41, 0x41),)),
        (r"\u00e9", ((0xE9, 0xE9),)),
        (r"\8", ((0x38, 0x38),)),
        (r"\p", ((0x70, 0x70),)),
    ],
)
def test_classes_and_escapes_mean_what_javascript_means(
    source: str, ranges: tuple[tuple[int, int], ...]
) -> None:
    wanted = tuple(sorted(ranges))
    tree = parsed(source).tree
    assert isinstance(tree, CharacterSet)
    assert {unit for first, last in tree.ranges for unit in range(first, last + 1)} == {
        unit for first, last in wanted for unit in range(first, last + 1)
    }


def test_counts_are_bounds_of_a_repetition() -> None:
    found = [parsed(f"a{counts}").tree for counts in ("{2}", "{2,}", "{2,5000}", "?", "*", "+?")]
    bounds = [(tree.least, tree.most) for tree in found if isinstance(tree, Repetition)]
    assert bounds == [(2, 2), (2, None), (2, 5000), (0, 1), (0, None), (1, None)]


def test_character_beyond_u_ffff_is_two() -> None:
    assert parsed("\U0001f600").tree == parsed(r"\ud83d\ude00").tree
