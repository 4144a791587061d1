"""What `harness migrate` does: brings a database to a state, or back, and shows what is there."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from harness import plan
from harness.database import catalog, migrations
from harness.database.declaration import find
from harness.database.pooler import check_direct
from harness.database.runners import Runner, connect
from harness.database.schema_state import DESCRIPTIONS, SchemaState, SchemaStatus
from harness.database.scripts import Applied
from harness.database.server import where
from harness.run.options.migrate import MigrateOptions

HEADLINE_MAX: Final = 100


class AppliedStatement(Struct, frozen=True):
    """A statement that the server accepted."""

    file: str
    number: int
    """Counts the statements of the file from 1."""
    statement: str
    """Its first line."""
    ms: float
    """How long it took."""


class MigrateDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.migrate/1"):
    """What a migration, or a way back, did, and what the database holds then."""

    database: str
    before: str
    """The state it was in: base, column, ready, building, invalid, empty or foreign."""
    after: str
    statements: tuple[AppliedStatement, ...]
    """None where the database was in the state already."""
    column: str | None
    """The column as the catalogue has it; null where there is none."""
    index: str | None


def run_migrate(options: MigrateOptions, echo: Callable[[str], None]) -> MigrateDocument:
    """Migrates, or rolls back; a line for each statement, then the state and the facts behind it. Returns the same.

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
    state, table, column, index = _facts(dsn)
    echo(f"state   {state}: {DESCRIPTIONS[state]}")
    echo(f"table   {table}")
    echo(f"column  {column or 'none'}")
    echo(f"index   {index or 'none'}")
    statements = (
        AppliedStatement(
            applied.file, applied.statement.number, applied.statement.headline, applied.duration_ms
        )
        for applied in report.applied
    )
    return MigrateDocument(
        database=where(dsn),
        before=str(report.before),
        after=str(state),
        statements=tuple(statements),
        column=column,
        index=index,
    )


def _facts(dsn: str) -> tuple[SchemaStatus, str, str | None, str | None]:
    """State of a database in the rollout, its table, and the column and the index that the state follows from."""
    with connect(dsn) as connection:
        state = catalog.schema_state(connection)
        columns = catalog.columns(connection, plan.METADATA_TABLE)
        indexes = catalog.indexes(connection, plan.METADATA_TABLE)
    column, index = find(columns, plan.COLUMN), find(indexes, plan.INDEX)
    return (
        state,
        f"{plan.METADATA_TABLE}, {len(columns)} columns, {len(indexes)} indexes",
        column.describe() if column else None,
        index.describe() if index else None,
    )
