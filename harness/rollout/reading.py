"""Reads a rollout's file and those that it extends; a mistake is one line with file, key, value, what is expected."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.errors import UsageError
from harness.rollout.tables import Tables
from harness.rollout.typed import Problem, typed, unknown_keys

FILE: Final = "rollout.toml"
EXTENDED_MAX: Final = 3
"""How many files deep one may extend another."""
NAMED_BY: Final = {"identity": "name", "audit": "id"}
"""Lists of tables that are merged, with the key by which one of them is known; other lists are replaced."""


class Layer(NamedTuple):
    """One file of those that a rollout is made of."""

    folder: Path
    values: Mapping[str, Any]

    @property
    def file(self) -> Path:
        """The file itself."""
        return self.folder / FILE


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
        return typed(merged(layers), Tables, ())
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
                part = next(
                    (index for index, item in enumerate(values) if _name(item, key) == name), len(values)
                )
            if part >= len(values):
                return False
            values = values[part]
        elif isinstance(values, dict) and part in values:
            values = values[part]
            all_values = all_values[part] if isinstance(all_values, dict) else None
        else:
            return False
    return True
