"""Names that a pattern gives to what a value may hold: a variable, a parameter, what is taken out of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tree_sitter import Node

from harness.checkout.source import key_of, text_of
from harness.checkout.values import NameScope, Value, joined

if TYPE_CHECKING:
    from harness.checkout.interpreter import Interpreter


def bind(run: Interpreter, pattern: Node, value: Value, scope: NameScope, kind: Node | None = None) -> None:
    """Gives the names of a pattern what they may hold."""
    if pattern.type == "identifier":
        scope.values[text_of(pattern)] = value
        if kind is not None:
            scope.types[text_of(pattern)] = kind
    elif pattern.type == "object_pattern":
        _bind_object(run, pattern, value, scope)
    elif pattern.type == "array_pattern":
        for index, part in enumerate(pattern.named_children):
            bind(run, part, run.member(value, str(index)), scope)
    elif pattern.type in {"assignment_pattern", "object_assignment_pattern"}:
        left, right = pattern.child_by_field_name("left"), pattern.child_by_field_name("right")
        if left is not None and right is not None:
            bind(run, left, joined(value, run.expression(right, scope)), scope)
    elif pattern.type == "rest_pattern":
        bind(run, pattern.named_children[0], value, scope)


def _bind_object(run: Interpreter, pattern: Node, value: Value, scope: NameScope) -> None:
    taken: set[str] = set()
    for part in pattern.named_children:
        if part.type == "rest_pattern":
            rest = Value(is_closed=value.is_closed, labels=dict(value.labels))
            hop = run.hop(pattern, scope, "rest", text_of(part.named_children[0]), rest)
            rest.fields = {n: v.passing(hop) for n, v in value.fields.items() if n not in taken}
            bind(run, part.named_children[0], rest, scope)
            continue
        target: Node | None = part
        if part.type == "pair_pattern":
            name, target = (
                key_of(part.child_by_field_name("key")) or "",
                part.child_by_field_name("value"),
            )
        elif part.type == "object_assignment_pattern":
            name = text_of(part.child_by_field_name("left"))
        else:
            name = text_of(part)
        taken.add(name)
        got = run.member(value, name)
        run.read(part, scope, got)
        if part.type == "shorthand_property_identifier_pattern":
            scope.values[name] = got
        elif part.type == "object_assignment_pattern":
            right = part.child_by_field_name("right")
            scope.values[name] = joined(got, run.expression(right, scope)) if right is not None else got
        elif target is not None:
            bind(run, target, got, scope)
