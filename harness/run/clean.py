"""What `harness clean` does: deletes the rows that one run left, and no others.

Rows are found by what the journal says was sent. Nothing is deleted by a pattern.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from msgspec import Struct
from psycopg.rows import scalar_row

from harness.data import sql_text
from harness.database.dsn import CONNECT_S_MAX, check_dsn
from harness.database.relations import Relations
from harness.errors import UnavailableError
from harness.report.escape import masked
from harness.rollout import Rollout
from harness.rollout.identities import address_users
from harness.sut.journal import note_end, read_journal

STATEMENT_S_MAX: Final = 120


class DeletedRows(Struct, frozen=True):
    """How many rows of a table were deleted."""

    table: str
    rows: int


class CleanedRun(Struct, frozen=True, kw_only=True):
    """A run of which rows are there, or were."""

    run: str
    requests: int | None = None
    """By its journal; null where no journal was read."""
    rows: int | None = None
    """With --all-runs: rows that name it and are at an address for documentation."""
    latest: str | None = None
    """With --all-runs: when the last of them was written."""
    has_journal: bool


class CleanDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.clean/1"):
    """Which rows were deleted, and which stay."""

    runs: tuple[CleanedRun, ...]
    deleted: tuple[DeletedRows, ...] | None
    """The main table first; null: nothing was, since nobody said --yes."""
    kept_tables: tuple[str, ...] = ()
    """Tables whose rows stay, since others may refer to them."""
    half: int = 0
    """Rows with a mark alone or an address alone: nobody knows whose they are, and they stay."""
    select: str = ""
    """Shows these."""


def table_rows(rows: Iterable[tuple[str, int]]) -> tuple[DeletedRows, ...]:
    """The same for a document."""
    return tuple(DeletedRows(table, count) for table, count in rows)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was deleted, and where rows stay that others may refer to."""

    run: str
    requests: int
    rows: tuple[tuple[str, int], ...]
    """How many of each table, the main one first."""
    lookup_tables: tuple[str, ...]

    @property
    def document(self) -> CleanDocument:
        """The same for a machine."""
        run = CleanedRun(run=self.run, requests=self.requests, has_journal=True)
        return CleanDocument(runs=(run,), deleted=table_rows(self.rows), kept_tables=self.lookup_tables)

    @property
    def words(self) -> str:
        """One line."""
        stays = ", ".join(self.lookup_tables)
        text = (
            f"rows of {stays} stay: others may refer to them"
            if stays
            else "what else the backend wrote stays"
        )
        return f"run {self.run}, {self.requests:,} requests: deleted {describe_rows(self.rows)}; {text}"


def describe_rows(rows: Iterable[tuple[str, int]]) -> str:
    """How many rows of each table: `3 rows of orders and 3 of order_audit`."""
    (first, count), *others = rows
    return " and ".join([f"{count:,} rows of {first}", *(f"{more:,} of {table}" for table, more in others)])


def clean(dsn: str, journal: Path, rollout: Rollout) -> Cleaned:
    """Deletes a run's rows in one transaction, by the tables of its rollout.

    Raises UsageError for no journal, UnavailableError when the database refuses; then nothing is deleted.
    """
    check_dsn(dsn)
    sent = read_journal(journal)
    relations = Relations(rollout)
    users, shared = (address_users(rollout.tables, some) for some in (sent.addresses, sent.shared))
    values = {"user_ids": users, "shared_ids": shared, "reply_ids": sorted(sent.ids)}
    try:
        with (
            psycopg.connect(dsn, connect_timeout=CONNECT_S_MAX, prepare_threshold=None) as connection,
            connection.cursor(row_factory=scalar_row) as cursor,
        ):
            cursor.execute(b"SET LOCAL statement_timeout = %d" % (STATEMENT_S_MAX * 1000))
            keys = cursor.execute(relations.filled("run_rows"), values).fetchall()
            rows = delete_rows(cursor, relations, keys)
            tables = cursor.execute(
                sql_text("queries/lookup_tables.sql").encode(), {"tables": list(relations.tables)}
            ).fetchall()
    except (psycopg.Error, OSError) as error:
        reason = masked(" ".join(str(error).split()))
        raise UnavailableError(
            f"cannot clean run {sent.run}: {reason}; nothing was deleted; the role needs SELECT and DELETE on "
            "both tables"
        ) from None
    with suppress(OSError):  # a journal that may only be read stays as it is
        note_end(journal)
    return Cleaned(sent.run, sent.requests, rows, tuple(tables))


def delete_rows(
    cursor: "psycopg.Cursor[Any]", relations: Relations, keys: Sequence[Any]
) -> tuple[tuple[str, int], ...]:
    """Deletes rows by their keys, details first. Returns how many of each table, the main one first."""
    counts: list[tuple[str, int]] = []
    for table, query in zip(reversed(relations.tables), ("delete_detail", "delete_main"), strict=False):
        cursor.execute(relations.filled(query), {"keys": list(keys)})
        counts.insert(0, (table, cursor.rowcount))
    return tuple(counts)
