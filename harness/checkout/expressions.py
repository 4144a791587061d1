"""What expressions may hold, by their kind: every branch of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tree_sitter import Node

from harness.checkout.source import bare, key_of, text_of
from harness.checkout.values import BESIDE, HEADER, NAMED, NameScope, SourceFunction, Value, joined

if TYPE_CHECKING:
    from harness.checkout.interpreter import Interpreter

_NO_VALUE: Final = frozenset(
    ("==", "===", "!=", "!==", "<", ">", "<=", ">=", "in", "instanceof", "-", "*", "/", "%")
)


def _object(run: Interpreter, node: Node, scope: NameScope) -> Value:
    made = Value(is_closed=True)
    for part in node.named_children:
        if part.type == "spread_element":
            whole = run.expression(part.named_children[0], scope)
            hop = run.hop(part, scope, "spread", text_of(part), made)
            made.fields.update({name: value.passing(hop) for name, value in whole.fields.items()})
            made.labels.update(whole.labels)
            made.is_closed = made.is_closed and (whole.is_closed or whole.is_absent)
            continue
        name, value = "", Value()
        if part.type == "pair":
            name = key_of(part.child_by_field_name("key")) or ""
            inner = part.child_by_field_name("value")
            value = Value() if inner is None else run.expression(inner, scope)
            made.is_closed = made.is_closed and bool(name)
        elif part.type == "shorthand_property_identifier":
            name, value = text_of(part), run.name(text_of(part), scope)
        elif part.type == "method_definition":
            name = text_of(part.child_by_field_name("name"))
            value = Value(function=SourceFunction(part, scope.module, scope, name))
        if name and run.is_named(name, scope) and value.is_plain:
            value = Value({NAMED: (), **value.labels}, text=value.text)
        if name:
            made.fields[name] = value.passing(run.hop(part, scope, "field", name, made))
    if any({HEADER, NAMED} & value.labels.keys() for value in (made, *made.fields.values())):
        for name, value in made.fields.items():
            if value.is_plain and not value.labels:
                hop = run.hop(node, scope, "field", name, made)
                made.fields[name] = Value({BESIDE: (hop,)}, text=value.text)
    run.made(node, scope)
    return made


def _member(run: Interpreter, node: Node, scope: NameScope) -> Value:
    base = node.child_by_field_name("object")
    if base is None:
        return Value()
    whole = run.expression(base, scope)
    if node.type == "member_expression":
        name: str | None = text_of(node.child_by_field_name("property"))
    else:
        index = node.child_by_field_name("index")
        name = None if index is None else run.expression(index, scope).text or text_of(index)
    value = run.member(whole, name or "")
    run.read(node, scope, value)
    return value


def _either(run: Interpreter, node: Node, scope: NameScope) -> Value:
    condition = node.child_by_field_name("condition")
    if condition is not None:
        run.expression(condition, scope)
    names = ("consequence", "alternative") if node.type == "ternary_expression" else ("left", "right")
    parts = [part for name in names if (part := node.child_by_field_name(name)) is not None]
    values = [run.expression(part, scope) for part in parts]
    operator = text_of(node.child_by_field_name("operator"))
    return Value() if operator in _NO_VALUE else joined(*values)


def _assign(run: Interpreter, node: Node, scope: NameScope) -> Value:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None:
        return Value()
    value = run.expression(right, scope)
    target = bare(left)
    if target.type == "identifier":
        name = text_of(target)
        holder = next((each for each in scope.chain() if name in each.values), run.top(scope.module))
        holder.values[name] = joined(holder.values.get(name, Value()), value)
    elif target.type in {"member_expression", "subscript_expression"}:
        base = target.child_by_field_name("object")
        inner = target.child_by_field_name("property") or target.child_by_field_name("index")
        if base is not None and inner is not None:
            whole = run.expression(base, scope)
            name = text_of(inner) if target.type == "member_expression" else ""
            name = name or run.expression(inner, scope).text or text_of(inner)
            if run.is_named(name, scope) and value.is_plain:
                value = Value({NAMED: (), **value.labels}, text=value.text)
            got = value.passing(run.hop(node, scope, "field", name, whole))
            whole.fields[name] = joined(whole.fields[name], got) if name in whole.fields else got
            run.made(node, scope)
    else:
        run.bind(target, value, scope)
    return value


def _array(run: Interpreter, node: Node, scope: NameScope) -> Value:
    made = Value(is_closed=True)
    for index, part in enumerate(node.named_children):
        inner = part.named_children[0] if part.type == "spread_element" and part.named_children else part
        made.fields[str(index)] = run.expression(inner, scope)
    return made


def _nothing(run: Interpreter, node: Node, scope: NameScope) -> Value:
    for part in node.named_children:
        run.expression(part, scope)
    return Value()


def parts(run: Interpreter, node: Node, scope: NameScope) -> Value:
    return joined(*(run.expression(part, scope) for part in node.named_children if part.type != "comment"))


EXPRESSIONS: Final[dict[str, Callable[[Interpreter, Node, NameScope], Value]]] = {
    "object": _object,
    "member_expression": _member,
    "subscript_expression": _member,
    "ternary_expression": _either,
    "binary_expression": _either,
    "assignment_expression": _assign,
    "augmented_assignment_expression": _assign,
    "array": _array,
    "unary_expression": _nothing,
    "update_expression": _nothing,
    "regex": lambda _run, _node, _scope: Value(),
    "number": lambda _run, _node, _scope: Value(),
    "null": lambda _run, _node, _scope: Value(),
    "undefined": lambda _run, _node, _scope: Value(is_absent=True),
    "true": lambda _run, _node, _scope: Value(),
    "false": lambda _run, _node, _scope: Value(),
    "class": lambda _run, _node, _scope: Value(),
}
"""By the kind of a node; `parts` is for every other."""
