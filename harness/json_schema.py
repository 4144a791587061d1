"""The JSON Schema (draft 2020-12) of types, described by their docstrings and by those below their fields."""

import ast
import inspect
from collections.abc import Iterator
from typing import Any, Final

from msgspec import inspect as types
from msgspec.json import schema_components

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(kind: type, title: str) -> dict[str, Any]:
    """The schema of a class whose instances are objects."""
    (root,), components = schema_components([kind], ref_template="#/$defs/{name}")
    for component in components.values():
        component["description"] = inspect.cleandoc(component["description"]).partition("\n\n")[0]
    for cls, names in _fields(types.type_info(kind)):
        properties = components[cls.__name__]["properties"]
        for field, text in _docstrings(cls):
            properties[names[field]].setdefault("description", text)
    return {"$schema": DRAFT, "title": title, **root, "$defs": components}


def _fields(known: types.Type) -> Iterator[tuple[type, dict[str, str]]]:
    """Each class that a type is made of, with the names that its fields have in the JSON."""
    if isinstance(known, types.StructType | types.DataclassType):
        yield known.cls, {field.name: field.encode_name for field in known.fields}
        parts = [field.type for field in known.fields]
    elif isinstance(known, types.UnionType):
        parts = list(known.types)
    elif isinstance(known, types.VarTupleType):
        parts = [known.item_type]
    elif isinstance(known, types.DictType):
        parts = [known.value_type]
    elif isinstance(known, types.Metadata):
        parts = [known.type]
    else:
        parts = []
    for part in parts:
        yield from _fields(part)


def _docstrings(cls: type) -> Iterator[tuple[str, str]]:
    """Each field of a class with the string below it, of which Python keeps nothing."""
    (definition,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(definition, ast.ClassDef)
    for node, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(node, ast.AnnAssign)
            and isinstance(node.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            yield node.target.id, inspect.cleandoc(str(below.value.value))
