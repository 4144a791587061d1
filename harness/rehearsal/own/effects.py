"""What each statement of a migration locks, and which tables it touches: seen on a copy of the schema without rows.

A statement that can run in a transaction is looked at before that ends. A concurrent one is held in its first wait by
a session that has written to every table, as a writer of the application would hold it.
"""

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus

from harness.database.pooler import process_of
from harness.database.rows import all_rows
from harness.database.runners import connect
from harness.errors import UnavailableError
from harness.polling import poll_until
from harness.rehearsal.deadline import deadline
from harness.rehearsal.lock_modes import CONFLICTS, NEEDS, Access, LockMode

EFFECTS_S_MAX: Final = 120.0
WAIT_S_MAX: Final = 20.0
_CONTROL: Final = re.compile(
    r"(?i)^\s*(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|SET|RESET|DISCARD)\b"
)
_NAMES: Final = re.compile(
    r'(?i)\b(?:ON|TABLE|INTO|UPDATE|FROM|JOIN)\s+(?:ONLY\s+|IF\s+EXISTS\s+)*((?:"[^"]+"|\w+)(?:\s*\.\s*(?:"[^"]+"|\w+))?)'
)

Connection = psycopg.Connection[Any]
Locks = dict[int, LockMode]
"""The strongest lock on each table, by its oid."""


@dataclass(frozen=True, slots=True)
class StatementEffect:
    """What one statement did."""

    label: str
    locks: dict[str, LockMode] = field(default_factory=dict)
    """The strongest that it took on each table that was there before, by the table's name; parts are with the whole."""
    rewritten: tuple[str, ...] = ()
    """Tables whose rows it wrote anew."""
    is_concurrent: bool = False
    """Whether it cannot run in a transaction."""
    refused: str = ""
    """SQLSTATE; empty where it was accepted."""
    message: str = ""

    @property
    def keeps_out(self) -> tuple[Access, ...]:
        """What others cannot do meanwhile with any of the tables."""
        kept = {mode for lock in self.locks.values() for mode in CONFLICTS[lock]}
        return tuple(access for access, mode in NEEDS.items() if mode in kept)


@dataclass(frozen=True, slots=True)
class Effects:
    """What a migration did on the empty copy."""

    statements: tuple[StatementEffect, ...]
    touched: tuple[int, ...]
    """Oids of the tables that it locks against writers, else of those that it reads; a part's is that of the whole."""


_TABLES: Final = """
    SELECT c.oid::int8, CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END,
        coalesce((SELECT a.relid FROM pg_partition_ancestors(c.oid) AS a (relid)
            JOIN pg_class AS p ON p.oid = a.relid WHERE NOT p.relispartition), c.oid)::int8,
        coalesce(pg_relation_filenode(c.oid), 0)::int8
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
        AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""
_LOCKS: Final = """
    SELECT relation::int8, mode FROM pg_locks
    WHERE pid = %s AND granted AND locktype = 'relation'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def observe_effects(dsn: str, statements: Sequence[str], labels: Sequence[str]) -> Effects:
    """Sends the statements one after the other on an empty copy, up to the first that is refused.

    Raises UnavailableError where a concurrent statement does not come to its wait.
    """
    found: list[StatementEffect] = []
    with deadline(dsn, EFFECTS_S_MAX), connect(dsn) as watcher, connect(dsn) as session:
        before = {oid: (name, root, file) for oid, name, root, file in all_rows(watcher, _TABLES)}
        pid, held, taken = process_of(session), Locks(), Locks()
        files = {oid: file for oid, (_, _, file) in before.items()}
        for statement, label in zip(statements, labels, strict=True):
            is_concurrent, refused, seen = _sent(dsn, session, watcher, pid, statement)
            locks = {oid: mode for oid, mode in seen.items() if oid in before}
            new = {oid: mode for oid, mode in locks.items() if held.get(oid) is not mode}
            held = locks if _is_open(session) else Locks()
            if refused is not None and not locks:
                new = dict.fromkeys(_named(watcher, statement, before), LockMode.ACCESS_SHARE)
            for oid, mode in new.items():
                taken[oid] = max(mode, taken.get(oid, mode), key=list(LockMode).index)
            now = {oid: file for oid, _, _, file in all_rows(watcher, _TABLES)}
            rewritten = [oid for oid, file in files.items() if now.get(oid, file) != file]
            files |= now
            found.append(
                StatementEffect(
                    label,
                    {} if refused is not None and not locks else _by_name(new, before),
                    tuple(before[oid][0] for oid in rewritten if oid in before),
                    is_concurrent,
                    "" if refused is None else refused.sqlstate or "",
                    "" if refused is None else refused.diag.message_primary or str(refused),
                )
            )
            if refused is not None:
                break
    weak = (LockMode.ACCESS_SHARE,)
    strong = [oid for oid, mode in taken.items() if mode not in weak] or list(taken)
    return Effects(tuple(found), tuple(dict.fromkeys(before[oid][1] for oid in strong)))


