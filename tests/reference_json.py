"""The page about the documents that commands print with `--json`, made from their types."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.json_schema import schema_of
from harness.report.diff import ReportDiff
from harness.run.accept import AcceptDocument
from harness.run.clean import CleanDocument
from harness.run.coverage import CoverageDocument
from harness.run.doctor import DoctorDocument
from harness.run.migrate import MigrateDocument
from harness.run.replay import ReplayDocument
from harness.run.rollout_new import NewRolloutDocument
from harness.run.rollout_show import RolloutDocument
from harness.run.schema import SchemaDocument
from harness.run.signing import KeysDocument
from harness.run.tally import FuzzDocument

DOCUMENTS: Final[Mapping[str, type]] = {
    "accept": AcceptDocument,
    "clean": CleanDocument,
    "coverage": CoverageDocument,
    "doctor": DoctorDocument,
    "fuzz": FuzzDocument,
    "keys new": KeysDocument,
    "migrate": MigrateDocument,
    "replay": ReplayDocument,
    "report diff": ReportDiff,
    "rollout new": NewRolloutDocument,
    "rollout show": RolloutDocument,
    "schema": SchemaDocument,
}
"""The type of each command's document."""
INTRODUCTION: Final = """\
With `--json` a command prints one document and nothing else to standard output; what is going on is on standard error.
Its `format` names its shape: fields may be added to it, and none is taken away or changes its meaning under the same
number. The exit code is the same as without. A call that is wrong (2), and mostly what cannot be answered (3), prints
no document: its one line is on standard error. Texts are ASCII, other characters as `\\u` escapes, and hold no secret.

`prove`, `gate`, `check`, `rehearse`, `selftest` and `report merge` write their report to a file: `--json FILE`, whose
JSON Schema is [report.schema.json](../report.schema.json). `accept` writes a file, too. `serve --json-lines` prints an
object a line, with the member `event`: `stack`, `request`, `ending` or `summary`."""


def documents() -> Iterator[str]:
    """The lines below the heading."""
    yield INTRODUCTION
    for name, kind in DOCUMENTS.items():
        schema = schema_of(kind, name)
        known = schema["$defs"]
        root = known[kind.__name__]
        (tag,) = root["properties"]["format"]["enum"]
        yield from ("", f"## harness {name}", "", f"`{tag}`. {root['description']}", "")
        yield from _table(root, known)
        for other in _named(root, known, [kind.__name__]):
            yield from ("", f"`{other}`: {known[other]['description']}", "")
            yield from _table(known[other], known)


def _named(schema: Any, known: Mapping[str, Any], told: list[str]) -> Iterator[str]:
    """Names of the objects that an object is made of, in the order in which they stand in it."""
    for name in _references(schema):
        if name not in told and "properties" in known[name]:
            told.append(name)
            yield name
            yield from _named(known[name], known, told)


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _table(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| field | type | meaning |", "|---|---|---|")
    for name, field in schema["properties"].items():
        if name != "format":
            meaning = " ".join(field.get("description", "").split()).replace("|", r"\|")
            yield f"| `{name}` | {_kind(field, known)} | {meaning} |"


def _kind(field: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_kind(part, known) for part in field["anyOf"])
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        words = known[name].get("enum")
        return f"`{name}`" if words is None else f"one of {', '.join(words)}"
    if field.get("type") == "array":
        return f"array of {_kind(field['items'], known)}" if field.get("items") else "array"
    return str(field.get("type", "any"))
