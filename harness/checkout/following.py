"""The header's value followed from its reading to the INSERTs that are reached, with the types it is read through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tree_sitter import Node

from harness.checkout.calls import call
from harness.checkout.constructions import Construction, Constructions
from harness.checkout.declared_types import OPEN, Properties, properties
from harness.checkout.inserts import Insert, built_insert, raw_insert
from harness.checkout.interpreter import Interpreter
from harness.checkout.modules import Declared, Module
from harness.checkout.reaching import Reaching
from harness.checkout.source import CLASSES, bare, key_of, line_of, text_of
from harness.checkout.values import (
    DEPTH_MAX,
    HEADER,
    IDENTITY,
    NAMED,
    OTHER,
    REQUEST,
    Hop,
    NameScope,
    SourceFunction,
    Value,
)


@dataclass(frozen=True, slots=True)
class TypeFault:
    """A property that is read or written, and that the declared type lacks: the project does not compile."""

    file: str
    line: int
    property: str
    type: Properties


@dataclass(slots=True, eq=False)
class Following(Interpreter):
    """One following, and what was seen of it."""

    table: str = ""
    """INSERTs into this table are looked for."""
    sources: Mapping[int, str] = field(default_factory=dict)
    """Labels of what functions of the checkout return, by their nodes."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Labels of what functions of packages return, by their names."""
    methods: Mapping[str, SourceFunction] = field(default_factory=dict)
    """Methods that are taken for what is called by their names, where nobody can say of which class an object is."""
    source_names: frozenset[str] = frozenset()
    """By which those functions are called."""
    class_name: str = ""
    """Objects of this class are looked for."""
    reaching: Reaching | None = None
    """Methods that do not lead there are not gone into, unless what is followed goes along."""
    property: str = ""
    """The property whose types are looked at."""
    readings: list[Hop] = field(default_factory=list)
    """Where the header is read."""
    inserts: list[Insert] = field(default_factory=list)
    constructions: Constructions = field(default_factory=Constructions)
    analytics: list[Hop] = field(default_factory=list)
    """Where the client's id is given to analytics."""
    row_types: dict[int, Properties] = field(default_factory=dict)
    """Of the objects that INSERTs take their values from, by the INSERT's place."""
    faults: dict[tuple[str, str], TypeFault] = field(default_factory=dict)
    """By the property and its type's name."""

    def call(self, node: Node, scope: NameScope) -> Value:
        """What a call, or a `new`, may return."""
        value = call(self, node, scope)
        if HEADER in value.labels and not value.labels[HEADER]:
            hop = self.hop(node, scope, "read", self.header)
            self.readings.append(hop)
            value.labels[HEADER] = (hop,)
        if OTHER in value.labels and not value.labels[OTHER]:
            value.labels[OTHER] = (self.hop(node, scope, "read", "another header"),)
        return value

    def start(self, function: SourceFunction) -> None:
        """Follows a request through a handler. Raises TooLongError."""
        self.invoke(function, [Value({REQUEST: ()}), Value()])

    def template(self, node: Node, template: Node, tag: str, scope: NameScope) -> Value:
        """A tagged template: a raw statement, where its tag is `sql`."""
        substitutions = [
            (part, self.expression(part.named_children[0], scope))
            for part in template.named_children
            if part.type == "template_substitution" and part.named_children
        ]
        kinds = [self._base_type(part.named_children[0], scope) for part, _ in substitutions]
        if tag.rpartition(".")[2].lower() in {"sql", "raw", "query"}:
            hop = self.hop(node, scope, "row", tag)
            found = raw_insert(template, substitutions, self.table, hop, tuple(self.calls))
            if found is not None:
                self.inserts.append(found)
                names = {column.name for column in found.columns}
                closed = [kind for kind in kinds if kind.is_closed]
                if closed:  # what has most of the columns is what the row is made from
                    self.row_types[hop.order] = max(closed, key=lambda kind: len(names & kind.types.keys()))
        return Value()

    def _base_type(self, node: Node, scope: NameScope) -> Properties:
        node = bare(node)
        base = node.child_by_field_name("object") if node.type == "member_expression" else None
        return OPEN if base is None else self.type_of(base, scope)

    def values(self, node: Node, scope: NameScope, table: Value, given: list[Value]) -> None:
        """What `insert(table).values(...)` is given."""
        rows = [
            row for value in given for row in (value.fields.values() if "0" in value.fields else (value,))
        ]
        if table.table == self.table:
            hop = self.hop(node, scope, "row", "values")
            self.inserts += [built_insert(row, table, hop, tuple(self.calls)) for row in rows]

    def constructed(self, node: Node, scope: NameScope, function: SourceFunction, given: list[Value]) -> None:
        """An object of the checkout's own class is made."""
        if function.name == self.class_name:
            hop = self.hop(node, scope, "handed on", function.name)
            self.constructions.add(Construction(hop, tuple(given)))

    def goes_along(self, *values: Value) -> bool:
        """Whether something that is followed goes along with a call.

        Where whole files are followed, an object that has it far inside is handed to nearly everything.
        """
        depth = DEPTH_MAX if self.reaching is None else 1
        return any(value.is_followed(depth) for value in values)

    def invoke_once(self, function: SourceFunction, given: list[Value]) -> Value:
        """As `invoke`; where whole files are followed, once for the same that goes along."""
        if self.reaching is None or self.is_active(function):
            return self.invoke(function, given)
        key = self.constructions.begin(function, given)
        known = self.constructions.known.get(key)
        returned = self.invoke(function, given) if known is None else known[0]
        return self.constructions.end(key, self.calls[-1], returned, function.this)

    def leads_there(self, node: Node) -> bool:
        """Whether a function, or a class, is gone into for itself; each is, where nothing says which are."""
        return self.reaching is None or self.reaching.has(node)

    def is_source_in(self, text: str) -> bool:
        """Whether a function's text calls what is followed."""
        return (self.class_name != "" and self.class_name in text) or any(
            f"{name}(" in text for name in (*self.packages, *self.source_names)
        )

    def read(self, node: Node, scope: NameScope, value: Value) -> None:
        """Looks whether the declared type of an object has the property that is read of it."""
        if not {HEADER, NAMED, IDENTITY} & value.labels.keys() and not value.is_absent:
            return
        if node.type == "member_expression":
            base, name = node.child_by_field_name("object"), text_of(node.child_by_field_name("property"))
            if base is not None and name == self.property:
                self._judge(node, scope, name, self.type_of(base, scope))

    def made(self, node: Node, scope: NameScope) -> None:
        """Looks whether the type that an object is declared to have has each property written."""
        if node.type != "object":
            return
        kind = _type_beside(node)
        for part in node.named_children if kind is not None else ():
            name = key_of(part.child_by_field_name("key")) if part.type == "pair" else text_of(part)
            if name is not None and name == self.property:
                self._judge(part, scope, name, properties(kind, scope.module, self.modules))

    def handed(self, arguments: Node, scope: NameScope, function: SourceFunction) -> None:
        """Looks whether a function's parameters have each property of the objects that are written for them."""
        node = function.node
        if node.type in CLASSES:
            methods = node.child_by_field_name("body")
            named = [] if methods is None else methods.named_children
            found = (each for each in named if text_of(each.child_by_field_name("name")) == "constructor")
            node = next(found, node)
        parameters = node.child_by_field_name("parameters")
        kinds = [] if parameters is None else [p for p in parameters.named_children if p.type != "comment"]
        given = [each for each in arguments.named_children if each.type != "comment"]
        for argument, parameter in zip(given, kinds, strict=False):
            kind = parameter.child_by_field_name("type")
            if bare(argument).type == "object" and kind is not None:
                self._written(bare(argument), scope, properties(kind, function.module, self.modules))

    def _written(self, node: Node, scope: NameScope, kind: Properties, depth: int = 0) -> None:
        for part in node.named_children if depth < DEPTH_MAX else ():
            name = key_of(part.child_by_field_name("key")) if part.type == "pair" else text_of(part)
            value = part.child_by_field_name("value") if part.type == "pair" else None
            if name is not None and name == self.property:
                self._judge(part, scope, name, kind)
            elif (
                name is not None and name in kind.types and value is not None and bare(value).type == "object"
            ):
                inner, module = kind.types[name]
                self._written(bare(value), scope, properties(inner, module, self.modules), depth + 1)

    def _judge(self, node: Node, scope: NameScope, name: str, kind: Properties) -> None:
        if kind.lacks(name):
            fault = TypeFault(scope.module.source.name, line_of(node), name, kind)
            self.faults.setdefault((name, kind.where), fault)

    def type_of(self, node: Node, scope: NameScope) -> Properties:
        """The properties of an expression's declared type; open where none is written."""
        node = bare(node)
        if node.type == "identifier":
            for each in scope.chain():
                if text_of(node) in each.types:
                    return properties(each.types[text_of(node)], each.module, self.modules)
                if text_of(node) in each.values:
                    return OPEN
        if node.type == "member_expression":
            base = node.child_by_field_name("object")
            if base is None or base.type == "this":
                return OPEN
            whole = self.type_of(base, scope)
            found = whole.types.get(text_of(node.child_by_field_name("property")))
            return OPEN if found is None else properties(found[0], found[1], self.modules)
        return OPEN

    def type_read_beside(self, insert: Insert) -> Properties | None:
        """The declared type of the object whose fields an INSERT substitutes; None where none is written."""
        return self.row_types.get(insert.hop.order)

    def type_lines(self, kind: Properties) -> tuple[int, int]:
        """First and last line of a type's declaration."""
        if kind.declared is None:
            return 0, 0
        return line_of(kind.declared.node), kind.declared.node.end_point.row + 1


def _type_beside(node: Node) -> Node | None:
    """The type that is written for an object: of the variable it is given to, or behind `satisfies`."""
    parent = node.parent
    while parent is not None and parent.type == "parenthesized_expression":
        node, parent = parent, parent.parent
    if parent is None:
        return None
    if parent.type == "variable_declarator":
        return parent.child_by_field_name("type")
    if parent.type == "satisfies_expression":
        return parent.named_children[-1]
    return None


def declared_function(following: Following, module: Module, name: str) -> SourceFunction | None:
    """A function that a module exports, or declares, under a name."""
    found = following.modules.exported(module, name) or following.modules.value(module, name)
    return following.function(found, name) if isinstance(found, Declared) else None
