"""Which lock a statement takes on the table that it changes, as PostgreSQL's manual says it. Pure.

Source: PostgreSQL, ALTER TABLE, CREATE INDEX, "Table-Level Locks". A statement that is not known here is not predicted.
"""

import re
from collections.abc import Collection
from typing import Final, NamedTuple

from harness.database.declared import parts_between_commas
from harness.rehearsal.lock_modes import LockMode

_NAME: Final = r'(?:"[^"]+"|[\w$]+)'
_TABLE: Final = rf"(?:ONLY\s+)?(?:{_NAME}\s*\.\s*)?(?P<table>{_NAME})"
_STATEMENTS: Final = tuple(
    (re.compile(rf"(?is)^{pattern}"), mode)
    for pattern, mode in (
        (
            rf"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\b[^(]*?\sON\s+{_TABLE}",
            LockMode.SHARE_UPDATE_EXCLUSIVE,
        ),
        (rf"CREATE\s+(?:UNIQUE\s+)?INDEX\b[^(]*?\sON\s+{_TABLE}", LockMode.SHARE),
        (rf"(?:UPDATE|INSERT\s+INTO|DELETE\s+FROM)\s+{_TABLE}", LockMode.ROW_EXCLUSIVE),
    )
)
_ALTER: Final = re.compile(
    rf"(?is)^ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_TABLE}\s*\*?\s+(?P<actions>\S.*?)\s*;?\s*$"
)
_ACTIONS: Final = tuple(
    (re.compile(rf"(?is)^{pattern}"), mode)
    for pattern, mode in (
        (r"VALIDATE\s+CONSTRAINT\b", LockMode.SHARE_UPDATE_EXCLUSIVE),
        (r"ADD\s+(?:CONSTRAINT\s+\S+\s+)?FOREIGN\s+KEY\b", LockMode.SHARE_ROW_EXCLUSIVE),
        (r"(?:ADD|DROP)\b", LockMode.ACCESS_EXCLUSIVE),
        (r"ALTER\b.*\b(?:(?:SET|DROP)\s+(?:NOT\s+NULL|DEFAULT)|TYPE)\b", LockMode.ACCESS_EXCLUSIVE),
    )
)
_COMMENT: Final = re.compile(r"(?m)^\s*--.*$")


class PredictedLock(NamedTuple):
    """The strongest lock that a statement takes on its table."""

    table: str
    mode: LockMode


def predicted_lock(statement: str, tables: Collection[str]) -> PredictedLock | None:
    """What is predicted of a statement that changes one of these tables; None for any other."""
    code = _COMMENT.sub("", statement).strip()
    if altered := _ALTER.match(code):
        modes = [_of_action(action.strip()) for action in parts_between_commas(altered["actions"])]
        known = [mode for mode in modes if mode is not None]
        if len(known) < len(modes):
            return None
        return _on(altered["table"], max(known, key=list(LockMode).index), tables)
    for pattern, mode in _STATEMENTS:
        if found := pattern.match(code):
            return _on(found["table"], mode, tables)
    return None


def _of_action(action: str) -> LockMode | None:
    return next((mode for pattern, mode in _ACTIONS if pattern.match(action)), None)


def _on(name: str, mode: LockMode, tables: Collection[str]) -> PredictedLock | None:
    table = name[1:-1] if name.startswith('"') else name.lower()
    return PredictedLock(table, mode) if table in tables else None
