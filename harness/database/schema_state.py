"""The states of a database in the rollout, by name; which one a database is in, `catalog.schema_state` reads."""

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
