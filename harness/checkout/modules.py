"""The modules of a checkout: where an import leads, and what a module declares and exports."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tree_sitter import Node

from harness.checkout.resolution import Resolution
from harness.checkout.source import SourceText, inside, read_source, string_of, text_of

HOPS_MAX: Final = 16
"""Re-exports that are followed for one name."""

_VALUES: Final = {
    "function_declaration",
    "generator_function_declaration",
    "class_declaration",
    "abstract_class_declaration",
    "enum_declaration",
}
_BINDING: Final = frozenset(
    ("pair_pattern", "rest_pattern", "array_pattern", "object_assignment_pattern", "assignment_pattern")
)
_TYPES: Final = {"type_alias_declaration", "interface_declaration", "enum_declaration", "class_declaration"}


@dataclass(frozen=True, slots=True)
class Imported:
    """A name that a module takes from another: `*` stands for the whole module."""

    specifier: str
    name: str
    is_type: bool
    node: Node


@dataclass(frozen=True, slots=True)
class Declared:
    """Where something is declared: the node, and the module it stands in."""

    node: Node
    module: "Module"


@dataclass(slots=True, eq=False)
class Module:
    """One module: what its top level declares, imports and exports."""

    source: SourceText
    values: dict[str, Node] = field(default_factory=dict)
    types: dict[str, list[Node]] = field(default_factory=dict)
    """An interface may be declared in parts."""
    imports: dict[str, Imported] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)
    """The name outside, and the name within."""
    passed_on: dict[str, Imported] = field(default_factory=dict)
    """`export { a as b } from`, by the name outside."""
    stars: list[str] = field(default_factory=list)
    """`export * from`."""


class Modules:
    """The modules of one checkout, each read once."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout.resolve()
        self._known: dict[Path, Module] = {}
        self._resolution = Resolution(self.checkout)

    def read(self, path: Path) -> Module:
        """The module of a file. Raises UsageError when it cannot be read."""
        path = path.resolve()
        if path not in self._known:
            self._known[path] = _module(read_source(path, self.checkout))
        return self._known[path]

    @property
    def read_so_far(self) -> tuple[Module, ...]:
        """Every module that was read."""
        return tuple(self._known.values())

    def resolve(self, specifier: str, module: Module) -> Path | None:
        """The file of a specifier; None for a package, and for what is not in the checkout."""
        return self._resolution.file(specifier, module.source.path)

    def value(self, module: Module, name: str) -> Declared | Imported | None:
        """The declaration of a value that a module's top level knows; what it is imported from outside the checkout."""
        return self._find(module, name, types=False)

    def type(self, module: Module, name: str) -> Declared | Imported | None:
        """As `value`, of a type."""
        return self._find(module, name, types=True)

    def exported(self, module: Module, name: str, *, types: bool = False) -> Declared | Imported | None:
        """What a module exports under a name, through re-exports."""
        return self._exported(module, name, types=types, hops=0)

    def _find(self, module: Module, name: str, *, types: bool, hops: int = 0) -> Declared | Imported | None:
        if types and name in module.types:
            return Declared(module.types[name][0], module)
        if not types and name in module.values:
            return Declared(module.values[name], module)
        imported = module.imports.get(name)
        return None if imported is None else self._follow(module, imported, types=types, hops=hops)

    def _follow(
        self, module: Module, imported: Imported, *, types: bool, hops: int
    ) -> Declared | Imported | None:
        path = self.resolve(imported.specifier, module)
        if path is None or hops > HOPS_MAX or path.suffix == ".json":
            return imported
        target = self.read(path)
        if imported.name == "*":
            return Declared(target.source.root, target)
        return self._exported(target, imported.name, types=types, hops=hops + 1) or imported

    def _exported(self, module: Module, name: str, *, types: bool, hops: int) -> Declared | Imported | None:
        if hops > HOPS_MAX:
            return None
        if name in module.exports:
            return self._find(module, module.exports[name], types=types, hops=hops + 1)
        if name in module.passed_on:
            return self._follow(module, module.passed_on[name], types=types, hops=hops + 1)
        for specifier in module.stars:
            path = self.resolve(specifier, module)
            found = path and self._exported(self.read(path), name, types=types, hops=hops + 1)
            if found:
                return found
        return None


