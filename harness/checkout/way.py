"""The value's way through a backend's checkout: what is there, the first place that it does not pass, and the edit.

Another value that does get to the row shows the way: the value of another header, or a field beside ours. Where that
one goes on and ours does not, something is missing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tree_sitter import Node

from harness.checkout.files import source_files
from harness.checkout.following import Following, TypeFault, declared_function
from harness.checkout.header_use import HeldBy, held_by
from harness.checkout.inserts import Insert, InsertColumn
from harness.checkout.interpreter import TooLongError
from harness.checkout.modules import Module, Modules
from harness.checkout.source import inside, key_of, line_of, text_of
from harness.checkout.values import BESIDE, HEADER, NAMED, OTHER, Hop, Value

NULL_FOR_EVER: Final = "the column stays NULL for ever"
ROW_LOST: Final = "drizzle renders undefined as nothing: 42601, and the whole row is lost behind a 200"


@dataclass(frozen=True, slots=True)
class Missing:
    """A place that the value does not pass."""

    file: str
    line: int
    line_last: int
    what: str
    edit: str
    consequence: str

    @property
    def where(self) -> str:
        """File and line, or lines."""
        last = f"-{self.line_last}" if self.line_last > self.line else ""
        return f"{self.file}:{self.line}{last}"


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
    row_at: str = ""
    """Where the row is made: the column in the INSERT, or the INSERT."""


@dataclass(slots=True)
class _Way:
    """A way under examination."""

    following: Following
    insert: Insert
    column: str
    handler: Module
    label: str
    missing: list[Missing] = field(default_factory=list)
    lost: int | None = None
    """When the value was lost, by the order of hops."""


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
    way = _Way(following, insert, column, handler, label)
    if not is_set:
        _not_set(way, reference or hops, read)
    _places(way, hops)
    _row(way)
    _types(way)
    own = _carried(hops, label)
    places = sorted(
        {*own, *(hop for hop in hops if _passes(hop, label)), *insert.calls}, key=lambda hop: hop.order
    )
    passed = [f"{hop.where} {_words(hop)}" for hop in places if way.lost is None or hop.order < way.lost]
    first = next((hop for hop in own if hop.what == "field"), None)
    listed = insert.column(column)
    line_in_row = insert.hop.line if listed is None else listed.line
    files = list(
        dict.fromkeys([handler.source.name, *(hop.file for hop in (*hops, *insert.calls)), insert.hop.file])
    )
    return BackendWay(
        passed=tuple(passed),
        missing=tuple(way.missing),
        read_at=read,
        set_at=first.where if first is not None and is_set else "",
        others=_other_writers(following.modules, column, {*files}),
        handler=at,
        files=tuple(files),
        made_from=tuple(part for hop in following.readings for part in held_by(hop.file, hop.node)),
        row_at=f"{insert.hop.file}:{line_in_row}",
    )


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


def _holds(hop: Hop, label: str) -> bool:
    return hop.container is not None and hop.container.has(label)


def _carried(hops: Sequence[Hop], label: str) -> tuple[Hop, ...]:
    """The value's own way into the first object on the way that has it."""
    container = next((hop.container for hop in hops if _holds(hop, label)), None)
    waiting = [] if container is None else [container]
    while waiting:
        value = waiting.pop(0)
        if label in value.labels:
            return value.labels[label]
        waiting.extend(part for part in value.fields.values() if part.has(label))
    return ()


def _passes(hop: Hop, label: str) -> bool:
    return hop.container is None or _holds(hop, label)


def _words(hop: Hop) -> str:
    return {
        "read": "read",
        "field": f"put into an object as {hop.name}",
        "rest": f"in the rest {hop.name}",
    }.get(hop.what, f"spread by {hop.name}" if hop.what == "spread" else f"handed to {hop.name}")


def _not_set(way: _Way, reference: Sequence[Hop], read: str) -> None:
    """The header is not read, or what is read goes nowhere."""
    hop = next(
        (hop for hop in reference if hop.what == "field" and hop.file == way.handler.source.name), None
    )
    name, line, last = way.handler.source.name, 1, 0
    if hop is not None:
        literal = _object_of(hop)
        line, last = line_of(literal), literal.end_point.row + 1
        if number := _line_of_key(literal, way.column):
            line = last = number
    if read:
        what = f"the header is read at {read}, and its value goes nowhere from there"
        edit = f"give {way.column} the value that was read and checked"
    else:
        what = f"the header {way.following.header} is not read on the way to the row"
        reading = f"request.headers.get('{way.following.header}')"
        edit = f"read {reading}, check it, and give it to {way.column} of anonymous users"
    way.missing.append(Missing(name, line, last, what, edit, NULL_FOR_EVER))


def _object_of(hop: Hop) -> Node:
    """The object that a field is written in."""
    return hop.node if hop.node.type == "object" or hop.node.parent is None else hop.node.parent


def _line_of_key(literal: Node, name: str) -> int:
    for part in literal.named_children:
        if part.type == "pair" and key_of(part.child_by_field_name("key")) == name:
            return line_of(part)
    return 0


