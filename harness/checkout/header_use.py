"""What a function makes of the header that it reads: the expressions that hold it, from the reading on."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from tree_sitter import Node

from harness.checkout.interpreter import FUNCTIONS
from harness.checkout.source import inside, last_line_of, line_of, place_of, text_of

ROUNDS_MAX: Final = 20
"""Names that are made of one another, in a row."""


class HeldBy(NamedTuple):
    """An expression that may hold the header's value: what a variable is given, or what is returned."""

    file: str
    start_byte: int
    end_byte: int
    line: int
    line_last: int

    @property
    def where(self) -> str:
        """File and line, or lines."""
        return place_of(self.file, self.line, self.line_last)


def held_by(file: str, reading: Node) -> tuple[HeldBy, ...]:
    """The expressions of the function around a reading, in the order of the text."""
    function = _function_of(reading)
    names: set[str] = set()
    found: dict[int, tuple[Node, Node]] = {}
    for _ in range(ROUNDS_MAX):
        before = len(found)
        for name, statement, value in _given(function):
            if value.id not in found and (_contains(value, reading) or _names(value) & names):
                found[value.id] = (statement, value)
                names |= {name} if name else set()
        if len(found) == before:
            break
    parts = sorted(found.values(), key=lambda pair: pair[1].start_byte)
    return tuple(
        HeldBy(file, value.start_byte, value.end_byte, line_of(statement), last_line_of(statement))
        for statement, value in parts
    )


def _given(function: Node) -> Iterator[tuple[str, Node, Node]]:
    """What each name is given in a function, with the statement; without a name what is returned."""
    for node in inside(function):
        if node.type == "variable_declarator":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        elif node.type == "assignment_expression":
            name, value = node.child_by_field_name("left"), node.child_by_field_name("right")
        elif node.type == "return_statement" and node.named_children:
            yield "", node, node.named_children[0]
            continue
        else:
            continue
        if name is not None and value is not None and name.type == "identifier":
            yield text_of(name), node, value


def _function_of(node: Node) -> Node:
    while node.parent is not None and node.type not in FUNCTIONS:
        node = node.parent
    return node


def _contains(whole: Node, part: Node) -> bool:
    return whole.start_byte <= part.start_byte and part.end_byte <= whole.end_byte


def _names(node: Node) -> set[str]:
    return {text_of(each) for each in inside(node) if each.type == "identifier"}
