"""The phases in which a concurrent index build or drop can stand still, and what a cancelled build leaves. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class BuildPhase(StrEnum):
    """Where a build is: a wait by its name in `pg_stat_progress_create_index`, or what a cancelled build left."""

    BEFORE_BUILD = "waiting for writers before build"
    BEFORE_VALIDATION = "waiting for writers before validation"
    OLD_SNAPSHOTS = "waiting for old snapshots"
    INVALID_NOT_READY = "invalid, indisready false"
    INVALID_READY = "invalid, indisready true"


LEFT_BEHIND_BY: Final[Mapping[BuildPhase, BuildPhase]] = MappingProxyType(
    {
        BuildPhase.BEFORE_BUILD: BuildPhase.INVALID_NOT_READY,
        BuildPhase.BEFORE_VALIDATION: BuildPhase.INVALID_READY,
        BuildPhase.OLD_SNAPSHOTS: BuildPhase.INVALID_READY,
    }
)
"""What a build leaves behind when it is cancelled in a wait."""


class Hold(StrEnum):
    """What holds a statement: its own transaction, or one of the waits of a concurrent one."""

    TRANSACTION = "in its transaction"
    BEFORE_BUILD = BuildPhase.BEFORE_BUILD.value
    BEFORE_VALIDATION = BuildPhase.BEFORE_VALIDATION.value
    OLD_SNAPSHOTS = BuildPhase.OLD_SNAPSHOTS.value
    BEFORE_DROP = "waiting for users before drop"


BUILD_WAITS: Final = (Hold.BEFORE_BUILD, Hold.BEFORE_VALIDATION, Hold.OLD_SNAPSHOTS)


AWAITED: Final = {
    Hold.BEFORE_BUILD: "transactions that wrote to the table before the build began",
    Hold.BEFORE_VALIDATION: "transactions that wrote to the table before the index took writes",
    Hold.OLD_SNAPSHOTS: "transactions of the database with a snapshot older than the second scan, on whatever table",
    Hold.BEFORE_DROP: "transactions that use the table in any way",
}
"""What each wait ends with; new transactions are not waited for.

Source: PostgreSQL, CREATE INDEX, "Building Indexes Concurrently"; DROP INDEX, CONCURRENTLY.
"""
