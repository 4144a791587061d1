"""What `harness clean --all-runs` does: rows of runs that have no journal here, told by mark and address together.

A row is deleted only where its user agent names a run and its address is one for documentation; where only one of the
two is so, nobody knows whose it is, and it stays.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import scalar_row

from harness.database.dsn import CONNECT_S_MAX, check_dsn
from harness.database.relations import Relations
from harness.errors import UnavailableError
from harness.report.escape import masked
from harness.rollout import Rollout
from harness.rollout.identities import address_users
from harness.run.clean import (
    STATEMENT_S_MAX,
    CleanDocument,
    CleanedRun,
    delete_rows,
    describe_rows,
    table_rows,
)
from harness.run.earlier import Known, known_runs
from harness.sut.value_queries import MARKED_AGENTS, are_marks_readable

RUNS_LISTED_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class MarkedRows:
    """Rows of one run that name it and are at an address for documentation."""

    run: str
    rows: int
    latest: str
    """When the last of them was written, by the database."""
    has_journal: bool

    def __str__(self) -> str:
        description = f"run {self.run}: {self.rows:,} rows, the last of {self.latest}"
        return (
            f"{description}; a journal is here: harness clean {self.run}" if self.has_journal else description
        )


@dataclass(frozen=True, slots=True)
class AllRuns:
    """What is there, and what of it was deleted."""

    found: tuple[MarkedRows, ...]
    half: int
    """Rows that have the mark alone or the address alone, and that no journal tells of."""
    select: str
    """Shows these, and those that a journal tells of."""
    are_marks_readable: bool
    agents: str
    """The look-up of user agents; empty where the rollout's file names none."""
    deleted: tuple[tuple[str, int], ...] | None
    """Rows of each table, the main one first; None: nobody said yes."""

    @property
    def without_journal(self) -> tuple[MarkedRows, ...]:
        """Those that are deleted once somebody says yes."""
        return tuple(each for each in self.found if not each.has_journal)

    @property
    def document(self) -> CleanDocument:
        """The same for a machine."""
        runs = (
            CleanedRun(run=found.run, rows=found.rows, latest=found.latest, has_journal=found.has_journal)
            for found in self.found
        )
        deleted = None if self.deleted is None else table_rows(self.deleted)
        return CleanDocument(
            runs=tuple(runs), deleted=deleted, half=self.half, select=self.select if self.half else ""
        )

    def lines(self) -> Iterator[str]:
        """What to print."""
        yield from map(str, self.found[:RUNS_LISTED_MAX])
        if len(self.found) > RUNS_LISTED_MAX:
            yield f"and {len(self.found) - RUNS_LISTED_MAX:,} runs more"
        if self.deleted is not None:
            rows = describe_rows(self.deleted)
            yield f"deleted {rows}; rows of look-up tables stay: others may refer to them"
        elif self.without_journal:
            yield "nothing was deleted; --yes deletes what has no journal here. See first that no such run is going on"
        elif not self.found and not self.half:
            yield "no row has the mark of a run or an address for documentation"
        if not self.are_marks_readable:
            reason = (
                f"{self.agents} is not there, or this role may not read it"
                if self.agents
                else "the rollout's file has no store.agent"
            )
            yield f"marks cannot be read: {reason}"
        if self.half:
            yield (
                f"{self.half:,} rows have only a run's mark or only an address for documentation, and stay; look at "
                f"them with: {self.select}"
            )


def clean_all(dsn: str, rollout: Rollout, *, delete: bool) -> AllRuns:
    """Lists rows of runs, and with `delete` deletes those that have both mark and address and no journal here.

    Raises UsageError for an address that is none, UnavailableError when the database refuses: nothing is deleted then.
    """
    check_dsn(dsn)
    known = known_runs()
    relations = Relations(rollout)
    try:
        with _transaction(dsn) as connection:
            readable = are_marks_readable(connection, rollout)
            found, half = _found(connection, relations, known, readable=readable)
            chosen = [each.run for each in found if not each.has_journal]
            deleted = _delete(connection, relations, chosen, readable=readable) if delete else None
            text = _composed(relations, "half_marked_rows", readable=readable).as_string(connection)
            select = " ".join(
                word for line in text.split("\n") if not line.startswith("--") for word in line.split()
            )
    except (psycopg.Error, OSError) as error:
        reason = masked(" ".join(str(error).split()))
        raise UnavailableError(
            f"cannot clean all runs: {reason}; nothing was deleted; the role needs SELECT and DELETE on both tables"
        ) from None
    agents = rollout.tables.store.agent
    return AllRuns(tuple(found), half, f"{select};", readable, agents.table if agents else "", deleted)


@contextmanager
def _transaction(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn, connect_timeout=CONNECT_S_MAX, prepare_threshold=None) as connection:
        connection.execute(b"SET LOCAL statement_timeout = %d" % (STATEMENT_S_MAX * 1000))
        connection.execute(b"SET LOCAL row_security = off")  # refuse what would else be filtered
        yield connection


def _found(
    connection: psycopg.Connection[Any], relations: Relations, known: Known, *, readable: bool
) -> tuple[list[MarkedRows], int]:
    """Rows that have both, by run, and how many others there are that no journal tells of."""
    users = address_users(relations.rollout.tables, known.addresses)
    values = {"user_ids": users, "reply_ids": sorted(known.ids)}
    rows: dict[str, int] = {}
    latest: dict[str, str] = {}
    half = 0
    for run, at_address, noted, count, last in connection.execute(
        _composed(relations, "marked_rows", readable=readable), values
    ):
        if run is not None and at_address:
            rows[run] = rows.get(run, 0) + count
            latest[run] = max(latest.get(run, ""), last or "")
        elif not noted and run not in known.runs:
            half += count
    return [MarkedRows(run, rows[run], latest[run], run in known.runs) for run in sorted(rows)], half


def _delete(
    connection: psycopg.Connection[Any], relations: Relations, runs: Sequence[str], *, readable: bool
) -> tuple[tuple[str, int], ...]:
    with connection.cursor(row_factory=scalar_row) as cursor:
        query = _composed(relations, "runs_rows", readable=readable)
        return delete_rows(cursor, relations, cursor.execute(query, {"runs": list(runs)}).fetchall())


def _composed(relations: Relations, name: str, *, readable: bool) -> sql.Composed:
    marked = relations.marked_relation(readable=readable)
    return relations.filled(name, marked=marked, pattern=sql.Literal(MARKED_AGENTS))
