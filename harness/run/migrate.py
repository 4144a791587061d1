"""What `harness migrate` does: brings a database to a state, or back, and shows what is there."""

from collections.abc import Callable
from typing import Final

from harness import plan
from harness.database import catalog, migrations
from harness.database.declaration import find
from harness.database.pooler import check_direct
from harness.database.runners import Runner, connect
from harness.database.schema_state import DESCRIPTIONS, SchemaState
from harness.database.scripts import Applied
from harness.database.server import where

HEADLINE_MAX: Final = 100


def run_migrate(
    dsn: str,
    to: SchemaState,
    runner: Runner,
    echo: Callable[[str], None],
    *,
    back: bool = False,
    with_baseline: bool = False,
    session_pooler: bool = False,
) -> None:
    """Migrates, or with `back` rolls back; a line for each statement, then the state and the facts behind it.

    The baseline is only built `with_baseline`, in an empty database. Raises UsageError (a pooler, too),
    UnavailableError or MigrationError, each in one line.
    """

    def print_statement(applied: Applied) -> None:
        headline = applied.statement.headline
        shown = headline if len(headline) <= HEADLINE_MAX else headline[: HEADLINE_MAX - 1] + "…"
        echo(f"{applied.duration_ms:8.1f} ms  {applied.file}:{applied.statement.number}  {shown}")

    with connect(dsn) as connection:
        check_direct(connection, dsn, where(dsn), session_pooler=session_pooler)
    if back:
        report = migrations.rollback(dsn, to, runner, print_statement)
    else:
        report = migrations.migrate(dsn, to, runner, print_statement, with_baseline=with_baseline)
    if not report.applied:
        echo(f"nothing to do: {where(dsn)} is in state {report.after} already")
    for line in facts(dsn):
        echo(line)


def facts(dsn: str) -> tuple[str, ...]:
    """State of a database in the rollout, and the column and the index that it follows from."""
    with connect(dsn) as connection:
        state = catalog.schema_state(connection)
        columns = catalog.columns(connection, plan.METADATA_TABLE)
        indexes = catalog.indexes(connection, plan.METADATA_TABLE)
    column, index = find(columns, plan.COLUMN), find(indexes, plan.INDEX)
    return (
        f"state   {state}: {DESCRIPTIONS[state]}",
        f"table   {plan.METADATA_TABLE}, {len(columns)} columns, {len(indexes)} indexes",
        f"column  {column.describe() if column else 'none'}",
        f"index   {index.describe() if index else 'none'}",
    )
