"""A TypeScript file, parsed. Source: tree-sitter's grammar of TypeScript, whose node types are the words used here."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from harness.errors import UsageError

BYTES_MAX: Final = 4_000_000
"""A longer file is refused: no person wrote it, and reading it takes minutes."""

TRANSPARENT: Final = frozenset(
    {
        "parenthesized_expression",
        "as_expression",
        "satisfies_expression",
        "non_null_expression",
        "await_expression",
        "type_assertion",
    }
)
"""Expressions that have the value of what they hold."""

CLASSES: Final = frozenset({"class_declaration", "abstract_class_declaration"})


@dataclass(frozen=True, slots=True, eq=False)
class SourceText:
    """One file: where it lies, below which checkout, and its tree."""

    path: Path
    name: str
    """Path below the checkout, with slashes."""
    data: bytes
    root: Node

    @property
    def text(self) -> str:
        """The whole text; a byte that is no UTF-8 is U+FFFD."""
        return self.data.decode("utf-8", "replace")


def read_source(path: Path, checkout: Path) -> SourceText:
    """The file, parsed. Raises UsageError when it cannot be read, or is too long."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}; make it readable") from None
    if len(data) > BYTES_MAX:
        raise UsageError(f"{path} has {len(data):,} bytes; at most {BYTES_MAX:,} are read")
    tree = _parser(path.suffix == ".tsx").parse(data)
    return SourceText(path, path.relative_to(checkout).as_posix(), data, tree.root_node)


@cache
def _parser(is_tsx: bool) -> Parser:
    grammar = tree_sitter_typescript
    return Parser(Language(grammar.language_tsx() if is_tsx else grammar.language_typescript()))


def text_of(node: Node | None) -> str:
    """The text of a node; empty without one."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def line_of(node: Node) -> int:
    """The line where a node begins, from 1."""
    return node.start_point.row + 1


def place_of(file: str, line: int, line_last: int) -> str:
    """`file:3`, or `file:3-7` where it is more than one line."""
    return f"{file}:{line}-{line_last}" if line_last > line else f"{file}:{line}"


def last_line_of(node: Node) -> int:
    """The line where a node ends, from 1."""
    return node.end_point.row + 1


def inside(node: Node) -> Iterator[Node]:
    """A node and every named node below it, in the order of the text."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(current.named_children))


def bare(node: Node) -> Node:
    """An expression without parentheses, `await`, `as`, `satisfies` and `!` around it."""
    while node.type in TRANSPARENT and node.named_children:
        node = node.named_children[-1 if node.type == "type_assertion" else 0]
    return node


def awaits(node: Node) -> bool:
    """Whether an `await` is among what `bare` takes off."""
    while node.type in TRANSPARENT and node.named_children:
        if node.type == "await_expression":
            return True
        node = node.named_children[-1 if node.type == "type_assertion" else 0]
    return False


def is_async(function: Node) -> bool:
    """Whether a function is declared to return a promise by `async`."""
    return any(child.type == "async" for child in function.children)


def string_of(node: Node | None) -> str | None:
    """What a string literal without substitutions says; None for anything else."""
    if node is None:
        return None
    if node.type == "string":
        return text_of(node)[1:-1]
    if node.type == "template_string" and not any(
        c.type == "template_substitution" for c in node.named_children
    ):
        return text_of(node)[1:-1]
    return None


def key_of(node: Node | None) -> str | None:
    """The name that a property's key says; None where it is computed."""
    if node is None:
        return None
    if node.type == "computed_property_name":
        return string_of(node.named_children[0]) if node.named_children else None
    return string_of(node) if node.type == "string" else text_of(node)
