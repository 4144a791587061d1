"""Makes the types of a rollout's file of what was read; what does not fit is told with key, value and what is expected.

The types are walked here and not by msgspec as a whole, whose messages do not name the keys of a mapping.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from harness.errors import UsageError
from harness.rollout.file_types import FileTable

VALUE_MAX: Final = 120
"""Longer values are cut in a message."""
ALIKE_LEAST: Final = 0.6

AnyTable = TypeVar("AnyTable", bound=FileTable)

_PLAIN: Final[Mapping[Any, tuple[str, str]]] = {
    str: ("text", "a text in quotes"),
    int: ("number", "a whole number"),
    bool: ("truth value", "true or false"),
    float: ("number", "a number"),
}
"""The noun of a type, and what is expected."""


class Problem(Exception):
    """What is wrong with the value at a place; the caller knows in which file it stands."""

    def __init__(self, place: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.place = place


def unknown_keys(values: Any, hint: Any, file: Path, place: tuple[str | int, ...] = ()) -> None:
    """Raises UsageError for a key that its table does not have, and names the nearest that it has."""
    kind = _kind(hint)
    if isinstance(kind, type) and issubclass(kind, FileTable) and isinstance(values, dict):
        hints = _hints(kind)
        for key, value in values.items():
            if key not in hints:
                raise UsageError(f"{file}: {dotted((*place, key))} is no key; {_nearest(key, hints)}")
            unknown_keys(value, hints[key], file, (*place, key))
    elif get_origin(kind) is tuple and isinstance(values, list):
        for index, value in enumerate(values):
            unknown_keys(value, get_args(kind)[0], file, (*place, index))
    elif get_origin(kind) is not None and get_origin(kind) is not Literal and isinstance(values, dict):
        for key, value in values.items():
            unknown_keys(value, get_args(kind)[1], file, (*place, key))


def _nearest(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, known, 1, ALIKE_LEAST)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"


def _kind(hint: Any) -> Any:
    """A type without `Annotated` and `None`."""
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif get_origin(hint) in (Union, UnionType):
            (hint,) = (part for part in get_args(hint) if part is not NoneType)
        else:
            return hint


def _value(value: Any, hint: Any, place: tuple[str | int, ...]) -> Any:
    kind = _kind(hint)
    if isinstance(kind, type) and issubclass(kind, FileTable):
        if not isinstance(value, dict):
            raise _unfit(place, value, "table", f"a table with {', '.join(kind.__struct_fields__)}")
        return typed(value, kind, place)
    if get_origin(kind) is tuple:
        return _items(value, kind, hint, place)
    if get_origin(kind) is not None and get_origin(kind) is not Literal:  # a mapping
        if not isinstance(value, dict):
            raise _unfit(place, value, "table", "a table of names and values")
        keys, values = get_args(kind)
        return {
            _value(key, keys, (*place, key)): _value(it, values, (*place, key)) for key, it in value.items()
        }
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError:
        raise _unfit(place, value, *_expected(hint)) from None


def typed(values: Mapping[str, Any], kind: type[AnyTable], place: tuple[str | int, ...]) -> AnyTable:
    hints = _hints(kind)
    for name in _required(kind):
        if name not in values:
            raise Problem((*place, name), f"{dotted((*place, name))} is missing; {_wanted(hints[name])}")
    return kind(**{key: _value(value, hints[key], (*place, key)) for key, value in values.items()})


@cache
def _hints(kind: type[FileTable]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


@cache
def _required(kind: type[FileTable]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.required)


def _items(value: Any, kind: Any, hint: Any, place: tuple[str | int, ...]) -> tuple[Any, ...]:
    kinds = get_args(kind)
    fixed = None if Ellipsis in kinds else len(kinds)
    least, most = _lengths(hint)
    if not isinstance(value, list):
        raise _unfit(place, value, "list", "a list, in [ ]")
    if fixed is not None and len(value) != fixed:
        raise _unfit(place, value, "list of " + str(fixed), f"{fixed} items")
    if len(value) < least or (most is not None and len(value) > most):
        raise _unfit(
            place, value, "list of that length", f"{least} to {most} items" if most else f"{least} or more"
        )
    return tuple(_value(item, kinds[0], (*place, index)) for index, item in enumerate(value))


def _lengths(hint: Any) -> tuple[int, int | None]:
    for meta in _metas(hint):
        return meta.min_length or 0, meta.max_length
    return 0, None


def _metas(hint: Any) -> list[Meta]:
    if get_origin(hint) is Annotated:
        return [meta for meta in get_args(hint)[1:] if isinstance(meta, Meta)]
    return [meta for part in get_args(hint) if get_origin(part) is Annotated for meta in _metas(part)]


def _expected(hint: Any) -> tuple[str, str]:
    kind = _kind(hint)
    if get_origin(kind) is Literal:
        return "such word", f"one of {', '.join(map(str, get_args(kind)))}"
    for meta in _metas(hint):
        if meta.extra:
            return str(meta.extra["noun"]), str(meta.description)
        most = "" if meta.le is None else f" to {meta.le:,}"
        return "such number", f"{meta.ge:,}{most}" if most else f"{meta.ge} or more"
    return _PLAIN[kind]


def _wanted(hint: Any) -> str:
    kind = _kind(hint)
    if get_origin(kind) is tuple:
        return "expected a list"
    if isinstance(kind, type) and issubclass(kind, FileTable):
        return f"expected a table with {', '.join(kind.__struct_fields__)}"
    return f"expected {_expected(hint)[1]}"


def _unfit(place: tuple[str | int, ...], value: Any, noun: str, expected: str) -> Problem:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    if len(shown) > VALUE_MAX:
        shown = shown[:VALUE_MAX] + "..."
    return Problem(place, f"{dotted(place)} = {shown} is no {noun}; expected {expected}")


def dotted(place: Iterable[str | int]) -> str:
    """A place as it is written in TOML: names joined by dots, items by their numbers from 0."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
