"""The states of a database in the rollout, by name; which one a database is in, `catalog.schema_state` reads."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class SchemaState(StrEnum):
    """A state of the rollout's schema."""

    BASE = "base"
    COLUMN = "column"
    READY = "ready"
    BUILDING = "building"
    INVALID = "invalid"


TARGETS: Final = (SchemaState.BASE, SchemaState.COLUMN, SchemaState.READY)
"""States that steps end in; the others are those of a build under way or interrupted."""


class UnmanagedSchema(StrEnum):
    """What a database holds that is in no state of the rollout."""

    EMPTY = "empty"  # neither table is there
    FOREIGN = "foreign"  # something is there, of another shape; `differences` says which


SchemaStatus = SchemaState | UnmanagedSchema
"""What the catalogue can answer: a state of the rollout, or none."""

DESCRIPTIONS: Final[Mapping[SchemaStatus, str]] = {
    UnmanagedSchema.EMPTY: "no table of the rollout is there",
    UnmanagedSchema.FOREIGN: "tables or indexes of the rollout's names are there in another shape",
    SchemaState.BASE: "the tables are there, the column is not",
    SchemaState.COLUMN: "the column is there, its index is not",
    SchemaState.READY: "the column and its valid index are there",
    SchemaState.BUILDING: "the index is being built",
    SchemaState.INVALID: "an interrupted build left an invalid index, which no query uses",
}
