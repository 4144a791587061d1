"""Which files lead from one state of the schema to the next, as data. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness import plan
from harness.database.schema_state import SchemaState, SchemaStatus, UnmanagedSchema

TARGETS: Final = (SchemaState.BASE, SchemaState.COLUMN, SchemaState.READY)
"""States that a migration can be asked for; the others are those of a build under way or interrupted."""


PLAN_FILE: Final = plan.MIGRATION_FILE


VIEW_FILE: Final = "view/view_with_column.sql"


VIEW_ROLLBACK_FILE: Final = "view/view_without_column.sql"


RECOVERY_FILE: Final = "recovery/drop_invalid_index.sql"


@dataclass(frozen=True, slots=True)
class MigrationStep:
    """One file of the rollout, and the state that it leads to."""

    file: str
    leads_to: SchemaState


FORWARD: Final[Mapping[SchemaStatus, MigrationStep]] = {
    UnmanagedSchema.EMPTY: MigrationStep("0000_baseline.sql", SchemaState.BASE),
    SchemaState.BASE: MigrationStep("up/0005a_add_column.sql", SchemaState.COLUMN),
    SchemaState.COLUMN: MigrationStep("up/0005b_build_index.sql", SchemaState.READY),
}


BACKWARD: Final[Mapping[SchemaStatus, MigrationStep]] = {
    SchemaState.READY: MigrationStep("down/0005b_drop_index.sql", SchemaState.COLUMN),
    SchemaState.INVALID: MigrationStep(RECOVERY_FILE, SchemaState.COLUMN),
    SchemaState.COLUMN: MigrationStep("down/0005a_drop_column.sql", SchemaState.BASE),
}


def path_between(
    steps: Mapping[SchemaStatus, MigrationStep], before: SchemaStatus, to: SchemaState
) -> tuple[MigrationStep, ...] | None:
    """The steps from one state to another: none when they are the same, None when there is no way. Pure."""
    path: list[MigrationStep] = []
    while before is not to:
        step = steps.get(before)
        if step is None:
            return None
        path.append(step)
        before = step.leads_to
    return tuple(path)
