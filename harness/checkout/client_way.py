"""The id's way in a client's checkout: from the function that gives it into the options of each handler."""

from dataclasses import dataclass
from pathlib import Path

from harness.checkout.following import Following, declared_function
from harness.checkout.interpreter import FUNCTIONS, TooLongError
from harness.checkout.modules import Modules
from harness.checkout.source import inside, text_of
from harness.checkout.values import IDENTITY, NameScope, SourceFunction, Value


@dataclass(frozen=True, slots=True)
class ClientWay:
    """What was found: where handlers are built with the id, and where without."""

    filled: tuple[str, ...] = ()
    """`file:line`."""
    missing: tuple[str, ...] = ()
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
    following.sources = {source.node.id: IDENTITY}
    try:
        for node in inside(module.source.root):
            if node.type in FUNCTIONS and node.type != "arrow_function":
                name = text_of(node.child_by_field_name("name"))
                scope = NameScope(module, following.top(module), this=Value())
                following.invoke(SourceFunction(node, module, scope, name, Value()), [])
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
    )
