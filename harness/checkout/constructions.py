"""Objects of one class that a client's checkout makes, each with the calls in one file that lead to it.

A function is gone into once for the same arguments: a task of the public extension builds a handler by some hundred
ways, and each call of it would be followed anew. What it makes is then kept for each of its callers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from harness.checkout.values import Hop, SourceFunction, Value

CALLS_MAX: Final = 3
"""Calls in the file that are kept for one object, the innermost ones."""

LABEL_DEPTH: Final = 3
"""Fields of fields that are looked into."""

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Construction:
    """An object of the class that was made, with what its constructor was given."""

    hop: Hop
    given: tuple[Value, ...]
    calls: tuple[Hop, ...] = ()
    """In the file, from the outermost."""
    builder: Hop | None = None
    """The call of the function that makes it."""

    @property
    def key(self) -> Key:
        """The same for the same object made by the same calls."""
        builder = "" if self.builder is None else self.builder.where
        given = id(self.given[0]) if self.given else 0
        return (self.hop.where, builder, tuple(call.line for call in self.calls), given)


@dataclass(slots=True, eq=False)
class Constructions:
    """What was made so far, by call."""

    file: str = ""
    """Calls of this file are kept."""
    frames: list[dict[Key, Construction]] = field(default_factory=lambda: [{}])
    """What each call under way made; the first holds all."""
    known: dict[Key, tuple[Value, dict[Key, Construction], Value | None]] = field(default_factory=dict)
    """What calls returned and made. An object that a key has the identity of is kept."""

    @property
    def all(self) -> tuple[Construction, ...]:
        """Every object that was made."""
        return tuple(self.frames[0].values())

    def add(self, construction: Construction) -> None:
        """Adds an object that the call under way made."""
        self.frames[-1].setdefault(construction.key, construction)

    def begin(self, function: SourceFunction, given: list[Value]) -> Key:
        """Begins a call; returns what it is known by."""
        self.frames.append({})
        this = function.this or Value()
        # A constructor fills an object of its own each time.
        own = id(this) if function.name == "constructor" else 0
        return (function.node.id, own, *(tuple(_labelled(value)) for value in (*given, this)))

    def end(self, key: Key, call: Hop, returned: Value, this: Value | None) -> Value:
        """Ends a call: what it made counts for its caller, too. Returns what it returned."""
        made = self.frames.pop()
        returned, made, _ = self.known.setdefault(key, (returned, made, this))
        for construction in made.values():
            calls = construction.calls
            if call.file == self.file and len(calls) < CALLS_MAX:
                calls = (call, *calls)
            self.add(replace(construction, calls=calls, builder=construction.builder or call))
        return returned


def _labelled(value: Value, depth: int = LABEL_DEPTH) -> Iterator[str]:
    """The fields of fields that carry a label: arguments that are alike in them lead to the same objects."""
    if value.labels:
        yield ""
    for name, inner in value.fields.items() if depth else ():
        if inner.labels or inner.fields:
            yield from (f"{name}.{path}" for path in _labelled(inner, depth - 1))


@dataclass(frozen=True, slots=True)
class Place:
    """Where handing something on is up to, and the calls there that build an object: those that have it, and not."""

    where: str
    """`file:line`."""
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


def places(constructions: tuple[Construction, ...], has: Mapping[int, bool]) -> tuple[Place, ...]:
    """The places, in the order of their lines.

    Where some calls of a function give it and others do not, those others are the places. Where what is given at a
    place gets to one builder and never to another one, that other builder is.
    """
    found: dict[str, dict[str, bool]] = {}
    builders: dict[str, list[Construction]] = {}
    for each in constructions:
        builders.setdefault(each.builder.where if each.builder else each.hop.where, []).append(each)
    for builder, group in builders.items():
        # A function that is also looked at by itself, without a caller, is judged by its callers.
        _place(tuple(each for each in group if each.calls) or tuple(group), has, 1, builder, found)
    never = {builder for builder, group in builders.items() if not any(has[id(each)] for each in group)}
    for judged in list(found.values()):
        for builder in never & judged.keys() if any(judged.values()) else ():
            del judged[builder]
            found.setdefault(builder, {})[builder] = False
    blamed = {builder for builder in never if found.get(builder) == {builder: False}}
    for where, judged in list(found.items()):
        for builder in blamed & judged.keys() if where not in blamed else ():
            del judged[builder]
    return tuple(
        Place(
            where,
            *(tuple(b for b, is_given in judged.items() if is_given is wanted) for wanted in (True, False)),
        )
        for where, judged in sorted(found.items(), key=lambda pair: _file_and_line(pair[0]))
        if judged
    )


def _file_and_line(where: str) -> tuple[str, int]:
    file, _, line = where.rpartition(":")
    return file, int(line)


def _place(
    group: tuple[Construction, ...],
    has: Mapping[int, bool],
    back: int,
    builder: str,
    found: dict[str, dict[str, bool]],
) -> None:
    by_place: dict[str, list[Construction]] = {}
    for each in group:
        by_place.setdefault(each.calls[-back].where if len(each.calls) >= back else builder, []).append(each)
    for where, some in by_place.items():
        called = tuple(each for each in some if len(each.calls) > back)
        judged = {has[id(each)] for each in called or some}
        if len(judged) > 1 and called:
            _place(called, has, back + 1, builder, found)
            continue
        known = found.setdefault(where, {})
        known[builder] = known.get(builder, True) and judged == {True}
