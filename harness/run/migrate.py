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
from harness.run.options.migrate import MigrateOptions

HEADLINE_MAX: Final = 100


def run_migrate(options: MigrateOptions, echo: Callable[[str], None]) -> None:
    """Migrates, or rolls back; a line for each statement, then the state and the facts behind it.

    The baseline is only built where it was asked for, in an empty database. Raises UsageError (a pooler, too),
    UnavailableError or MigrationError, each in one line.
    """

    def print_statement(applied: Applied) -> None:
        headline = applied.statement.headline
        shown = headline if len(headline) <= HEADLINE_MAX else headline[: HEADLINE_MAX - 1] + "…"
        echo(f"{applied.duration_ms:8.1f} ms  {applied.file}:{applied.statement.number}  {shown}")

    dsn, to, runner = options.database_url, SchemaState(options.to), Runner(options.runner)
    with connect(dsn) as connection:
        check_direct(connection, dsn, where(dsn), session_pooler=options.session_pooler)
    if options.rollback:
        report = migrations.rollback(dsn, to, runner, print_statement)
    else:
        report = migrations.migrate(dsn, to, runner, print_statement, with_baseline=options.with_baseline)
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