def _by_name(locks: Locks, tables: dict[int, tuple[str, int, int]]) -> dict[str, LockMode]:
    """Locks by the names of the tables; several parts of one are one line."""
    found: dict[str, LockMode] = {}
    for root in dict.fromkeys(tables[oid][1] for oid in locks):
        of_root = {oid: mode for oid, mode in locks.items() if tables[oid][1] == root}
        parts = [oid for oid in of_root if oid != root]
        if len(parts) <= 1:
            found |= {tables[oid][0]: mode for oid, mode in of_root.items()}
            continue
        name = (
            f"{tables[root][0]} and {len(parts)} parts"
            if root in of_root
            else f"{len(parts)} parts of {tables[root][0]}"
        )
        found[name] = max(of_root.values(), key=list(LockMode).index)
    return found


def _sent(
    dsn: str, session: Connection, watcher: Connection, pid: int, statement: str
) -> tuple[bool, psycopg.Error | None, Locks]:
    """Whether it is concurrent, what it was refused with, and the locks that the session then held."""
    if _CONTROL.match(statement) or _is_open(session):
        refused = _execute(session, statement)
        return False, refused, _locks(watcher, pid)
    session.execute("BEGIN")
    refused = _execute(session, statement)
    if not isinstance(refused, psycopg.errors.ActiveSqlTransaction):
        locks = _locks(watcher, pid)
        session.execute("COMMIT" if refused is None else "ROLLBACK")
        return False, refused, locks
    session.execute("ROLLBACK")
    return True, *_held(dsn, session, watcher, pid, statement)


def _held(
    dsn: str, session: Connection, watcher: Connection, pid: int, statement: str
) -> tuple[psycopg.Error | None, Locks]:
    """Sends it while a session that has written to every table keeps its transaction open; looks, and lets it go on."""
    outcome: list[psycopg.Error | None] = []
    sending = threading.Thread(
        target=lambda: outcome.append(_execute(session, statement)), name="held statement", daemon=True
    )
    waits = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
    with connect(dsn) as holder:
        holder.execute("BEGIN")
        for (name,) in all_rows(
            holder, "SELECT oid::regclass::text FROM pg_class WHERE oid = ANY (%s)", [_oids(watcher)]
        ):
            holder.execute(f"LOCK TABLE ONLY {name} IN ROW EXCLUSIVE MODE".encode())
        sending.start()
        is_there = poll_until(lambda: bool(outcome) or bool(all_rows(watcher, waits, [pid])), WAIT_S_MAX)
        locks = _locks(watcher, pid)
        holder.execute("ROLLBACK")
    sending.join(WAIT_S_MAX)
    if not is_there or not outcome:
        raise UnavailableError(
            f"a statement did not end within {WAIT_S_MAX:.0f} s on a schema without rows: "
            f"{' '.join(statement.split())[:80]}; end what it waits for, or take it out of the migration"
        )
    return outcome[0], locks


def _oids(connection: Connection) -> list[int]:
    return [oid for oid, *_ in all_rows(connection, _TABLES)]


def _execute(session: Connection, statement: str) -> psycopg.Error | None:
    try:
        session.execute(statement.encode(), prepare=False)
    except psycopg.Error as error:
        if session.broken:
            raise
        return error
    return None


def _is_open(session: Connection) -> bool:
    return session.info.transaction_status is not TransactionStatus.IDLE


def _locks(watcher: Connection, pid: int) -> Locks:
    order = list(LockMode)
    names = {mode.in_pg_locks: mode for mode in order}
    found = Locks()
    for oid, name in all_rows(watcher, _LOCKS, [pid]):
        mode = names.get(name)
        if mode is not None:
            found[oid] = max(mode, found.get(oid, mode), key=order.index)
    return found


def _named(watcher: Connection, statement: str, known: Iterable[int]) -> list[int]:
    """The tables that a refused statement names, which nothing else tells of."""
    names = [match[1] for match in _NAMES.finditer(statement)]
    found = all_rows(watcher, "SELECT to_regclass(name)::oid::int8 FROM unnest(%s::text[]) AS name", [names])
    return [oid for (oid,) in found if oid in set(known)]
