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


def declared_table(checkout: Path, path: Path, symbol: str, column: str) -> DeclaredTable:
    """What is declared of a table's column, through re-exports. Raises UsageError when a file cannot be read."""
    modules = Modules(checkout)
    found = modules.exported(modules.read(path), symbol)
    value = found.node.child_by_field_name("value") if isinstance(found, Declared) else None
    if not isinstance(found, Declared) or value is None or value.type != "call_expression":
        return DeclaredTable()
    name = found.module.source.name
    objects = [node for node in inside(value) if node.type == "object"]
    declared = None
    for part in objects[0].named_children if objects else ():
        builder = part.child_by_field_name("value")
        if builder is None:
            continue
        calls, first = _calls(builder)
        if (string_of(first) or key_of(part.child_by_field_name("key"))) == column:
            declared = DeclaredColumn(f"{name}:{line_of(part)}", calls)
    return DeclaredTable(f"{name}:{line_of(found.node)}", declared, tuple(_indexes(value, column)))


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


def _indexes(table: Node, column: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for node in inside(table):
        calls, first = _calls(node)
        if node.type == "call_expression" and "on" in calls and calls[0] in {"index", "uniqueIndex"}:
            text = " ".join(text_of(node).split())
            if f".{column}" in text and not any(text in known for _, known in found):
                found.append((string_of(first) or "", text))
    return found
