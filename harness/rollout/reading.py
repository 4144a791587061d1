"""Reads a rollout's file and those that it extends; each mistake is one line with file, key, value and what is expected.

The types are walked here and not by msgspec as a whole, whose messages do not name the keys of a mapping.
"""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from harness.errors import UsageError
from harness.rollout.tables import Table, Tables

FILE: Final = "rollout.toml"
EXTENDED_MAX: Final = 3
"""How many files deep one may extend another."""
NAMED_BY: Final = {"identity": "name", "audit": "id"}
"""Lists of tables that are merged, with the key by which one of them is known; other lists are replaced."""
VALUE_MAX: Final = 120
"""Longer values are cut in a message."""
ALIKE_LEAST: Final = 0.6

AnyTable = TypeVar("AnyTable", bound=Table)

_PLAIN: Final[Mapping[Any, tuple[str, str]]] = {
    str: ("text", "a text in quotes"),
    int: ("number", "a whole number"),
    bool: ("truth value", "true or false"),
    float: ("number", "a number"),
}
"""The noun of a type, and what is expected."""


class Layer(NamedTuple):
    """One file of those that a rollout is made of."""

    folder: Path
    values: Mapping[str, Any]

    @property
    def file(self) -> Path:
        """The file itself."""
        return self.folder / FILE


