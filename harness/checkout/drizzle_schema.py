"""What schema.ts declares of one table, read by a parser: the column with its builder's calls, and the indexes."""

from dataclasses import dataclass
from pathlib import Path

from tree_sitter import Node

from harness.checkout.modules import Declared, Modules
from harness.checkout.source import inside, key_of, line_of, string_of, text_of


@dataclass(frozen=True, slots=True)
class DeclaredColumn:
    """A column as `pgTable` has it."""

    where: str
    """File and line."""
    calls: tuple[str, ...]
    """The builder and what is called on it, in order: `text`, `notNull`."""


@dataclass(frozen=True, slots=True)
class DeclaredTable:
    """One table; `where` is empty where none of its name is declared."""

    where: str = ""
    column: DeclaredColumn | None = None
    indexes: tuple[tuple[str, str], ...] = ()
    """Indexes over the column: the name, and the whole call."""
    index_at: str = ""
    """File and line of the first of them; of the table where there is none."""
    namesake: str = ""
    """File and line of a column of another name whose key is the column's."""


def declared_table(checkout: Path, path: Path, symbol: str, column: str) -> DeclaredTable:
    """What is declared of a table's column, through re-exports. Raises UsageError when a file cannot be read."""
    modules = Modules(checkout)
    found = modules.exported(modules.read(path), symbol)
    value = found.node.child_by_field_name("value") if isinstance(found, Declared) else None
    if not isinstance(found, Declared) or value is None or value.type != "call_expression":
        return DeclaredTable()
    name = found.module.source.name
    objects = [node for node in inside(value) if node.type == "object"]
    declared, namesake = None, ""
    for part in objects[0].named_children if objects else ():
        builder = part.child_by_field_name("value")
        if builder is None:
            continue
        calls, first = _calls(builder)
        key = key_of(part.child_by_field_name("key"))
        if (string_of(first) or key) == column:
            declared = DeclaredColumn(f"{name}:{line_of(part)}", calls)
        elif key == column:
            namesake = f"{name}:{line_of(part)}"
    indexes = _indexes(value, column)
    at = indexes[0] if indexes else found.node
    named = tuple((string_of(_calls(node)[1]) or "", _text(node)) for node in indexes)
    where = f"{name}:{line_of(found.node)}"
    return DeclaredTable(where, declared, named, f"{name}:{line_of(at)}", namesake)


def _calls(node: Node) -> tuple[tuple[str, ...], Node | None]:
    """The names of chained calls, the first called first, and its first argument."""
    names: list[str] = []
    first: Node | None = None
    while node.type == "call_expression":
        target, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if target is None:
            break
        first = arguments.named_children[0] if arguments is not None and arguments.named_children else None
        inner = target.child_by_field_name("object") if target.type == "member_expression" else None
        names.insert(0, text_of(target.child_by_field_name("property")) or text_of(target))
        if inner is None:
            break
        node = inner
    return tuple(names), first


def _indexes(table: Node, column: str) -> list[Node]:
    found: list[Node] = []
    for node in inside(table):
        calls, _ = _calls(node)
        if node.type == "call_expression" and "on" in calls and calls[0] in {"index", "uniqueIndex"}:
            text = _text(node)
            if f".{column}" in text and not any(text in _text(known) for known in found):
                found.append(node)
    return found


def _text(node: Node) -> str:
    return " ".join(text_of(node).split())
