"""The value's way through a backend's checkout: what is there, the first place that it does not pass, and the edit.

Another value that does get to the row shows the way: the value of another header, or a field beside ours. Where that
one goes on and ours does not, something is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.checkout.files import source_files
from harness.checkout.following import Following, declared_function
from harness.checkout.header_slice import sliced
from harness.checkout.header_use import HeldBy, held_by
from harness.checkout.inserts import Insert
from harness.checkout.interpreter import TooLongError
from harness.checkout.missing_hops import (
    FollowedWay,
    Missing,
    add_lost,
    add_of_row,
    add_of_types,
    add_unset,
    holds,
)
from harness.checkout.modules import Module, Modules
from harness.checkout.source import inside, key_of, line_of, text_of
from harness.checkout.values import BESIDE, HEADER, NAMED, OTHER, Hop


@dataclass(frozen=True, slots=True)
class BackendWay:
    """What was found of the way from the header to the row."""

    passed: tuple[str, ...]
    """Places that the value passes, `file:line what`, in order."""
    missing: tuple[Missing, ...]
    """In the order of the way; the first is the finding."""
    read_at: str
    """Where the header is read; empty where nowhere."""
    set_at: str
    """Where it is put into what is accounted; empty where nowhere."""
    others: tuple[str, ...] = ()
    """Other places that write the same field."""
    unknown: str = ""
    """Why nothing can be said; empty where something is."""
    handler: str = ""
    """File and line of the handler."""
    files: tuple[str, ...] = ()
    """Files on the way, in order."""
    made_from: tuple[HeldBy, ...] = ()
    """What holds the header's value where it is read."""
    slice_of: tuple[Path, dict[str, Any]] | None = None
    """The file of the reading, and what is made of the header there, to be run by itself."""
    row_at: str = ""
    """Where the row is made: the column in the INSERT, or the INSERT."""


def follow_backend(
    checkout: Path, route: Path, symbol: str, header: str, table: str, column: str
) -> BackendWay:
    """Follows the header of a request to `symbol`, which `route` exports, to the INSERT into a table.

    Raises UsageError when a file cannot be read.
    """
    modules = Modules(checkout)
    following = Following(modules, header.lower(), column, table=table, property=column)
    module = modules.read(route)
    function = declared_function(following, module, symbol)
    if function is None:
        return BackendWay((), (), "", "", unknown=f"{module.source.name} exports no function {symbol}")
    handler = f"{function.module.source.name}:{line_of(function.node)}"
    following.named_in = function.module.source.name
    try:
        following.start(function)
    except (TooLongError, RecursionError):
        return BackendWay((), (), "", "", unknown=f"{handler}: too much code to be followed", handler=handler)
    if not following.inserts:
        unknown = (
            f"{handler}: no INSERT into {table} is reached from here; what it calls may be built at run time"
        )
        return BackendWay((), (), "", "", unknown=unknown, handler=handler)
    return _judged(following, function.module, column, handler)


def _judged(following: Following, handler: Module, column: str, at: str) -> BackendWay:
    insert = max(
        following.inserts, key=lambda each: (_best(each, HEADER) is not None, _best(each, NAMED) is not None)
    )
    read = next((f"{hop.file}:{hop.line}" for hop in following.readings), "")
    reference = _reference(insert, handler)
    if reference is None and _best(insert, HEADER) is None and _best(insert, NAMED) is None:
        unknown = f"{insert.hop.where}: no value of a request is seen to reach this INSERT"
        return BackendWay((), (), read, "", unknown=unknown, handler=at)
    hops = _best(insert, HEADER) or _best(insert, NAMED) or reference or ()
    is_set = any(
        hop.container is not None and hop.container.has(HEADER) for hop in hops if hop.what == "field"
    )
    label = HEADER if is_set else NAMED
    way = FollowedWay(following, insert, column, handler, label)
    if not is_set:
        add_unset(way, reference or hops, read)
    add_lost(way, hops)
    add_of_row(way)
    add_of_types(way)
    own = _carried(hops, label)
    places = sorted(
        {*own, *(hop for hop in hops if _passes(hop, label)), *insert.calls}, key=lambda hop: hop.order
    )
    passed = [f"{hop.where} {_words(hop)}" for hop in places if way.lost is None or hop.order < way.lost]
    first = next((hop for hop in own if hop.what == "field"), None)
    used = next((hop for hop in own if hop.what == "read"), None) if is_set else None
    listed = insert.column(column)
    line_in_row = insert.hop.line if listed is None else listed.line
    files = list(
        dict.fromkeys([handler.source.name, *(hop.file for hop in (*hops, *insert.calls)), insert.hop.file])
    )
    return BackendWay(
        passed=tuple(passed),
        missing=tuple(way.missing),
        read_at=used.where if used is not None else read,
        set_at=first.where if first is not None and is_set else "",
        others=_other_writers(following.modules, column, {*files}),
        handler=at,
        files=tuple(files),
        made_from=tuple(part for hop in following.readings for part in held_by(hop.file, hop.node)),
        slice_of=_slice(following, used, first),
        row_at=f"{insert.hop.file}:{line_in_row}",
    )


