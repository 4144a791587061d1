"""PostgreSQL's table locks, whom each keeps out, and what was observed of a statement that is held. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from harness.database.schema_state import SchemaState
from harness.rehearsal.build_phase import Hold


class LockMode(StrEnum):
    """PostgreSQL's table locks, weakest first."""

    ACCESS_SHARE = "ACCESS SHARE"
    ROW_SHARE = "ROW SHARE"
    ROW_EXCLUSIVE = "ROW EXCLUSIVE"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
    SHARE = "SHARE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"
    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"

    @property
    def in_pg_locks(self) -> str:
        """Its name in pg_locks."""
        return self.title().replace(" ", "") + "Lock"


def _from(*modes: LockMode, below: LockMode) -> frozenset[LockMode]:
    order = list(LockMode)
    return frozenset(modes) | frozenset(order[order.index(below) :])


CONFLICTS: Final[Mapping[LockMode, frozenset[LockMode]]] = MappingProxyType(
    {
        LockMode.ACCESS_SHARE: _from(below=LockMode.ACCESS_EXCLUSIVE),
        LockMode.ROW_SHARE: _from(below=LockMode.EXCLUSIVE),
        LockMode.ROW_EXCLUSIVE: _from(below=LockMode.SHARE),
        LockMode.SHARE_UPDATE_EXCLUSIVE: _from(below=LockMode.SHARE_UPDATE_EXCLUSIVE),
        LockMode.SHARE: _from(LockMode.ROW_EXCLUSIVE, below=LockMode.SHARE_UPDATE_EXCLUSIVE)
        - {LockMode.SHARE},
        LockMode.SHARE_ROW_EXCLUSIVE: _from(below=LockMode.ROW_EXCLUSIVE),
        LockMode.EXCLUSIVE: _from(below=LockMode.ROW_SHARE),
        LockMode.ACCESS_EXCLUSIVE: frozenset(LockMode),
    }
)
"""Which modes each keeps out; no two rows are the same. Source: PostgreSQL, "Table-Level Locks", Table 13.2."""


class Access(StrEnum):
    """What others do with the table meanwhile."""

    READ = "read"
    INSERT = "insert"
    UPDATE = "update"
    MAINTENANCE = "vacuum or another build"
    DDL = "ALTER TABLE"


NEEDS: Final[Mapping[Access, LockMode]] = MappingProxyType(
    {
        Access.READ: LockMode.ACCESS_SHARE,
        Access.INSERT: LockMode.ROW_EXCLUSIVE,
        Access.UPDATE: LockMode.ROW_EXCLUSIVE,
        Access.MAINTENANCE: LockMode.SHARE_UPDATE_EXCLUSIVE,
        Access.DDL: LockMode.ACCESS_EXCLUSIVE,
    }
)
"""The lock that each kind of work asks for."""


@dataclass(frozen=True, slots=True)
class LockCase:
    """A statement, held at one moment. `state` is where it begins; `predicted` is its strongest lock on the table."""

    name: str
    statement: str
    state: SchemaState
    hold: Hold
    predicted: LockMode
    first: tuple[str, ...] = ()
    """Statements that have run by then."""


@dataclass(frozen=True, slots=True)
class ObservedLocks:
    """What was seen of a case."""

    case: LockCase
    held: tuple[LockMode, ...]
    """Granted to the process on the table, by pg_locks, weakest first."""
    refused: frozenset[LockMode]
    """What another session did not get."""
    waits_for: int
    """How many transactions of others it waits for."""

    @property
    def strongest(self) -> LockMode | None:
        """The strongest lock held, None when there is none."""
        return self.held[-1] if self.held else None

    @property
    def blocks(self) -> tuple[Access, ...]:
        """What others cannot do meanwhile."""
        return tuple(work for work, mode in NEEDS.items() if mode in self.refused)

    @property
    def mismatch(self) -> str:
        """How the prediction failed, in words; '' when both observations bear it out."""
        if self.strongest is not self.case.predicted:
            return f"predicted {self.case.predicted}, held {self.strongest or 'nothing'}"
        if self.refused != CONFLICTS[self.case.predicted]:
            refused = ", ".join(mode for mode in LockMode if mode in self.refused) or "nothing"
            return f"{self.case.predicted} was held, but what was refused is {refused}"
        return ""
