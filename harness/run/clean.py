"""What `harness clean` does: deletes the rows that one run left, and no others.

Rows are found by what the journal says was sent. Nothing is deleted by a pattern.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.rows import scalar_row

from harness import plan
from harness.data import sql_text
from harness.database.dsn import CONNECT_S_MAX
from harness.errors import UnavailableError
from harness.report.escape import masked
from harness.run.journal import note_end, read_journal
from harness.sut.contract import check_dsn

STATEMENT_S_MAX: Final = 120


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was deleted, and where rows stay that others may refer to."""

    run: str
    requests: int
    usage_rows: int
    metadata_rows: int
    lookup_tables: tuple[str, ...]

    @property
    def words(self) -> str:
        """One line."""
        stays = ", ".join(self.lookup_tables)
        told = (
            f"rows of {stays} stay: others may refer to them"
            if stays
            else "what else the backend wrote stays"
        )
        return (
            f"run {self.run}, {self.requests:,} requests: deleted {self.usage_rows:,} rows of {plan.USAGE_TABLE} and "
            f"{self.metadata_rows:,} of {plan.METADATA_TABLE}; {told}"
        )


def clean(dsn: str, journal: Path) -> Cleaned:
    """Deletes a run's rows in one transaction.

    Raises UsageError for no journal, UnavailableError when the database refuses; then nothing is deleted.
    """
    check_dsn(dsn)
    sent = read_journal(journal)
    users, shared = (
        [plan.ANONYMOUS_PREFIX + address for address in sorted(some)]
        for some in (sent.addresses, sent.shared)
    )
    values = {"user_ids": users, "shared_ids": shared, "message_ids": sorted(sent.ids)}
    try:
        with (
            psycopg.connect(dsn, connect_timeout=CONNECT_S_MAX, prepare_threshold=None) as connection,
            connection.cursor(row_factory=scalar_row) as cursor,
        ):
            cursor.execute(b"SET LOCAL statement_timeout = %d" % (STATEMENT_S_MAX * 1000))
            ids = cursor.execute(sql_text("queries/delete_run_metadata.sql").encode(), values).fetchall()
            metadata_rows = len(ids)
            cursor.execute(sql_text("queries/delete_run_usage.sql").encode(), values | {"ids": ids})
            usage_rows = cursor.rowcount
            tables = cursor.execute(sql_text("queries/lookup_tables.sql").encode()).fetchall()
    except (psycopg.Error, OSError) as error:
        reason = masked(" ".join(str(error).split()))
        raise UnavailableError(
            f"cannot clean run {sent.run}: {reason}; nothing was deleted; the role needs SELECT and DELETE on "
            "both tables"
        ) from None
    with suppress(OSError):  # a journal that may only be read stays as it is
        note_end(journal)
    return Cleaned(sent.run, sent.requests, usage_rows, metadata_rows, tuple(tables))
