"""Places that a value does not pass on its way to a row, each with the edit that mends it and what it does."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tree_sitter import Node

from harness.checkout.following import Following, TypeFault
from harness.checkout.inserts import Insert, InsertColumn
from harness.checkout.modules import Module
from harness.checkout.source import key_of, line_of, place_of, text_of
from harness.checkout.values import HEADER, OTHER, Hop, Value

NULL_FOR_EVER: Final = "the column stays NULL for ever"
UNTYPED: Final = "the project does not compile"
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
        return place_of(self.file, self.line, self.line_last)


@dataclass(slots=True)
class FollowedWay:
    """A way under examination, and the places that were found missing."""

    following: Following
    insert: Insert
    column: str
    handler: Module
    label: str
    missing: list[Missing] = field(default_factory=list)
    lost: int | None = None
    """When the value was lost, by the order of hops."""


def holds(hop: Hop, label: str) -> bool:
    """Whether what goes on from a place has the label."""
    return hop.container is not None and hop.container.has(label)


def add_unset(way: FollowedWay, reference: Sequence[Hop], read: str) -> None:
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


def add_lost(way: FollowedWay, hops: Sequence[Hop]) -> None:
    """The objects on the way that do not have the value."""
    had = way.label == HEADER
    first = next((index for index, hop in enumerate(hops) if holds(hop, way.label)), 0)
    for hop in hops[first:]:
        if hop.container is None:
            continue
        has = holds(hop, way.label)
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


def _consequence(way: FollowedWay) -> str:
    column = way.insert.column(way.column)
    if column is None or not column.values:
        return NULL_FOR_EVER
    return ROW_LOST if all(_is_undefined(value) for value in column.values) else NULL_FOR_EVER


def _is_undefined(value: Value) -> bool:
    return value.is_absent


def add_of_row(way: FollowedWay) -> None:
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


def _other_value(way: FollowedWay, column: InsertColumn) -> None:
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


def add_of_types(way: FollowedWay) -> None:
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
                UNTYPED,
            )
        )


def _of_type(fault: TypeFault) -> Missing:
    kind = fault.type
    file, line = fault.file, fault.line
    declared = kind.where or "its declaration"
    what = f"the type {kind.name or 'of the object'} ({declared}) lacks {fault.property}, which is used here"
    return Missing(file, line, 0, what, f"add `{fault.property}?: string` to it", UNTYPED)
