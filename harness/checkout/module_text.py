"""A module's text without its imports and exports, and these beside it: what can be run anywhere."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tree_sitter import Node

from harness.checkout.header_use import HeldBy
from harness.checkout.modules import Module
from harness.checkout.source import inside, key_of, line_of, text_of

DEFAULT: Final = "__default"
"""What the value of `export default` is called."""

_Edit = tuple[int, int, bytes]


def runnable(module: Module, watched: str = "", shown: Sequence[HeldBy] = ()) -> dict[str, Any]:
    """A module as the runner in `fixtures/checkout/handler/` takes it; lines stay where they are.

    Types are still in the text. What is imported or exported as a type only is left out. With `watched` each object
    that is written in the text, and each value that a property of that name is given, is shown to the runner first; so
    are the values of the expressions `shown`.
    """
    exported = {
        outer: DEFAULT if inner == "default" else inner
        for outer, inner in module.exports.items()
        if inner in module.values or inner in module.imports or inner == "default"
    }
    getters = ", ".join(f"{json.dumps(outer)}: () => {inner}" for outer, inner in exported.items())
    return {
        "name": module.source.name,
        "text": _edited(
            module.source.data, sorted((*_edits(module), *_watches(module, watched), *_shows(module, shown)))
        ),
        "getters": f"__exports({{{getters}}});",
        "exports": list(exported),
        "imports": {
            local: (imported.specifier, imported.name)
            for local, imported in module.imports.items()
            if not imported.is_type
        },
        "passedOn": {
            outer: (imported.specifier, imported.name)
            for outer, imported in module.passed_on.items()
            if not imported.is_type
        },
        "stars": module.stars,
    }


def _edits(module: Module) -> Iterator[_Edit]:
    for statement in module.source.root.named_children:
        if statement.type == "import_statement":
            yield statement.start_byte, statement.end_byte, b""
        elif statement.type == "export_statement":
            yield _exported(statement)
    for node in inside(module.source.root):
        if node.type == "call_expression":
            target = node.child_by_field_name("function")
            if target is not None and target.type == "import":
                yield target.start_byte, target.end_byte, b"__import"
        elif node.type == "meta_property" and node.text == b"import.meta":
            yield node.start_byte, node.end_byte, b"__meta"


def _watches(module: Module, watched: str) -> Iterator[_Edit]:
    """What shows the objects of a text, each with the line of the property, or where it begins."""
    name = module.source.name
    for node in inside(module.source.root) if watched else ():
        if node.type == "object":
            pairs = [part for part in node.named_children if property_name(part) == watched]
            at = json.dumps(f"{name}:{line_of(pairs[-1] if pairs else node)}")
            yield node.start_byte, node.start_byte, f"__made({at}, ".encode()
            yield node.end_byte, node.end_byte, b")"
        elif node.type == "augmented_assignment_expression":
            if _is_property(node.child_by_field_name("left"), watched):
                at = json.dumps(f"{name}:{line_of(node)}")
                yield node.start_byte, node.start_byte, f"__given({at}, ".encode()
                yield node.end_byte, node.end_byte, b")"
        elif node.type == "unary_expression":
            if _is_property(node.child_by_field_name("argument"), watched) and text_of(node).startswith(
                "delete"
            ):
                at = json.dumps(f"{name}:{line_of(node)}")
                yield node.start_byte, node.start_byte, f"(__given({at}, null), ".encode()
                yield node.end_byte, node.end_byte, b")"
        elif node.type == "assignment_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if right is not None and _is_property(left, watched):
                at = json.dumps(f"{name}:{line_of(node)}")
                yield right.start_byte, right.start_byte, f"__given({at}, ".encode()
                yield right.end_byte, right.end_byte, b")"


def _is_property(node: Node | None, name: str) -> bool:
    if node is None or node.type != "member_expression":
        return False
    return text_of(node.child_by_field_name("property")) == name


def _shows(module: Module, shown: Sequence[HeldBy]) -> Iterator[_Edit]:
    for part in dict.fromkeys(shown):
        if part.file == module.source.name:
            yield part.start_byte, part.start_byte, f"__text({json.dumps(part.where)}, ".encode()
            yield part.end_byte, part.end_byte, b")"


def property_name(part: Node) -> str | None:
    """The name of a part of an object, where it has one."""
    if part.type == "pair":
        return key_of(part.child_by_field_name("key"))
    return text_of(part) if part.type == "shorthand_property_identifier" else None


def _exported(statement: Node) -> _Edit:
    """The words that export what a statement declares; the whole statement where it declares nothing."""
    declaration = statement.child_by_field_name("declaration")
    value = statement.child_by_field_name("value")
    if declaration is not None:
        return statement.start_byte, declaration.start_byte, b""
    if value is not None:
        return statement.start_byte, value.start_byte, f"const {DEFAULT} = ".encode()
    return statement.start_byte, statement.end_byte, b""


def _edited(data: bytes, edits: list[_Edit]) -> str:
    """The text with each part replaced; the ends of lines within a part are kept."""
    parts, at = [], 0
    for start, end, text in edits:
        if start < at:
            continue  # within what was taken out already
        parts += [data[at:start], text, b"\n" * data.count(b"\n", start, end)]
        at = end
    return b"".join([*parts, data[at:]]).decode("utf-8", "replace")