def _module(source: SourceText) -> Module:
    module = Module(source)
    for statement in source.root.named_children:
        if statement.type == "import_statement":
            for local, imported in _imports(statement):
                module.imports[local] = imported
        elif statement.type == "export_statement":
            _export(module, statement)
        else:
            _declare(module, statement)
    return module


def _declare(module: Module, statement: Node) -> list[str]:
    """Takes a declaration of the top level in; returns the names it declares."""
    if statement.type in {"lexical_declaration", "variable_declaration"}:
        names: list[str] = []
        for declarator in statement.named_children:
            target = declarator.child_by_field_name("name")
            if declarator.type != "variable_declarator" or target is None:
                continue
            for name in bound_names(target):
                module.values[name] = declarator
                names.append(name)
        return names
    name = text_of(statement.child_by_field_name("name"))
    if statement.type in _VALUES:
        module.values[name] = statement
    if statement.type in _TYPES:
        module.types.setdefault(name, []).append(statement)
    return [name] if statement.type in _VALUES | _TYPES else []


def bound_names(pattern: Node) -> Iterator[str]:
    """The names that a pattern binds."""
    if pattern.type == "identifier":
        yield text_of(pattern)
        return
    for node in inside(pattern):
        is_bound = node.type == "identifier" and node.parent is not None and node.parent.type in _BINDING
        if is_bound or node.type == "shorthand_property_identifier_pattern":
            yield text_of(node)


def _export(module: Module, statement: Node) -> None:
    specifier = string_of(statement.child_by_field_name("source"))
    declaration = statement.child_by_field_name("declaration")
    is_default = any(child.type == "default" for child in statement.children)
    if declaration is not None:
        names = _declare(module, declaration)
        module.exports.update(
            {"default": names[0]} if is_default and names else {name: name for name in names}
        )
        return
    if is_default:
        value = statement.child_by_field_name("value")
        if value is not None:
            module.values["default"] = value
            module.exports["default"] = text_of(value) if value.type == "identifier" else "default"
        return
    if specifier is not None and any(child.type == "*" for child in statement.children):
        module.stars.append(specifier)
    for clause in statement.named_children:
        if clause.type == "namespace_export" and specifier is not None:
            name = text_of(clause.named_children[0])
            module.passed_on[name] = Imported(specifier, "*", is_type=False, node=clause)
        for each in clause.named_children if clause.type == "export_clause" else ():
            if each.type != "export_specifier":
                continue  # a comment
            inner = text_of(each.child_by_field_name("name"))
            outer = text_of(each.child_by_field_name("alias")) or inner
            if specifier is None:
                module.exports[outer] = inner
            else:
                module.passed_on[outer] = Imported(specifier, inner, is_type=_is_type(each), node=each)


def _imports(statement: Node) -> Iterator[tuple[str, Imported]]:
    specifier = string_of(statement.child_by_field_name("source")) or ""
    whole = _is_type(statement)
    for clause in statement.named_children:
        for part in clause.named_children if clause.type == "import_clause" else ():
            if part.type == "identifier":
                yield text_of(part), Imported(specifier, "default", whole, part)
            elif part.type == "namespace_import":
                yield text_of(part.named_children[0]), Imported(specifier, "*", whole, part)
            for each in part.named_children if part.type == "named_imports" else ():
                if each.type != "import_specifier":
                    continue  # a comment
                name = text_of(each.child_by_field_name("name"))
                local = text_of(each.child_by_field_name("alias")) or name
                yield local, Imported(specifier, name, whole or _is_type(each), each)


def _is_type(node: Node) -> bool:
    return any(child.type == "type" for child in node.children)
