"""Which lock each statement takes on the table, and whom it keeps out: predicted, then observed. Knows no traffic.

Observed twice, and neither by waiting: what pg_locks says of the process that holds the statement, and which of the
eight modes another session is refused at once (NOWAIT). A prediction that fails is a finding.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.data import sql_text
from harness.database import catalog
from harness.database.migration_steps import BACKWARD, FORWARD, VIEW_FILE
from harness.database.runners import connect, run_statements
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script, statements_of
from harness.database.templates import Templates
from harness.rehearsal.build_phase import BUILD_WAITS, Hold
from harness.rehearsal.held import held


class Mode(StrEnum):
    """PostgreSQL's table locks, weakest first."""

    ACCESS_SHARE = "ACCESS SHARE"
    ROW_SHARE = "ROW SHARE"
    ROW_EXCLUSIVE = "ROW EXCLUSIVE"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
    SHARE = "SHARE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"
    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"


def _from(*modes: Mode, below: Mode) -> frozenset[Mode]:
    order = list(Mode)
    return frozenset(modes) | frozenset(order[order.index(below) :])


CONFLICTS: Final[Mapping[Mode, frozenset[Mode]]] = MappingProxyType(
    {
        Mode.ACCESS_SHARE: _from(below=Mode.ACCESS_EXCLUSIVE),
        Mode.ROW_SHARE: _from(below=Mode.EXCLUSIVE),
        Mode.ROW_EXCLUSIVE: _from(below=Mode.SHARE),
        Mode.SHARE_UPDATE_EXCLUSIVE: _from(below=Mode.SHARE_UPDATE_EXCLUSIVE),
        Mode.SHARE: _from(Mode.ROW_EXCLUSIVE, below=Mode.SHARE_UPDATE_EXCLUSIVE) - {Mode.SHARE},
        Mode.SHARE_ROW_EXCLUSIVE: _from(below=Mode.ROW_EXCLUSIVE),
        Mode.EXCLUSIVE: _from(below=Mode.ROW_SHARE),
        Mode.ACCESS_EXCLUSIVE: frozenset(Mode),
    }
)
"""Which modes each keeps out; no two rows are the same. Source: PostgreSQL, "Table-Level Locks", Table 13.2."""


class Work(StrEnum):
    """What others do with the table meanwhile."""

    READ = "read"
    INSERT = "insert"
    UPDATE = "update"
    MAINTENANCE = "vacuum or another build"
    DDL = "ALTER TABLE"


NEEDS: Final[Mapping[Work, Mode]] = MappingProxyType(
    {
        Work.READ: Mode.ACCESS_SHARE,
        Work.INSERT: Mode.ROW_EXCLUSIVE,
        Work.UPDATE: Mode.ROW_EXCLUSIVE,
        Work.MAINTENANCE: Mode.SHARE_UPDATE_EXCLUSIVE,
        Work.DDL: Mode.ACCESS_EXCLUSIVE,
    }
)
"""The lock that each kind of work asks for."""


@dataclass(frozen=True, slots=True)
class Case:
    """A statement, held at one moment. `state` is where it begins; `predicted` is its strongest lock on the table."""

    name: str
    statement: str
    state: SchemaState
    hold: Hold
    predicted: Mode
    first: tuple[str, ...] = ()
    """Statements that have run by then."""


@dataclass(frozen=True, slots=True)
class Locked:
    """What was seen of a case."""

    case: Case
    held: tuple[Mode, ...]
    """Granted to the process on the table, by pg_locks, weakest first."""
    refused: frozenset[Mode]
    """What another session did not get."""
    waits_for: int
    """How many transactions of others it waits for."""

    @property
    def strongest(self) -> Mode | None:
        """The strongest lock held, None when there is none."""
        return self.held[-1] if self.held else None

    @property
    def blocks(self) -> tuple[Work, ...]:
        """What others cannot do meanwhile."""
        return tuple(work for work, mode in NEEDS.items() if mode in self.refused)

    @property
    def mismatch(self) -> str:
        """How the prediction failed, in words; '' when both observations bear it out."""
        if self.strongest is not self.case.predicted:
            return f"predicted {self.case.predicted}, held {self.strongest or 'nothing'}"
        if self.refused != CONFLICTS[self.case.predicted]:
            told = ", ".join(mode for mode in Mode if mode in self.refused) or "nothing"
            return f"{self.case.predicted} was held, but what was refused is {told}"
        return ""


