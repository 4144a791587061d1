"""The id's way in a client's checkout: from the function that gives it into the options of each handler."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tree_sitter import Node

from harness.checkout.files import source_files
from harness.checkout.following import Following, declared_function
from harness.checkout.interpreter import FUNCTIONS, TooLongError
from harness.checkout.modules import Module, Modules
from harness.checkout.source import inside, text_of
from harness.checkout.values import IDENTITY, NameScope, SourceFunction, Value

USERS_MAX: Final = 50
"""Modules that name the id's function and are gone through, beside the one where handlers are built."""


@dataclass(frozen=True, slots=True)
class ClientWay:
    """What was found: where handlers are built with the id, and where without."""

    filled: tuple[str, ...] = ()
    """`file:line`."""
    missing: tuple[str, ...] = ()
    captured: tuple[str, ...] = ()
    """Where analytics is given the id."""
    unknown: str = ""


def follow_client(
    checkout: Path, provider: Path, identity: Path, symbol: str, class_name: str, option: str
) -> ClientWay:
    """Follows what `symbol` of the file `identity` returns into handlers that the file `provider` builds.

    Raises UsageError when a file cannot be read.
    """
    modules = Modules(checkout)
    following = Following(modules, property=option, class_name=class_name)
    source = declared_function(following, modules.read(identity), symbol)
    module = modules.read(provider)
    if source is None:
        return ClientWay(unknown=f"{identity.relative_to(checkout).as_posix()} exports no function {symbol}")
    following.sources, following.source_names = {source.node.id: IDENTITY}, frozenset((symbol,))
    users = (module, *_users(modules, symbol, {provider.resolve(), identity.resolve()}))
    try:
        for each in users:
            _run_all(following, each)
        following.methods = _methods(following, class_name, module)
        for each in users if following.methods else ():
            _run_all(following, each)
    except (TooLongError, RecursionError):
        return ClientWay(unknown=f"{module.source.name}: too much code to be followed")
    built: dict[str, bool] = {}
    for construction in following.constructions:
        places = [*construction.calls, construction.hop]
        where = next((hop.where for hop in places if hop.file == module.source.name), construction.hop.where)
        given = construction.given[0] if construction.given else Value()
        has = IDENTITY in following.member(given, option).labels
        built[where] = built.get(where, False) or has
    if not built:
        return ClientWay(unknown=f"{module.source.name}: no {class_name} is seen to be built from here")
    return ClientWay(
        filled=tuple(where for where, has in built.items() if has),
        missing=tuple(where for where, has in built.items() if not has),
        captured=tuple(dict.fromkeys(hop.where for hop in following.analytics)),
    )


def _users(modules: Modules, symbol: str, but: set[Path]) -> list[Module]:
    """Other modules of the checkout that name the function of the id."""
    named = [path for path in source_files(modules.checkout) if symbol.encode() in path.read_bytes()]
    return [modules.read(path) for path in named if path.resolve() not in but][:USERS_MAX]


def _methods(following: Following, class_name: str, provider: Module) -> dict[str, SourceFunction]:
    """Methods of other modules that build a handler by themselves, of a name that no other class has.

    An object of their class may come out of a list, where nobody follows it: its method is then known by its name.
    """
    builders = {class_name, *(each.calls[-1].name for each in following.constructions if each.calls)}
    found: dict[str, list[SourceFunction]] = {}
    for module in following.modules.read_so_far:
        for node in inside(module.source.root) if module is not provider else ():
            name = text_of(node.child_by_field_name("name")) if node.type == "method_definition" else ""
            if name not in {"", "constructor"}:
                scope = NameScope(module, following.top(module), this=Value())
                found.setdefault(name, []).append(SourceFunction(node, module, scope, name, Value()))
    return {
        name: methods[0]
        for name, methods in found.items()
        if len(methods) == 1 and any(f"{builder}(" in text_of(methods[0].node) for builder in builders)
    }


def _run_all(following: Following, module: Module) -> None:
    """Goes through every function of a module, the methods of a class with each other at hand."""
    objects: dict[int, Value] = {}
    for node in inside(module.source.root):
        if node.type in FUNCTIONS and node.type != "arrow_function":
            name = text_of(node.child_by_field_name("name"))
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
