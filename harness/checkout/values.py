"""What an expression may hold, as far as somebody follows it: labels for whence it comes, and the fields of objects.

A label is carried by whatever may hold the value that got it. It is lost where code makes something else of the value
(a comparison, a length), and it is kept where nobody can tell (a call of a package).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from tree_sitter import Node

if TYPE_CHECKING:
    from harness.checkout.modules import Module

HEADER: Final = "header"
"""The value of the header that is rolled out."""
NAMED: Final = "named"
"""What a field of the column's name is given, whatever it is."""
REQUEST: Final = "request"
HEADERS: Final = "headers"
OTHER: Final = "other"
"""The value of another header: where it gets to the row, ours can, too."""
BESIDE: Final = "beside"
"""What stands beside a header's value in an object."""
IDENTITY: Final = "identity"
"""What the function of the anonymous id returns."""
PROMISED: Final = "promised"
"""The promise of it, which nobody has waited for."""
DEPTH_MAX: Final = 6
"""Fields of fields that are looked into for a label."""


class Hop(NamedTuple):
    """One place that a value passes on its way."""

    order: int
    """Rises with the time of the passing."""
    file: str
    line: int
    line_last: int
    what: str
    """`read`, `field`, `rest`, `spread`, `handed on`, `row`."""
    name: str
    """Of the field, the function or the column."""
    container: Value | None
    """The object that has the value from here on."""
    node: Node

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


@dataclass(slots=True, eq=False)
class SourceFunction:
    """A function with the names that it sees."""

    node: Node
    module: Module
    scope: NameScope
    name: str
    this: Value | None = None


@dataclass(slots=True, eq=False)
class Value:
    """What an expression may hold. Objects are shared, not copied, as in JavaScript."""

    labels: dict[str, tuple[Hop, ...]] = field(default_factory=dict)
    """Each with the way so far."""
    fields: dict[str, Value] = field(default_factory=dict)
    is_closed: bool = False
    """Whether it has no fields but these."""
    is_absent: bool = False
    """Whether it is `undefined` for sure."""
    function: SourceFunction | None = None
    text: str | None = None
    """Of a constant string."""
    table: str = ""
    """Of a table's object; `columns` then has its columns by their keys."""
    columns: dict[str, str] = field(default_factory=dict)
    external: str = ""
    """Of what comes from a package: its specifier and name."""

    @property
    def is_plain(self) -> bool:
        """Whether it is no object, and nothing else that must stay the same object."""
        return not self.fields and not self.is_closed and self.function is None

    def has(self, label: str, depth: int = DEPTH_MAX) -> bool:
        """Whether it, or a field of it, carries the label."""
        if label in self.labels:
            return True
        return depth > 0 and any(value.has(label, depth - 1) for value in self.fields.values())

    def is_followed(self, depth: int = DEPTH_MAX) -> bool:
        """Whether it, or a field of it, carries any label."""
        if self.labels:
            return True
        for value in self.fields.values() if depth > 0 else ():
            if value.labels or (value.fields and value.is_followed(depth - 1)):
                return True
        return False

    def holder(self, label: str, depth: int = DEPTH_MAX) -> str:
        """The name of the field that carries the label; empty without one."""
        for name, value in self.fields.items():
            if label in value.labels:
                return name
        for value in self.fields.values():
            if depth and (name := value.holder(label, depth - 1)):
                return name
        return ""

    def passing(self, hop: Hop) -> Value:
        """The same after one more place; an object stays the same object."""
        if not self.is_plain or not self.labels:
            return self
        labels = {label: (*hops, hop) for label, hops in self.labels.items()}
        return Value(labels, text=self.text, table=self.table, columns=self.columns, external=self.external)


@dataclass(slots=True, eq=False)
class NameScope:
    """Names that are seen in one place, with the types that were written beside them."""

    module: Module
    outer: NameScope | None = None
    values: dict[str, Value] = field(default_factory=dict)
    types: dict[str, Node] = field(default_factory=dict)
    this: Value | None = None

    def chain(self) -> Iterator[NameScope]:
        """This one and those around it."""
        scope: NameScope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


def joined(*values: Value) -> Value:
    """What may be any of these."""
    some = [value for value in values if value.is_followed() or not value.is_plain or value.text is not None]
    some = list({id(value): value for value in some}.values())
    if len(some) == 1:
        return some[0]
    if not some:
        return Value(is_absent=bool(values) and all(value.is_absent for value in values))
    made = Value(is_closed=all(value.is_closed for value in some))
    for value in some:
        merge_labels(made.labels, value.labels)
        made.function = made.function or value.function
        made.table, made.columns = made.table or value.table, made.columns or value.columns
        for name, part in value.fields.items():
            made.fields[name] = joined(made.fields[name], part) if name in made.fields else part
    return made


def awaited(value: Value) -> Value:
    """What a promise comes to, or an array of promises: the value itself where there is none."""
    fields = value.fields
    if PROMISED not in value.labels and not any(PROMISED in part.labels for part in fields.values()):
        return value
    if fields and not all(name.isdecimal() for name in fields):
        return value  # an object: what its fields promise nobody waits for
    labels = {IDENTITY if label == PROMISED else label: hops for label, hops in value.labels.items()}
    parts = {name: awaited(part) for name, part in fields.items()}
    return Value(labels, parts, is_closed=value.is_closed, text=value.text, external=value.external)


def merge_labels(into: dict[str, tuple[Hop, ...]], labels: Mapping[str, tuple[Hop, ...]]) -> None:
    """Adds labels; of two ways the shorter one is kept."""
    for label, hops in labels.items():
        if label not in into or len(hops) < len(into[label]):
            into[label] = hops
