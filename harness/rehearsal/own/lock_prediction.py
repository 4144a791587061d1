"""Which lock a statement takes on the table that it changes, as PostgreSQL's manual says it. Pure.

Source: PostgreSQL, ALTER TABLE, CREATE INDEX, "Table-Level Locks". A statement that is not known here is not predicted.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

from harness.database.sql_statement import Action, plain_name, read_statement
from harness.rehearsal.lock_modes import LockMode

_COMMANDS: Final = {
    "CREATE INDEX": LockMode.SHARE,
    "UPDATE": LockMode.ROW_EXCLUSIVE,
    "INSERT": LockMode.ROW_EXCLUSIVE,
    "DELETE": LockMode.ROW_EXCLUSIVE,
}


class PredictedLock(NamedTuple):
    """The strongest lock that a statement takes on its table."""

    table: str
    mode: LockMode


def predicted_lock(statement: str, tables: Collection[str]) -> PredictedLock | None:
    """What is predicted of a statement that changes one of these tables; None for any other."""
    read = read_statement(statement)
    mode: LockMode | None
    if read.command == "ALTER TABLE":
        modes = [_of_action(action) for action in read.actions]
        mode = None if None in modes else max(filter(None, modes), key=list(LockMode).index)
    elif read.is_concurrent:
        mode = LockMode.SHARE_UPDATE_EXCLUSIVE
    else:
        mode = _COMMANDS.get(read.command)
    table = plain_name(read.table)
    return PredictedLock(table, mode) if mode and table in tables else None


def _of_action(action: Action) -> LockMode | None:
    if action.verb == "VALIDATE CONSTRAINT":
        return LockMode.SHARE_UPDATE_EXCLUSIVE
    if action.verb == "ADD CONSTRAINT" and action.rest.upper().startswith("FOREIGN KEY"):
        return LockMode.SHARE_ROW_EXCLUSIVE
    words = action.rest.upper().split()
    changes = {"TYPE", "DEFAULT", "NULL"} & set(words[1:3]) or words[:1] == ["TYPE"]
    is_known = action.verb.startswith(("ADD ", "DROP ")) or (action.verb == "ALTER COLUMN" and changes)
    return LockMode.ACCESS_EXCLUSIVE if is_known else None
