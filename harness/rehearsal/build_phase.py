"""The phases in which a concurrent index build can stand still, and what is left when it is cancelled in one."""

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
