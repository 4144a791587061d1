"""What a call returns, as far as somebody follows it, and what it writes: the INSERTs that are reached are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tree_sitter import Node

from harness.checkout.source import CLASSES, bare, inside, is_async, key_of, string_of, text_of
from harness.checkout.values import (
    HEADERS,
    IDENTITY,
    PROMISED,
    REQUEST,
    NameScope,
    SourceFunction,
    Value,
    awaited,
    joined,
    merge_labels,
)

if TYPE_CHECKING:
    from harness.checkout.following import Following

_TELLS_ONLY: Final = frozenset(
    (
        "test",
        "includes",
        "startsWith",
        "endsWith",
        "has",
        "indexOf",
        "every",
        "some",
        "Boolean",
        "isNaN",
        "push",
    )
)
"""Calls that return something about a value, not the value."""
_MAKES_ANOTHER: Final = frozenset(
    (
        "slice",
        "substring",
        "substr",
        "charAt",
        "toLowerCase",
        "toUpperCase",
        "replace",
        "replaceAll",
        "padStart",
        "padEnd",
        "repeat",
        "split",
        "normalize",
        "encodeURIComponent",
        "btoa",
    )
)
"""Calls that return another text than the one that they are given, or called on."""
_ANALYTICS: Final = frozenset(("capture", "identify", "alias", "captureEvent", "identifyUser"))
"""Calls that say of an event, or of a person, whose it is."""
_COPIES: Final = frozenset(
    ("global:structuredClone", "global:Object.freeze", "global:Promise.resolve", "global:Object.fromEntries")
)


def call(run: Following, node: Node, scope: NameScope) -> Value:
    """What a call, or a `new`, may return."""
    target = node.child_by_field_name("function") or node.child_by_field_name("constructor")
    arguments = node.child_by_field_name("arguments")
    if target is None:
        return Value()
    target = bare(target)
    if arguments is not None and arguments.type == "template_string":
        return run.template(node, arguments, text_of(target), scope)
    receiver, name = Value(), text_of(target)
    if target.type == "member_expression":
        base = target.child_by_field_name("object")
        receiver = Value() if base is None else run.expression(base, scope)
        name = text_of(target.child_by_field_name("property"))
        callee = run.member(receiver, name)
    else:
        callee = run.expression(target, scope)
    given = _given(run, arguments, scope)
    if name in _ANALYTICS and any(value.has(IDENTITY) for value in given):
        run.analytics.append(run.hop(node, scope, "handed on", name))
    special = _special(run, node, scope, receiver, name, callee, given)
    if special is not None:
        return special
    if callee.function is not None:
        if arguments is not None:
            run.handed(arguments, scope, callee.function)
        return _own(run, node, scope, callee.function, name, given)
    if target.type == "member_expression" and name in run.methods:
        return _called(run, node, scope, run.methods[name], given)
    return _unknown(run, receiver, name, given, is_new=node.type == "new_expression")


def _given(run: Following, arguments: Node | None, scope: NameScope) -> list[Value]:
    given: list[Value] = []
    for part in () if arguments is None else arguments.named_children:
        if part.type == "comment":
            continue
        if part.type == "spread_element":
            given.extend(run.expression(part.named_children[0], scope).fields.values())
        else:
            given.append(run.expression(part, scope))
    return given


def _special(
    run: Following,
    node: Node,
    scope: NameScope,
    receiver: Value,
    name: str,
    callee: Value,
    given: list[Value],
) -> Value | None:
    """What calls of JavaScript's, Next's and drizzle's own return; None for any other."""
    if HEADERS in receiver.labels and given and given[0].text is not None:
        return Value() if name == "has" else run.header_read(receiver, given[0].text)
    if callee.external == "next/headers:headers":
        return Value({HEADERS: ()})
    if callee.external in _COPIES and given:
        return given[0]
    if callee.external == "global:Object.assign" and given:
        target = given[0]
        for source in given[1:]:
            hop = run.hop(node, scope, "spread", name, target)
            target.fields.update({key: value.passing(hop) for key, value in source.fields.items()})
            merge_labels(target.labels, source.labels)
        run.made(node, scope)
        return target
    if callee.external.endswith(":pgTable") and given and given[0].text:
        return _table(given[0].text, node)
    if name == "insert" and given and given[0].table:
        return Value(external="insert", table=given[0].table, columns=given[0].columns)
    if name == "values" and receiver.external == "insert":
        run.values(node, scope, receiver, given)
        return Value()
    return None


