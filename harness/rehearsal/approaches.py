"""Ways to migrate a big table, as data; each to be run and measured. Pure."""

from dataclasses import dataclass
from typing import Final

from harness.database.scripts import statements_of
from harness.rehearsal.layouts import CORRECTED as CORRECTED_LAYOUT
from harness.rehearsal.layouts import Layout
from harness.rehearsal.statements import ADD, ADD_COLUMN, BUILD, BUILD_INDEX, without_concurrently

REPORT_S: Final = 1.0
"""How long the report reads that the ALTER queues behind."""
RETRY_LOCK_MS: Final = 50
RETRY_PAUSE_S: Final = 0.2
RETRIES_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Approach:
    """One way to migrate: statements in order, each sent by itself in one session."""

    name: str
    summary: str
    statements: tuple[str, ...]
    report_s: float = 0.0
    """How long a report goes on that has begun to read the table before; 0: there is none."""
    retries: bool = False
    """Whether a statement refused for its lock_timeout (55P03) is sent again after a pause."""
    labels: tuple[str, ...] = ()
    """What each statement is called; by its first line where there are none."""
    ends_refused: bool = False
    """Whether a refused statement ends the migration and is measured too, in place of an error."""


CORRECTED: Final = Approach(
    "corrected",
    "the column under a lock_timeout, then the index with CONCURRENTLY",
    tuple(statement.text for script in (ADD, BUILD) for statement in statements_of(script.text)),
)

APPROACHES: Final = (
    CORRECTED,
    Approach("plain index", "the same with CREATE INDEX", (ADD_COLUMN, without_concurrently(BUILD_INDEX))),
    Approach(
        "one transaction",
        "both statements in one transaction, as drizzle runs them",
        ("BEGIN;", ADD_COLUMN, without_concurrently(BUILD_INDEX), "COMMIT;"),
    ),
    Approach(
        "behind a read",
        f"the column while a report reads the table for {REPORT_S:g} s",
        (ADD_COLUMN,),
        report_s=REPORT_S,
    ),
    Approach(
        "behind a read, retried",
        f"the same with a lock_timeout of {RETRY_LOCK_MS} ms, retried every {RETRY_PAUSE_S * 1000:.0f} ms",
        (f"SET lock_timeout = {RETRY_LOCK_MS};", ADD_COLUMN),
        report_s=REPORT_S,
        retries=True,
    ),
)


def approach_of(layout: Layout) -> Approach:
    """The way to migrate that a layout is, each statement sent by itself."""
    if layout == CORRECTED_LAYOUT:
        return CORRECTED
    texts = (statement.text for script in layout.scripts for statement in statements_of(script.text))
    return Approach(layout.name, layout.summary, tuple(texts))
