"""Which properties a declared type has: through aliases, intersections, Omit and the like, and re-exports.

What comes from a package, and what is computed, may have any property: such a type is open, and nothing is missing in
it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tree_sitter import Node

from harness.checkout.modules import Declared, Module, Modules
from harness.checkout.source import inside, key_of, line_of, string_of, text_of

DEPTH_MAX: Final = 24
_SAME: Final = frozenset(("Partial", "Required", "Readonly", "NonNullable", "Awaited", "Promise", "Exclude"))
_NO_TEXT: Final = frozenset(("number", "boolean", "symbol", "never", "object", "void"))
_OBJECTS: Final = frozenset(("object", "extend", "strictObject", "looseObject"))
_MEMBERS: Final = frozenset(
    (
        "property_signature",
        "method_signature",
        "public_field_definition",
        "method_definition",
        "abstract_method_signature",
    )
)


@dataclass(frozen=True, slots=True)
class Properties:
    """The properties of a type."""

    types: Mapping[str, tuple[Node | None, Module]] = field(default_factory=dict)
    is_closed: bool = False
    """Whether it has no others."""
    declared: Declared | None = None
    """Where a property would be added."""
    name: str = ""

    def lacks(self, name: str) -> bool:
        """Whether a property is missing for sure."""
        return self.is_closed and name not in self.types

    @property
    def where(self) -> str:
        """File and line of the declaration."""
        if self.declared is None:
            return ""
        return f"{self.declared.module.source.name}:{line_of(self.declared.node)}"


OPEN: Final = Properties()


def properties(kind: Node | None, module: Module, modules: Modules, depth: int = 0) -> Properties:
    """The properties of a type as it is written in a module."""
    if kind is None or depth > DEPTH_MAX:
        return OPEN
    depth += 1
    if kind.type in {"type_annotation", "parenthesized_type", "readonly_type"}:
        return properties(kind.named_children[0] if kind.named_children else None, module, modules, depth)
    if kind.type in {"type_identifier", "identifier"}:
        return _named(text_of(kind), module, modules, depth)
    if kind.type in {"object_type", "interface_body", "class_body"}:
        return _object(kind, module)
    if kind.type == "intersection_type":
        return _all([properties(part, module, modules, depth) for part in kind.named_children])
    if kind.type == "union_type":
        return _any([properties(part, module, modules, depth) for part in kind.named_children])
    if kind.type == "generic_type":
        return _generic(kind, module, modules, depth)
    return OPEN


def text_less(kind: Node | None) -> str:
    """A type that no text fits, as it is written; empty where one may."""
    if kind is None:
        return ""
    inner = kind.named_children[0] if kind.type == "type_annotation" and kind.named_children else kind
    of_union = [part for part in inside(inner) if part.type not in {"union_type", "parenthesized_type"}]
    fits = any(part.type != "predefined_type" or text_of(part) not in _NO_TEXT for part in of_union)
    return "" if fits else text_of(inner)


def declared_type(name: str, module: Module, modules: Modules) -> Properties:
    """The properties of a type that a module exports or declares; without a declaration where there is none."""
    found = modules.exported(module, name, types=True) or modules.type(module, name)
    return _named(name, found.module, modules, 0) if isinstance(found, Declared) else OPEN


def _named(name: str, module: Module, modules: Modules, depth: int) -> Properties:
    found = modules.type(module, name)
    if not isinstance(found, Declared):
        return OPEN
    node = found.node
    if node.type == "type_alias_declaration":
        if node.child_by_field_name("type_parameters") is not None:
            return OPEN
        of = properties(node.child_by_field_name("value"), found.module, modules, depth)
        return Properties(of.types, of.is_closed, of.declared or found, name)
    parts: list[Properties] = []
    for each in found.module.types.get(text_of(node.child_by_field_name("name")), [node]):
        body = each.child_by_field_name("body")
        if body is None or each.type == "enum_declaration":
            return OPEN
        parts.append(properties(body, found.module, modules, depth))
        for clause in each.named_children:
            if clause.type in {"extends_type_clause", "extends_clause", "class_heritage"}:
                bases = [part for part in clause.named_children if part.type != "implements_clause"]
                parts.extend(properties(_unwrapped(base), found.module, modules, depth) for base in bases)
    whole = _all(parts)
    return Properties(whole.types, whole.is_closed, found, name)


def _unwrapped(node: Node) -> Node:
    return node.named_children[0] if node.type == "extends_clause" and node.named_children else node


def _object(node: Node, module: Module) -> Properties:
    types: dict[str, tuple[Node | None, Module]] = {}
    is_closed = True
    for part in node.named_children:
        if part.type in _MEMBERS:
            name = key_of(part.child_by_field_name("name"))
            is_closed = is_closed and name is not None
            types[name or ""] = (part.child_by_field_name("type"), module)
        elif part.type in {"index_signature", "call_signature", "construct_signature"}:
            is_closed = False
    return Properties(types, is_closed, Declared(node, module))


def _all(parts: list[Properties]) -> Properties:
    types: dict[str, tuple[Node | None, Module]] = {}
    for part in parts:
        types.update(part.types)
    declared = next((part.declared for part in reversed(parts) if part.declared is not None), None)
    return Properties(types, all(part.is_closed for part in parts), declared)


def _any(parts: list[Properties]) -> Properties:
    """Of a union, where `null` and `undefined` count for nothing."""
    some = [part for part in parts if part.types or part.is_closed]
    if len(some) != 1:
        return OPEN
    return some[0]


def _generic(kind: Node, module: Module, modules: Modules, depth: int) -> Properties:
    name = text_of(kind.child_by_field_name("name"))
    arguments = kind.child_by_field_name("type_arguments")
    given = [] if arguments is None else arguments.named_children
    if not given:
        return OPEN
    if name in _SAME:
        return properties(given[0], module, modules, depth)
    if name in {"Omit", "Pick"} and len(given) > 1:
        of = properties(given[0], module, modules, depth)
        keys = literals(given[1])
        if keys is None:
            return OPEN if name == "Pick" else Properties(of.types, False, of.declared)
        kept = {key: each for key, each in of.types.items() if (key in keys) is (name == "Pick")}
        if name == "Pick":
            return Properties(kept, True, of.declared)
        return Properties(kept, of.is_closed, of.declared)
    if name == "Record":
        keys = literals(given[0])
        return OPEN if keys is None else Properties(dict.fromkeys(keys, (given[1], module)), True)
    if name in {"z.infer", "z.output", "z.input", "infer", "TypeOf"}:
        return _schema(given[0], module, modules)
    return OPEN


def literals(kind: Node) -> list[str] | None:
    """The strings of a literal, or of a union of them; None for anything else."""
    if kind.type == "literal_type":
        text = string_of(kind.named_children[0]) if kind.named_children else None
        return None if text is None else [text]
    if kind.type == "union_type":
        found: list[str] = []
        for part in kind.named_children:
            inner = literals(part)
            if inner is None:
                return None
            found += inner
        return found
    return None


def _schema(kind: Node, module: Module, modules: Modules) -> Properties:
    """Of `z.infer<typeof schema>`: the keys of `z.object({...})`, and of what extends it."""
    query = next((part for part in inside(kind) if part.type == "identifier"), None)
    found = None if query is None else modules.value(module, text_of(query))
    if not isinstance(found, Declared):
        return OPEN
    of = _schema_keys(found.node.child_by_field_name("value"), found.module, modules, 0)
    return Properties(of.types, of.is_closed, found)


def _schema_keys(value: Node | None, module: Module, modules: Modules, depth: int) -> Properties:
    """The keys of a schema as it is written: a chain of calls, from its last one inwards."""
    types: dict[str, tuple[Node | None, Module]] = {}
    is_closed = True
    while value is not None and value.type == "call_expression" and depth < DEPTH_MAX:
        target, arguments = value.child_by_field_name("function"), value.child_by_field_name("arguments")
        name = text_of(target.child_by_field_name("property")) if target is not None else ""
        given = arguments.named_children[0] if arguments is not None and arguments.named_children else None
        if name in _OBJECTS and given is not None and given.type == "object":
            of = _keys(given, module, modules, depth)
            types = {**of.types, **types}
            is_closed = is_closed and of.is_closed and name != "looseObject"
        elif name == "merge" and given is not None and given.type == "identifier":
            of = _named_schema(given, module, modules, depth)
            types, is_closed = {**of.types, **types}, is_closed and of.is_closed
        elif name not in {"strict", "partial", "optional", "describe"}:
            is_closed = False
        value = target.child_by_field_name("object") if target is not None else None
        if value is not None and value.type == "identifier" and name not in {"object", "strictObject"}:
            of = _named_schema(value, module, modules, depth)
            return Properties({**of.types, **types}, is_closed and of.is_closed and name != "looseObject")
    return Properties(types, is_closed and value is not None and value.type == "identifier")


def _named_schema(name: Node, module: Module, modules: Modules, depth: int) -> Properties:
    found = modules.value(module, text_of(name))
    if not isinstance(found, Declared):
        return OPEN
    return _schema_keys(found.node.child_by_field_name("value"), found.module, modules, depth + 1)


def _keys(given: Node, module: Module, modules: Modules, depth: int) -> Properties:
    """Of an object of schemas, with those that are spread into it: `...other.shape`."""
    types: dict[str, tuple[Node | None, Module]] = {}
    is_closed = True
    for part in given.named_children:
        if part.type == "spread_element":
            inner = part.named_children[0]
            base = inner.child_by_field_name("object") if inner.type == "member_expression" else None
            of = OPEN
            if (
                base is not None
                and base.type == "identifier"
                and text_of(inner.child_by_field_name("property")) == "shape"
            ):
                of = _named_schema(base, module, modules, depth)
            types.update(of.types)
            is_closed = is_closed and of.is_closed
        elif part.type != "comment":
            name = key_of(part.child_by_field_name("key"))
            types[name or text_of(part)] = (None, module)
    return Properties(types, is_closed)