def _slice(
    following: Following, reading: Hop | None, given: Hop | None
) -> tuple[Path, dict[str, Any]] | None:
    """What is made of the header from its reading to where it is put into an object."""
    if given is None or reading is None:
        return None
    value = given.node.child_by_field_name("value") or given.node.child_by_field_name("right") or given.node
    path = following.modules.checkout / reading.file
    made = sliced(following.modules.read(path), reading.node, value if given.file == reading.file else None)
    return None if made is None else (path, made)


def _best(insert: Insert, label: str) -> tuple[Hop, ...] | None:
    """The shortest way by which a label gets into the row, whatever the column."""
    ways = [
        value.labels[label] for column in insert.columns for value in column.values if label in value.labels
    ]
    return min(ways, key=len, default=None)


def _reference(insert: Insert, handler: Module) -> tuple[Hop, ...] | None:
    """The way of another value of the request: the most direct one that the handler itself sends off."""
    ways = [
        (hops, column.name)
        for column in insert.columns
        for value in column.values
        for label, hops in value.labels.items()
        if label in {OTHER, BESIDE}
    ]
    if not ways:
        return None

    def rank(way: tuple[tuple[Hop, ...], str]) -> tuple[bool, bool, int]:
        hops, name = way
        is_sent_here = any(hop.what == "field" and hop.file == handler.source.name for hop in hops[:2])
        is_plain = all(hop.name == name for hop in hops if hop.what == "field")
        return not is_sent_here, not is_plain, len(hops)

    return min(ways, key=rank)[0]


def _carried(hops: Sequence[Hop], label: str) -> tuple[Hop, ...]:
    """The value's own way into the first object on the way that has it."""
    container = next((hop.container for hop in hops if holds(hop, label)), None)
    waiting = [] if container is None else [container]
    while waiting:
        value = waiting.pop(0)
        if label in value.labels:
            return value.labels[label]
        waiting.extend(part for part in value.fields.values() if part.has(label))
    return ()


def _passes(hop: Hop, label: str) -> bool:
    return hop.container is None or holds(hop, label)


def _words(hop: Hop) -> str:
    return {
        "read": "read",
        "field": f"put into an object as {hop.name}",
        "rest": f"in the rest {hop.name}",
    }.get(hop.what, f"spread by {hop.name}" if hop.what == "spread" else f"handed to {hop.name}")


def _other_writers(modules: Modules, name: str, on_the_way: set[str]) -> tuple[str, ...]:
    """Other objects of the checkout that have a field of this name, in files that are not on the way."""
    found: list[str] = []
    for path in source_files(modules.checkout):
        if name.encode() not in path.read_bytes():
            continue
        module = modules.read(path)
        if module.source.name in on_the_way:
            continue
        found += [
            f"{module.source.name}:{line_of(node)}"
            for node in inside(module.source.root)
            if node.type == "pair"
            and key_of(node.child_by_field_name("key")) == name
            and "column" not in text_of(node.child_by_field_name("value"))
            and not _is_table(node)
        ]
    return tuple(found)


def _is_table(node: object) -> bool:
    parent = getattr(node, "parent", None)
    while parent is not None:
        if parent.type == "call_expression":
            return text_of(parent.child_by_field_name("function")).rpartition(".")[2] == "pgTable"
        parent = parent.parent
    return False
