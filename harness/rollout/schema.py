"""The JSON Schema of a rollout's file, made from its types, for editors that complete TOML;
`python -m harness.rollout.schema > docs/rollout.schema.json`.
"""

import json
from typing import Any, Final

from harness.json_schema import schema_of
from harness.rollout.tables import Tables

FILE: Final = "rollout.schema.json"
"""Beside a new rollout's file, which names it in its first line."""


def rollout_schema() -> dict[str, Any]:
    """The schema, in the dialect of draft 2020-12; what a file extends may hold what is required."""
    schema = schema_of(Tables, "A rollout of the rollout harness: rollout.toml")
    for component in schema["$defs"].values():  # the file that is extended may have it
        component.pop("required", None)
    return schema


def to_text() -> str:
    """The schema as it is published, with a final newline."""
    return json.dumps(rollout_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(to_text(), end="")  # noqa: T201 - what it is for
