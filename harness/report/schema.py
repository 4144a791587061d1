"""The JSON Schema of a report, made from its types; `python -m harness.report.schema > docs/report.schema.json`.

Types say what is required and allowed; the descriptions are the docstrings of the classes, and those below the fields.
Fields that are unknown are allowed: later versions of the harness may add some.
"""

import ast
import inspect
import json
from collections.abc import Iterator
from typing import Any, Final

from msgspec import inspect as types
from msgspec.json import schema_components

from harness.report.document import Report

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def report_schema() -> dict[str, Any]:
    """The schema of `harness.report/1`, in the dialect of draft 2020-12."""
    (root,), components = schema_components([Report], ref_template="#/$defs/{name}")
    for component in components.values():
        component["description"] = inspect.cleandoc(component["description"]).partition("\n\n")[0]
    for cls, names in _fields(types.type_info(Report)):
        properties = components[cls.__name__]["properties"]
        for field, text in _docstrings(cls):
            properties[names[field]].setdefault("description", text)
    title = "A report of the rollout harness (harness.report/1)"
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


def to_text() -> str:
    """The schema as it is published, with a final newline."""
    return json.dumps(report_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(to_text(), end="")  # noqa: T201 - what it is for
