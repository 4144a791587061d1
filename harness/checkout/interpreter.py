"""Follows values through a checkout's source: every branch is taken, and calls of the checkout's own are looked into.

It answers where a value may get to, not what it is: that is seen by running the code. A call is looked into only
where something that is followed goes along: a handler of five hundred lines and its helpers take some milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tree_sitter import Node

from harness.checkout.expressions import EXPRESSIONS, parts
from harness.checkout.modules import Declared, Imported, Module, Modules
from harness.checkout.patterns import bind
from harness.checkout.source import (
    CLASSES,
    TRANSPARENT,
    awaits,
    bare,
    last_line_of,
    line_of,
    string_of,
    text_of,
)
from harness.checkout.statements import go_through
from harness.checkout.values import (
    HEADER,
    HEADERS,
    OTHER,
    REQUEST,
    Hop,
    NameScope,
    SourceFunction,
    Value,
    awaited,
    joined,
)

STEPS_MAX: Final = 400_000
"""Expressions looked at; beyond it the way counts as unknown."""
CALLS_MAX: Final = 60
"""Functions that are gone through one within the other."""
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
        if node.type in CLASSES:
            return Value(function=SourceFunction(node, found.module, scope, name))
        return self.expression(node, scope) if node.type != "enum_declaration" else Value()

    def member_of_module(self, path_and_name: str, name: str) -> Value:
        """`name` of a module taken as a whole."""
        module = next(m for m in self.modules.read_so_far if str(m.source.path) == path_and_name)
        found = self.modules.exported(module, name)
        return Value() if found is None else self._declared(found, name)

    def bind(self, pattern: Node, value: Value, scope: NameScope, kind: Node | None = None) -> None:
        """Gives the names of a pattern what they may hold."""
        bind(self, pattern, value, scope, kind)

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
        self.count()
        kind = node.type
        if kind in TRANSPARENT:
            value = self.expression(bare(node), scope)
            return awaited(value) if awaits(node) else value
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
        return EXPRESSIONS.get(kind, parts)(self, node, scope)

    def count(self) -> None:
        """Counts a step. Raises TooLongError beyond the last one."""
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise TooLongError

    def is_active(self, function: SourceFunction) -> bool:
        """Whether a function is being gone through already, or too many are."""
        return len(self.active) > CALLS_MAX or any(each.node.id == function.node.id for each in self.active)

    def invoke(self, function: SourceFunction, given: list[Value]) -> Value:
        """What a function returns when it is given these."""
        if self.is_active(function):
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
                go_through(self, body, scope)
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