def _places(way: _Way, hops: Sequence[Hop]) -> None:
    """The objects on the way that do not have the value."""
    had = way.label == HEADER
    first = next((index for index, hop in enumerate(hops) if _holds(hop, way.label)), 0)
    for hop in hops[first:]:
        if hop.container is None:
            continue
        has = _holds(hop, way.label)
        literal = _object_of(hop) if hop.what == "field" else hop.node
        enumerates = hop.what == "field" and hop.node.type in {"pair", "shorthand_property_identifier"}
        if not has and (enumerates or (had and hop.what == "rest")):
            text = text_of(hop.node)
            edit = (
                f"add `{re.sub(rf'{re.escape(hop.name)}', way.column, text)},`"
                if hop.what == "field"
                else f"leave {way.column} in the rest"
            )
            what = "the object that goes on from here" if hop.what == "field" else f"the rest {hop.name}"
            at = (hop.file, line_of(literal), literal.end_point.row + 1)
            consequence = _consequence(way)
            way.lost = hop.order if way.lost is None else way.lost
            way.missing.append(Missing(*at, f"{what} has no {way.column}", edit, consequence))
            if hop.what != "field":
                break
        had = has


def _consequence(way: _Way) -> str:
    column = way.insert.column(way.column)
    if column is None or not column.values:
        return NULL_FOR_EVER
    return ROW_LOST if all(_is_undefined(value) for value in column.values) else NULL_FOR_EVER


def _is_undefined(value: Value) -> bool:
    return value.is_absent


def _row(way: _Way) -> None:
    """The INSERT's own columns and values."""
    insert, file = way.insert, way.insert.hop.file
    column = insert.column(way.column)
    if not insert.is_read:
        return
    if column is None:
        edit = f"add {way.column} to the list"
        what = f"the INSERT's columns lack {way.column}"
        lines = (insert.columns_line, insert.columns_line_last)
        way.missing.append(Missing(file, *lines, what, edit, NULL_FOR_EVER))
        example = next((each for each in insert.columns if any(OTHER in v.labels for v in each.values)), None)
        edit = "add its value at the same position" + (f", as {example.name} has its own" if example else "")
        what = f"the values have none for {way.column}"
        way.missing.append(Missing(file, insert.values_line, 0, what, edit, NULL_FOR_EVER))
    elif not any(way.label in value.labels for value in column.values):
        _other_value(way, column)
    elif way.label == HEADER and len({each.name for each in insert.columns}) < len(insert.columns):
        way.missing.append(
            Missing(
                file,
                column.line,
                0,
                "a column is named twice",
                "name it once",
                "42701, and the whole row is lost",
            )
        )
    if column is not None and not column.text and not column.values:
        what = f"{len(insert.columns)} columns, and no value at the position of {way.column}"
        way.missing.append(
            Missing(
                file,
                column.line,
                0,
                what,
                "add its value at the same position",
                "42601, and the whole row is lost",
            )
        )


def _other_value(way: _Way, column: InsertColumn) -> None:
    elsewhere = [
        each for each in way.insert.columns if any(way.label in value.labels for value in each.values)
    ]
    if elsewhere:
        what = (
            f"columns match by position: {way.column}'s value stands at the position of {elsewhere[0].name}"
        )
        line = elsewhere[0].line
        consequence = f"{elsewhere[0].name} gets the id, and {way.column} what belongs to another column"
        way.missing.append(
            Missing(way.insert.hop.file, line, 0, what, "put both in the same place", consequence)
        )
    elif not way.missing or way.missing[-1].consequence != ROW_LOST:
        shown = column.text.replace("\ue000", "").strip() or "another value"
        what = f"at the position of {way.column} stands {shown}"
        edit = "substitute the value that the context carries"
        way.missing.append(Missing(way.insert.hop.file, column.line, 0, what, edit, _consequence(way)))


def _types(way: _Way) -> None:
    """Declared types that lack the property: the project does not compile."""
    for fault in way.following.faults.values():
        if fault.property == way.column:
            way.missing.append(_of_type(fault))
    if way.insert.column(way.column) is not None or way.following.faults:
        return
    kind = way.following.type_read_beside(way.insert)
    if kind is not None and kind.lacks(way.column) and kind.declared is not None:
        first, last = way.following.type_lines(kind)
        file = kind.declared.module.source.name
        what = f"the type {kind.name or 'of the object'} lacks {way.column}"
        way.missing.append(
            Missing(
                file,
                first,
                last,
                what,
                f"add `{way.column}?: string | null`",
                "the project does not compile once it is read",
            )
        )


def _of_type(fault: TypeFault) -> Missing:
    kind = fault.type
    file, line = fault.file, fault.line
    declared = kind.where or "its declaration"
    what = f"the type {kind.name or 'of the object'} ({declared}) lacks {fault.property}, which is used here"
    return Missing(
        file, line, 0, what, f"add `{fault.property}?: string` to it", "the project does not compile"
    )


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
