"""The id's way in a client's checkout: from the function that gives it into the options of each handler."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tree_sitter import Node

from harness.checkout.constructions import Construction, places
from harness.checkout.files import source_files
from harness.checkout.following import Following, TypeFault, declared_function
from harness.checkout.interpreter import FUNCTIONS, TooLongError
from harness.checkout.modules import Module, Modules
from harness.checkout.reaching import Reaching
from harness.checkout.source import CLASSES, inside, line_of, text_of
from harness.checkout.values import IDENTITY, NameScope, SourceFunction, Value

USERS_MAX: Final = 50
"""Modules that name the id's function and are gone through, beside the one where handlers are built."""


@dataclass(frozen=True, slots=True)
class ClientWay:
    """What was found: where handlers are built with the id, and where without."""

    filled: tuple[str, ...] = ()
    """`file:line`."""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By such a place, where the handler is built that is meant."""
    untyped: Mapping[str, str] = field(default_factory=dict)
    """Where the id is written into an object of a type without it, and that type."""
    elsewhere: tuple[str, ...] = ()
    """Where handlers are built that are not reached from the file."""
    captured: tuple[str, ...] = ()
    """Where analytics is given the id."""
    unknown: str = ""


def follow_client(
    checkout: Path, provider: Path, identity: Path | None, symbol: str, class_name: str, option: str
) -> ClientWay:
    """Follows what `symbol` of the file `identity` returns into handlers that the file `provider` builds.

    Without an identity every handler is built without the id.
    Raises UsageError when a file cannot be read.
    """
    modules = Modules(checkout)
    following = Following(modules, property=option, class_name=class_name)
    module = modules.read(provider)
    if identity is not None:
        source = declared_function(following, modules.read(identity), symbol)
        if source is None:
            name = identity.relative_to(checkout).as_posix()
            return ClientWay(unknown=f"{name} exports no function {symbol}")
        following.sources, following.source_names = {source.node.id: IDENTITY}, frozenset((symbol,))
    following.constructions.file = module.source.name
    following.reaching = Reaching(modules, (symbol, class_name), module)
    users = (module, *_users(modules, symbol, {each.resolve() for each in (provider, identity) if each}))
    try:
        for each in users:
            _run_all(following, each)
        following.methods = _methods(following, class_name, module)
        following.constructions.known.clear()
        for each in users if following.methods else ():
            _run_all(following, each)
    except (TooLongError, RecursionError):
        return ClientWay(unknown=f"{module.source.name}: too much code to be followed")
    made = following.constructions.all
    built = places(made, {id(each): _has(following, each, option) for each in made})
    if not built:
        return ClientWay(unknown=f"{module.source.name}: no {class_name} is seen to be built from here")
    return ClientWay(
        filled=tuple(place.where for place in built if not place.lacks),
        missing={
            place.where: tuple(w for w in place.lacks if w != place.where) for place in built if place.lacks
        },
        untyped={f"{each.file}:{each.line}": _type_name(each) for each in following.faults.values()},
        elsewhere=_elsewhere(modules, class_name, made),
        captured=tuple(dict.fromkeys(hop.where for hop in following.analytics)),
    )


def _type_name(fault: TypeFault) -> str:
    return f"{fault.type.name or 'the type'} ({fault.type.where})"


def _elsewhere(modules: Modules, class_name: str, made: tuple[Construction, ...]) -> tuple[str, ...]:
    """Calls of what builds a handler, in the modules that were read, which no way was seen to lead to."""
    builders = {class_name, *(each.builder.name for each in made if each.builder)}
    seen = {hop.where for each in made for hop in (each.hop, each.builder, *each.calls) if hop is not None}
    found: list[str] = []
    for module in modules.read_so_far:
        if not any(f"{name}(".encode() in module.source.data for name in builders):
            continue
        for node in inside(module.source.root):
            target = node.child_by_field_name("function") or node.child_by_field_name("constructor")
            if node.type in {"call_expression", "new_expression"} and text_of(target) in builders:
                found.append(f"{module.source.name}:{line_of(node)}")
    return tuple(where for where in dict.fromkeys(found) if where not in seen)


def _has(following: Following, construction: Construction, option: str) -> bool:
    given = construction.given[0] if construction.given else Value()
    return IDENTITY in following.member(given, option).labels


def _users(modules: Modules, symbol: str, but: set[Path]) -> list[Module]:
    """Other modules of the checkout that name the function of the id."""
    named = [path for path in source_files(modules.checkout) if symbol.encode() in path.read_bytes()]
    return [modules.read(path) for path in named if path.resolve() not in but][:USERS_MAX]


def _methods(following: Following, class_name: str, provider: Module) -> dict[str, SourceFunction]:
    """Methods of other modules that build a handler by themselves, of a name that no other class has.

    An object of their class may come out of a list, where nobody follows it: its method is then known by its name.
    """
    builders = {class_name, *(each.builder.name for each in following.constructions.all if each.builder)}
    found: dict[str, list[SourceFunction]] = {}
    for module in following.modules.read_so_far:
        for node in _class_methods(module) if module is not provider else ():
            name = text_of(node.child_by_field_name("name"))
            if name != "constructor":
                scope = NameScope(module, following.top(module), this=Value())
                found.setdefault(name, []).append(SourceFunction(node, module, scope, name, Value()))
    return {
        name: methods[0]
        for name, methods in found.items()
        if len(methods) == 1 and any(f"{builder}(" in text_of(methods[0].node) for builder in builders)
    }


def _class_methods(module: Module) -> Iterator[Node]:
    for node in module.values.values():
        body = node.child_by_field_name("body") if node.type in CLASSES else None
        for part in () if body is None else body.named_children:
            if part.type == "method_definition":
                yield part


def _run_all(following: Following, module: Module) -> None:
    """Goes through every function of a module, the methods of a class with each other at hand."""
    objects: dict[int, Value] = {}
    for node in inside(module.source.root):
        if node.type in FUNCTIONS and node.type != "arrow_function":
            name = text_of(node.child_by_field_name("name"))
            if name != "constructor" and not following.leads_there(node):
                continue
            this = _object_of(following, module, node, objects)
            scope = NameScope(module, following.top(module), this=this)
            following.invoke(SourceFunction(node, module, scope, name, this), [])


def _object_of(following: Following, module: Module, method: Node, objects: dict[int, Value]) -> Value:
    """What `this` is in a method: an object of its class, with its methods and nothing else."""
    body = method.parent
    if body is None or body.type != "class_body":
        return Value()
    if body.id not in objects:
        made = objects[body.id] = Value()
        scope = NameScope(module, following.top(module), this=made)
        for part in body.named_children:
            if part.type == "method_definition":
                name = text_of(part.child_by_field_name("name"))
                made.fields[name] = Value(function=SourceFunction(part, module, scope, name, made))
    return objects[body.id]