class Problem(Exception):
    """What is wrong with the value at a place; the caller knows in which file it stands."""

    def __init__(self, place: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.place = place


def read_layers(folder: Path) -> tuple[Layer, ...]:
    """The file of a folder, then the one that it extends, and so on. Raises UsageError, in one line."""
    layers: list[Layer] = []
    while True:
        at = (layers[-1].file, "rollout.extends") if layers else None
        if at and folder.resolve() in {layer.folder.resolve() for layer in layers}:
            raise UsageError(f"{at[0]}: {at[1]}: {folder} extends itself")
        if len(layers) > EXTENDED_MAX:
            raise UsageError(f"{layers[0].file}: rollout.extends goes more than {EXTENDED_MAX} files deep")
        layers.append(Layer(folder, _parsed(folder / FILE, at)))
        about = layers[-1].values.get("rollout")
        extends = about.get("extends") if isinstance(about, dict) else None
        if not isinstance(extends, str) or not extends:
            return tuple(layers)
        folder = folder / extends


def _parsed(file: Path, named_at: tuple[Path, str] | None) -> dict[str, Any]:
    by = f"{named_at[0]}: {named_at[1]}: " if named_at else ""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"{by}no {FILE} in {file.parent}; a rollout is a folder with this file in it, see harness rollout new"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8, at byte {error.start + 1}; TOML is written in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{by}cannot read {file}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: not TOML: {str(error)[:1].lower()}{str(error)[1:]}") from None


def merged(layers: Iterable[Layer]) -> dict[str, Any]:
    """The values of all files: of two, the one before wins; tables and identities are merged, other lists replaced."""
    first, *others = layers
    if not others:
        return dict(first.values)
    return _over(first.values, merged(others))


def _over(own: Mapping[str, Any], below: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    both = dict(below)
    for key, value in own.items():
        under = below.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            both[key] = _over(value, under, f"{place}.{key}".lstrip("."))
        elif not place and key in NAMED_BY and isinstance(value, list) and isinstance(under, list):
            both[key] = _by_name(value, under, NAMED_BY[key])
        else:
            both[key] = value
    if place == "rollout":
        both.pop("extends", None)  # of the file that is extended: followed already
        both |= {"extends": own["extends"]} if "extends" in own else {}
    return both


def _by_name(own: list[Any], below: list[Any], key: str) -> list[Any]:
    """Those below with what the own ones of their names change, then the further own ones."""
    named = {_name(item, key): item for item in own}
    known = {_name(item, key) for item in below}
    changed = [{**item, **named.get(_name(item, key), {})} if _name(item, key) else item for item in below]
    return [*changed, *(item for item in own if _name(item, key) not in known)]


def _name(item: Any, key: str) -> str | None:
    name = item.get(key) if isinstance(item, dict) else None
    return name if isinstance(name, str) else None


def read_tables(layers: tuple[Layer, ...]) -> Tables:
    """All files as one. Raises UsageError for the first mistake, with the file in which it stands."""
    for layer in reversed(layers):  # what is not known is told of the file that has it, whatever extends it
        unknown_keys(layer.values, Tables, layer.file)
    try:
        return _struct(merged(layers), Tables, ())
    except Problem as problem:
        raise refusal(layers, problem.place, str(problem)) from None


def refusal(layers: tuple[Layer, ...], place: tuple[str | int, ...], message: str) -> UsageError:
    """The line for a mistake at a place of the merged values: with the file that has it, or the first."""
    values = merged(layers)
    holder = next((layer for layer in layers if _holds(layer.values, place, values)), layers[0])
    return UsageError(f"{holder.file}: {message}")


def _holds(values: Any, place: tuple[str | int, ...], all_values: Any) -> bool:
    for depth, part in enumerate(place):
        if isinstance(part, int):
            if not isinstance(values, list):
                return False
            all_values = all_values[part]
            key = NAMED_BY.get(str(place[0]), "") if depth == 1 else ""
            if name := _name(all_values, key):  # merged: it stands at another number in this file
                part = next((index for index, item in enumerate(values) if _name(item, key) == name), len(values))
            if part >= len(values):
                return False
            values = values[part]
        elif isinstance(values, dict) and part in values:
            values = values[part]
            all_values = all_values[part] if isinstance(all_values, dict) else None
        else:
            return False
    return True


def unknown_keys(values: Any, hint: Any, file: Path, place: tuple[str | int, ...] = ()) -> None:
    """Raises UsageError for a key that its table does not have, and names the nearest that it has."""
    kind = _kind(hint)
    if isinstance(kind, type) and issubclass(kind, Table) and isinstance(values, dict):
        hints = get_type_hints(kind, include_extras=True)
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
    if isinstance(kind, type) and issubclass(kind, Table):
        if not isinstance(value, dict):
            raise _unfit(place, value, "table", f"a table with {', '.join(kind.__struct_fields__)}")
        return _struct(value, kind, place)
    if get_origin(kind) is tuple:
        return _items(value, kind, hint, place)
    if get_origin(kind) is not None and get_origin(kind) is not Literal:  # a mapping
        if not isinstance(value, dict):
            raise _unfit(place, value, "table", "a table of names and values")
        keys, values = get_args(kind)
        return {_value(key, keys, (*place, key)): _value(it, values, (*place, key)) for key, it in value.items()}
    try:
        return msgspec.convert(value, hint)
    except msgspec.ValidationError:
        raise _unfit(place, value, *_expected(hint)) from None


def _struct(values: Mapping[str, Any], kind: type[AnyTable], place: tuple[str | int, ...]) -> AnyTable:
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in values:
            raise Problem((*place, field.name), f"{dotted((*place, field.name))} is missing; {_wanted(hints[field.name])}")
    return kind(**{key: _value(value, hints[key], (*place, key)) for key, value in values.items()})


def _items(value: Any, kind: Any, hint: Any, place: tuple[str | int, ...]) -> tuple[Any, ...]:
    kinds = get_args(kind)
    fixed = None if Ellipsis in kinds else len(kinds)
    least, most = _lengths(hint)
    if not isinstance(value, list):
        raise _unfit(place, value, "list", "a list, in [ ]")
    if fixed is not None and len(value) != fixed:
        raise _unfit(place, value, "list of " + str(fixed), f"{fixed} items")
    if len(value) < least or most is not None and len(value) > most:
        raise _unfit(place, value, "list of that length", f"{least} to {most} items" if most else f"{least} or more")
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
    if isinstance(kind, type) and issubclass(kind, Table):
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
