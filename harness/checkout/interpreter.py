"""Follows values through a checkout's source: every branch is taken, and calls of the checkout's own are looked into.

It answers where a value may get to, not what it is: that is seen by running the code. A call is looked into only
where something that is followed goes along: a handler of five hundred lines and its helpers take some milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tree_sitter import Node

from harness.checkout.modules import Declared, Imported, Module, Modules
from harness.checkout.source import TRANSPARENT, bare, key_of, last_line_of, line_of, string_of, text_of
from harness.checkout.values import (
    BESIDE,
    HEADER,
    HEADERS,
    NAMED,
    OTHER,
    REQUEST,
    Hop,
    NameScope,
    SourceFunction,
    Value,
    joined,
)

STEPS_MAX: Final = 400_000
"""Expressions looked at; beyond it the way counts as unknown."""
FUNCTIONS: Final = frozenset(
    {
        "function_declaration",
        "function_expression",
        "arrow_function",
        "method_definition",
        "generator_function_declaration",
        "generator_function",
    }
)
_NO_VALUE: Final = frozenset(
    ("==", "===", "!=", "!==", "<", ">", "<=", ">=", "in", "instanceof", "-", "*", "/", "%")
)


class TooLongError(Exception):
    """The code is too big to be followed."""


@dataclass(slots=True, eq=False)
class Interpreter:
    """One following: what to look for, and where it is."""

    modules: Modules
    header: str = ""
    """The name of the header, in lower case."""
    field_name: str = ""
    """A field of this name gets the label NAMED, in objects of one file."""
    named_in: str = ""
    """That file."""
    steps: int = 0
    order: int = 0
    calls: list[Hop] = field(default_factory=list)
    """The calls under way."""
    active: list[SourceFunction] = field(default_factory=list)
    returned: list[list[Value]] = field(default_factory=list)
    scopes: dict[int, NameScope] = field(default_factory=dict)
    """Of each module's top level."""
    pending: set[tuple[int, str]] = field(default_factory=set)

    def call(self, node: Node, scope: NameScope) -> Value:
        """What a call, or a `new`, may return."""
        raise NotImplementedError

    def read(self, node: Node, scope: NameScope, value: Value) -> None:
        """Is told of each reading of a field, of its expression and of what it may hold."""

    def made(self, node: Node, scope: NameScope) -> None:
        """Is told of each object that the code makes, and of each that it changes."""

    def hop(self, node: Node, scope: NameScope, what: str, name: str, container: Value | None = None) -> Hop:
        """A place that is passed now."""
        self.order += 1
        source = scope.module.source
        return Hop(self.order, source.name, line_of(node), last_line_of(node), what, name, container, node)

    def is_named(self, name: str, scope: NameScope) -> bool:
        """Whether a field of this name, in an object that is made here, gets the label NAMED."""
        return name == self.field_name and scope.module.source.name == self.named_in

    def top(self, module: Module) -> NameScope:
        """The scope of a module's top level."""
        return self.scopes.setdefault(id(module), NameScope(module))

    def function(self, found: Declared | Imported | None, name: str) -> SourceFunction | None:
        """A function that a module declares; None for anything else."""
        value = Value() if found is None else self._declared(found, name)
        return value.function

    # Names

    def name(self, name: str, scope: NameScope) -> Value:
        """What a name may hold."""
        for each in scope.chain():
            if name in each.values:
                return each.values[name]
        top = self.top(scope.module)
        found = self.modules.value(scope.module, name)
        if name == "undefined":
            return Value(is_absent=True)
        if found is None or (id(top), name) in self.pending:
            return Value(external=f"global:{name}")
        self.pending.add((id(top), name))
        try:
            value = self._declared(found, name)
            if isinstance(found, Declared):
                top.values[name] = value
        finally:
            self.pending.discard((id(top), name))
        return value

    def _declared(self, found: Declared | Imported, name: str) -> Value:
        if isinstance(found, Imported):
            return Value(external=f"{found.specifier}:{found.name}")
        node, scope = found.node, self.top(found.module)
        if node.type == "program":
            return Value(external=f"module:{found.module.source.path}")
        if node.type in FUNCTIONS:
            return Value(function=SourceFunction(node, found.module, scope, name))
        if node.type == "variable_declarator":
            value = node.child_by_field_name("value")
            target = node.child_by_field_name("name")
            if value is None or target is None:
                return Value()
            if target.type == "identifier":
                return self.expression(value, scope)
            inner = NameScope(found.module, scope)
            self.bind(target, self.expression(value, scope), inner)
            return inner.values.get(name, Value())
        if node.type in {"class_declaration", "abstract_class_declaration"}:
            return Value(function=SourceFunction(node, found.module, scope, name))
        return self.expression(node, scope) if node.type != "enum_declaration" else Value()

    def member_of_module(self, path_and_name: str, name: str) -> Value:
        """`name` of a module taken as a whole."""
        module = next(m for m in self.modules.read_so_far if str(m.source.path) == path_and_name)
        found = self.modules.exported(module, name)
        return Value() if found is None else self._declared(found, name)

    # Patterns

    def bind(self, pattern: Node, value: Value, scope: NameScope, kind: Node | None = None) -> None:
        """Gives the names of a pattern what they may hold."""
        if pattern.type == "identifier":
            scope.values[text_of(pattern)] = value
            if kind is not None:
                scope.types[text_of(pattern)] = kind
        elif pattern.type == "object_pattern":
            self._bind_object(pattern, value, scope)
        elif pattern.type == "array_pattern":
            for index, part in enumerate(pattern.named_children):
                self.bind(part, self.member(value, str(index)), scope)
        elif pattern.type in {"assignment_pattern", "object_assignment_pattern"}:
            left, right = pattern.child_by_field_name("left"), pattern.child_by_field_name("right")
            if left is not None and right is not None:
                self.bind(left, joined(value, self.expression(right, scope)), scope)
        elif pattern.type == "rest_pattern":
            self.bind(pattern.named_children[0], value, scope)

    def _bind_object(self, pattern: Node, value: Value, scope: NameScope) -> None:
        taken: set[str] = set()
        for part in pattern.named_children:
            if part.type == "rest_pattern":
                rest = Value(is_closed=value.is_closed, labels=dict(value.labels))
                hop = self.hop(pattern, scope, "rest", text_of(part.named_children[0]), rest)
                rest.fields = {n: v.passing(hop) for n, v in value.fields.items() if n not in taken}
                self.bind(part.named_children[0], rest, scope)
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
            got = self.member(value, name)
            self.read(part, scope, got)
            if part.type == "shorthand_property_identifier_pattern":
                scope.values[name] = got
            elif part.type == "object_assignment_pattern":
                right = part.child_by_field_name("right")
                scope.values[name] = joined(got, self.expression(right, scope)) if right is not None else got
            elif target is not None:
                self.bind(target, got, scope)

    # Expressions

    def member(self, value: Value, name: str) -> Value:
        """A field of what may be an object."""
        if value.external.startswith("module:"):
            return self.member_of_module(value.external.removeprefix("module:"), name)
        if name in value.fields:
            return value.fields[name]
        if REQUEST in value.labels and name == "headers":
            return Value({HEADERS: value.labels[REQUEST]})
        if HEADERS in value.labels:
            return self.header_read(value, name)
        if value.is_closed and not value.labels:
            return Value(is_absent=True)
        if name == "length":
            return Value()
        external = f"{value.external}.{name}" if value.external else ""
        return Value(dict(value.labels), table=value.table, columns=value.columns, external=external)

    def header_read(self, value: Value, name: str) -> Value:
        """The value of a header, ours or another."""
        return Value({HEADER if name.lower() == self.header else OTHER: value.labels[HEADERS]})

    def expression(self, node: Node, scope: NameScope) -> Value:
        """What an expression may hold. Raises TooLongError."""
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise TooLongError
        kind = node.type
        if kind in TRANSPARENT:
            return self.expression(bare(node), scope)
        if kind in {"identifier", "this", "shorthand_property_identifier"}:
            if kind == "this":
                return next((s.this for s in scope.chain() if s.this is not None), Value())
            return self.name(text_of(node), scope)
        if kind in FUNCTIONS:
            this = next((s.this for s in scope.chain() if s.this is not None), None)
            return Value(function=SourceFunction(node, scope.module, scope, "", this))
        if kind in {"call_expression", "new_expression"}:
            return self.call(node, scope)
        text = string_of(node)
        if text is not None:
            return Value(text=text)
        return _EXPRESSIONS.get(kind, _parts)(self, node, scope)

    # Statements

    def body(self, node: Node, scope: NameScope) -> None:
        """Goes through statements, every branch of them."""
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise TooLongError
        kind = node.type
        if kind in {"function_declaration", "generator_function_declaration"}:
            name = text_of(node.child_by_field_name("name"))
            this = next((s.this for s in scope.chain() if s.this is not None), None)
            scope.values[name] = Value(function=SourceFunction(node, scope.module, scope, name, this))
        elif kind == "variable_declarator":
            self._declare(node, scope)
        elif kind == "return_statement":
            value = (
                self.expression(node.named_children[0], scope)
                if node.named_children
                else Value(is_absent=True)
            )
            if self.returned:
                self.returned[-1].append(value)
        elif kind == "for_in_statement":
            self._for_in(node, scope)
        elif kind in _STATEMENTS:
            inner = NameScope(scope.module, scope) if kind == "statement_block" else scope
            children = sorted(node.named_children, key=lambda child: child.type != "function_declaration")
            for child in children if kind == "statement_block" else node.named_children:
                self.body(child, inner)
        elif kind not in {"comment", "type_alias_declaration", "interface_declaration", "type_annotation"}:
            self.expression(node, scope)

    def _declare(self, node: Node, scope: NameScope) -> None:
        target, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        kind = node.child_by_field_name("type")
        if target is None:
            return
        if kind is not None and target.type == "identifier":
            scope.types[text_of(target)] = kind
        self.bind(target, Value() if value is None else self.expression(value, scope), scope, kind)

    def _for_in(self, node: Node, scope: NameScope) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        body = node.child_by_field_name("body")
        inner = NameScope(scope.module, scope)
        if left is not None and right is not None:
            whole = self.expression(right, scope)
            self.bind(left, joined(Value(dict(whole.labels)), *whole.fields.values()), inner)
        if body is not None:
            self.body(body, inner)

    def invoke(self, function: SourceFunction, given: list[Value]) -> Value:
        """What a function returns when it is given these."""
        if any(each.node.id == function.node.id for each in self.active) or len(self.active) > 60:
            return joined(*given)
        scope = NameScope(function.module, function.scope, this=function.this)
        parameters = function.node.child_by_field_name("parameters")
        single = function.node.child_by_field_name("parameter")
        names = [single] if single is not None else [] if parameters is None else parameters.named_children
        for index, parameter in enumerate(name for name in names if name.type != "comment"):
            self._parameter(parameter, given, index, scope)
        body = function.node.child_by_field_name("body")
        if body is None:
            return Value()
        with self._running(function) as returned:
            if body.type == "statement_block":
                self.body(body, scope)
            else:
                returned.append(self.expression(body, scope))
        return joined(*returned) if returned else Value()

    def _parameter(self, node: Node, given: list[Value], index: int, scope: NameScope) -> None:
        pattern = node.child_by_field_name("pattern") or node
        value = given[index] if index < len(given) else Value()
        if pattern.type == "rest_pattern":
            value, pattern = joined(*given[index:]), pattern.named_children[0]
        default = node.child_by_field_name("value")
        if default is not None:
            value = joined(value, self.expression(default, scope))
        self.bind(pattern, value, scope, node.child_by_field_name("type"))
        modified = any(
            child.type in {"accessibility_modifier", "override_modifier"} for child in node.children
        )
        if (modified or any(c.type == "readonly" for c in node.children)) and scope.this is not None:
            scope.this.fields[text_of(pattern)] = value

    @contextmanager
    def _running(self, function: SourceFunction) -> Iterator[list[Value]]:
        self.active.append(function)
        self.returned.append([])
        try:
            yield self.returned[-1]
        finally:
            self.active.pop()
            self.returned.pop()


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


def _parts(run: Interpreter, node: Node, scope: NameScope) -> Value:
    return joined(*(run.expression(part, scope) for part in node.named_children if part.type != "comment"))


_EXPRESSIONS: Final[dict[str, Callable[[Interpreter, Node, NameScope], Value]]] = {
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