def _table(name: str, node: Node) -> Value:
    """A table of drizzle's: its columns by their keys, which are the columns' names where none is given."""
    columns: dict[str, str] = {}
    objects = [part for part in inside(node) if part.type == "object"]
    for part in objects[0].named_children if objects else ():
        key, inner = key_of(part.child_by_field_name("key")), part.child_by_field_name("value")
        if not key or inner is None:
            continue
        first = inner
        while first.type == "call_expression" or first.type == "member_expression":
            following = first.child_by_field_name("function") or first.child_by_field_name("object")
            if following is None or following.type == "identifier":
                break
            first = following
        arguments = first.child_by_field_name("arguments")
        given = arguments.named_children[0] if arguments is not None and arguments.named_children else None
        columns[key] = string_of(given) or key
    return Value(table=name, columns=columns)


def _own(
    run: Following, node: Node, scope: NameScope, function: SourceFunction, name: str, given: list[Value]
) -> Value:
    """A call of a function that the checkout has."""
    label = run.sources.get(function.node.id)
    if label is not None:
        label = PROMISED if label == IDENTITY and is_async(function.node) else label
        return Value({label: (run.hop(node, scope, "read", name),)})
    if function.node.type in CLASSES:
        return _instance(run, node, scope, function, given)
    is_method = function.node.type == "method_definition"
    is_closure = function.scope.outer is not None and (not is_method or run.leads_there(function.node))
    goes_along = run.goes_along(*given, function.this or Value())
    text = text_of(function.node)
    is_of_interest = (
        "headers(" in text
        or (run.header and run.header in text.lower())
        or run.is_source_in(text)
        or (run.reaching is not None and run.reaching.has(function.node))
    )
    if not (is_closure or goes_along or is_of_interest):
        return _ignored(run, given)
    return _called(run, node, scope, function, given, name)


def _called(
    run: Following, node: Node, scope: NameScope, function: SourceFunction, given: list[Value], name: str = ""
) -> Value:
    run.calls.append(run.hop(node, scope, "handed on", name or function.name))
    try:
        return run.invoke_once(function, given)
    finally:
        run.calls.pop()


def _ignored(run: Following, given: list[Value]) -> Value:
    """A call that nothing of interest goes into; functions that it is given may still be called."""
    for value in given:
        if value.function is not None and value.function.scope.outer is not None:
            run.invoke(value.function, [])
    return Value()


def _instance(
    run: Following, node: Node, scope: NameScope, function: SourceFunction, given: list[Value]
) -> Value:
    made = Value()
    run.constructed(node, scope, function, given)
    body = function.node.child_by_field_name("body")
    inner = NameScope(function.module, function.scope, this=made)
    for part in () if body is None else body.named_children:
        name = text_of(part.child_by_field_name("name"))
        if part.type == "method_definition":
            made.fields[name] = Value(function=SourceFunction(part, function.module, inner, name, made))
        elif part.type == "public_field_definition":
            value = part.child_by_field_name("value")
            made.fields[name] = Value() if value is None else run.expression(value, inner)
    constructor = made.fields.get("constructor")
    is_of_interest = run.leads_there(function.node)
    if constructor is not None and constructor.function is not None and is_of_interest:
        run.calls.append(run.hop(node, scope, "handed on", function.name))
        try:
            run.invoke_once(constructor.function, given)
        finally:
            run.calls.pop()
    return made


def _unknown(run: Following, receiver: Value, name: str, given: list[Value], *, is_new: bool) -> Value:
    """A call of a package: what goes in may come out, and functions that it is given are called."""
    label = receiver.external and run.packages.get(name)
    if label:
        return Value({label: ()})
    through: list[Value] = []
    for value in given:
        if value.function is None or value.function.node.type in CLASSES:
            continue
        receiver = awaited(receiver)
        several = Value(dict(receiver.labels), dict(receiver.fields), is_closed=receiver.is_closed)
        through.append(run.invoke(value.function, [several if receiver.is_followed() else Value()]))
    if name in _TELLS_ONLY or (
        is_new and name not in {"Headers", "Request", "NextRequest", "Promise", "String"}
    ):
        return joined(*through) if is_new else Value()
    labels = Value(dict(awaited(receiver).labels))
    labels.labels.pop(REQUEST, None)
    parts = [awaited(value) for value in given if value.function is None and value.is_followed()]
    if name in _MAKES_ANOTHER:  # where a request's value is followed, what comes of it is seen by the run
        labels.labels.pop(IDENTITY, None)
        parts = [value for value in parts if IDENTITY not in value.labels]
    return joined(labels, *through, *parts)