def _last(file: str) -> str:
    return statements_of(sql_text(file))[-1].text


ADD_COLUMN: Final = _last(FORWARD[SchemaState.BASE].file)
BUILD_INDEX: Final = _last(FORWARD[SchemaState.COLUMN].file)
DROP_INDEX: Final = _last(BACKWARD[SchemaState.READY].file)
DROP_COLUMN: Final = _last(BACKWARD[SchemaState.COLUMN].file)


def plain(statement: str) -> str:
    """The same statement without CONCURRENTLY."""
    return re.sub(r"\bCONCURRENTLY\s+", "", statement, flags=re.IGNORECASE)


_BASE, _COLUMN, _READY = SchemaState.BASE, SchemaState.COLUMN, SchemaState.READY

CASES: Final = (
    Case("ADD COLUMN", ADD_COLUMN, _BASE, Hold.TRANSACTION, Mode.ACCESS_EXCLUSIVE),
    *(
        Case("CREATE INDEX CONCURRENTLY", BUILD_INDEX, _COLUMN, wait, Mode.SHARE_UPDATE_EXCLUSIVE)
        for wait in BUILD_WAITS
    ),
    Case("CREATE INDEX", plain(BUILD_INDEX), _COLUMN, Hold.TRANSACTION, Mode.SHARE),
    Case(
        "ADD COLUMN, CREATE INDEX",
        f"{ADD_COLUMN}\n{plain(BUILD_INDEX)}",
        _BASE,
        Hold.TRANSACTION,
        Mode.ACCESS_EXCLUSIVE,
    ),
    Case("CREATE OR REPLACE VIEW", _last(VIEW_FILE), _COLUMN, Hold.TRANSACTION, Mode.ACCESS_SHARE),
    Case("DROP INDEX CONCURRENTLY", DROP_INDEX, _READY, Hold.BEFORE_DROP, Mode.SHARE_UPDATE_EXCLUSIVE),
    Case("DROP INDEX", plain(DROP_INDEX), _READY, Hold.TRANSACTION, Mode.ACCESS_EXCLUSIVE),
    Case("DROP COLUMN", DROP_COLUMN, _COLUMN, Hold.TRANSACTION, Mode.ACCESS_EXCLUSIVE),
)
"""The statements of the rollout and its rollback, and beside them what their plain forms would do."""


async def observe_locks(templates: Templates, cases: Sequence[Case] = CASES) -> tuple[Locked, ...]:
    """Holds each statement on a database of its own and looks at its locks.

    Raises StatementFailed when one that is to run first is refused, psycopg.Error when the statement itself is.
    """
    found: list[Locked] = []
    for case in cases:
        with templates.database(case.state) as dsn:
            run_statements(dsn, [Script("first", "\n".join(case.first))], lambda _: None)
            async with held(dsn, case.hold, case.statement) as pid:
                found.append(_look(dsn, case, pid))
    return tuple(found)


def _look(dsn: str, case: Case, pid: int) -> Locked:
    with connect(dsn) as connection:
        granted = {
            lock.mode
            for lock in catalog.locks(connection, plan.METADATA_TABLE)
            if lock.pid == pid and lock.granted
        }
        waits = connection.execute("SELECT cardinality(pg_blocking_pids(%s))", [pid]).fetchone()
        assert waits is not None
        return Locked(
            case=case,
            held=tuple(mode for mode in Mode if _in_pg_locks(mode) in granted),
            refused=frozenset(mode for mode in Mode if not _granted(connection, mode)),
            waits_for=int(waits[0]),
        )


def _in_pg_locks(mode: Mode) -> str:
    return mode.title().replace(" ", "") + "Lock"


def _granted(connection: psycopg.Connection[Any], mode: Mode) -> bool:
    """Whether another session gets the lock at once; it is given back at once."""
    # A mode is a keyword of the grammar, which cannot be a parameter.
    ask = sql.SQL("LOCK TABLE {} IN {} MODE NOWAIT").format(
        sql.Identifier(plan.METADATA_TABLE), sql.SQL(mode.value)
    )
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(ask)
    except psycopg.errors.LockNotAvailable:
        return False
    return True
