"""Statements of a function's body, gone through in their order, every branch of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tree_sitter import Node

from harness.checkout.source import text_of
from harness.checkout.values import NameScope, SourceFunction, Value, joined

if TYPE_CHECKING:
    from harness.checkout.interpreter import Interpreter

_STATEMENTS: Final = frozenset(
    {
        "statement_block",
        "expression_statement",
        "lexical_declaration",
        "variable_declaration",
        "if_statement",
        "else_clause",
        "for_statement",
        "while_statement",
        "do_statement",
        "try_statement",
        "catch_clause",
        "finally_clause",
        "switch_statement",
        "switch_body",
        "switch_case",
        "switch_default",
        "labeled_statement",
    }
)


def go_through(run: Interpreter, node: Node, scope: NameScope) -> None:
    """Goes through statements, every branch of them."""
    run.count()
    kind = node.type
    if kind in {"function_declaration", "generator_function_declaration"}:
        name = text_of(node.child_by_field_name("name"))
        this = next((s.this for s in scope.chain() if s.this is not None), None)
        scope.values[name] = Value(function=SourceFunction(node, scope.module, scope, name, this))
    elif kind == "variable_declarator":
        _declare(run, node, scope)
    elif kind == "return_statement":
        value = (
            run.expression(node.named_children[0], scope) if node.named_children else Value(is_absent=True)
        )
        if run.returned:
            run.returned[-1].append(value)
    elif kind == "for_in_statement":
        _for_in(run, node, scope)
    elif kind in _STATEMENTS:
        inner = NameScope(scope.module, scope) if kind == "statement_block" else scope
        children = sorted(node.named_children, key=lambda child: child.type != "function_declaration")
        for child in children if kind == "statement_block" else node.named_children:
            go_through(run, child, inner)
    elif kind not in {"comment", "type_alias_declaration", "interface_declaration", "type_annotation"}:
        run.expression(node, scope)


def _declare(run: Interpreter, node: Node, scope: NameScope) -> None:
    target, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    kind = node.child_by_field_name("type")
    if target is None:
        return
    if kind is not None and target.type == "identifier":
        scope.types[text_of(target)] = kind
    run.bind(target, Value() if value is None else run.expression(value, scope), scope, kind)


def _for_in(run: Interpreter, node: Node, scope: NameScope) -> None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    inside = node.child_by_field_name("body")
    inner = NameScope(scope.module, scope)
    if left is not None and right is not None:
        whole = run.expression(right, scope)
        run.bind(left, joined(Value(dict(whole.labels)), *whole.fields.values()), inner)
    if inside is not None:
        go_through(run, inside, inner)
