"""What `harness migrate` does: brings a database to a state, or back, and shows what is there."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from harness.database import catalog, migrations
from harness.database.declaration import find
from harness.database.declared import DeclaredStore, declared_store
from harness.database.migration_steps import TARGETS
from harness.database.pooler import check_direct
from harness.database.runners import OnStatement, Runner, connect
from harness.database.schema_state import SchemaState
from harness.database.scripts import Applied, MigrationReport
from harness.database.server import where
from harness.database.step_migration import migrate_steps, take_back_steps, target_of
from harness.rollout import Rollout, is_plans, load_rollout
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
    """The state it was in: base, column, ready, building, invalid, empty or foreign; of another rollout than the
    default one base, ready, empty, or the steps that were done."""
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

    dsn, store = options.database_url, declared_store(load_rollout(options.rollout))
    state = state_of(store.rollout, options.to)
    with connect(dsn) as connection:
        check_direct(connection, dsn, where(dsn), session_pooler=options.session_pooler)
    done = _migrated(options, store, state, print_statement)
    if not done.applied:
        echo(f"nothing to do: {where(dsn)} is in state {done.after} already")
    table, column, index = _facts(dsn, store)
    echo(f"state   {done.after}: {done.description}")
    echo(f"table   {table}")
    echo(f"column  {column or 'none'}")
    echo(f"index   {index or 'none'}")
    statements = (
        AppliedStatement(
            applied.file, applied.statement.number, applied.statement.headline, applied.duration_ms
        )
        for applied in done.applied
    )
    return MigrateDocument(
        database=where(dsn),
        before=str(done.before),
        after=str(done.after),
        statements=tuple(statements),
        column=column,
        index=index,
    )


def state_of(rollout: Rollout, to: str) -> SchemaState | int:
    """The default rollout's state by its name or its step's; of another how many of its steps are to be done.

    Raises UsageError for what is none.
    """
    if not is_plans(rollout):
        return target_of(rollout, to)
    return SchemaState(to) if to in TARGETS else TARGETS[target_of(rollout, to, (SchemaState.COLUMN,))]


def _migrated(
    options: MigrateOptions, store: DeclaredStore, to: SchemaState | int, on_statement: OnStatement
) -> MigrationReport:
    dsn, runner, baseline = options.database_url, Runner(options.runner), options.with_baseline
    if isinstance(to, SchemaState):
        if options.rollback:
            return migrations.rollback(dsn, to, runner, on_statement)
        return migrations.migrate(dsn, to, runner, on_statement, with_baseline=baseline)
    if options.rollback:
        return take_back_steps(dsn, store, options.to, runner, on_statement)
    return migrate_steps(dsn, store, options.to, runner, on_statement, with_baseline=baseline)


def _facts(dsn: str, store: DeclaredStore) -> tuple[str, str | None, str | None]:
    """A rollout's table, and its column and index where they are there."""
    with connect(dsn) as connection:
        columns = catalog.columns(connection, store.table)
        indexes = catalog.indexes(connection, store.table)
    column = find(columns, store.column.name)
    index = find(indexes, store.index.name) if store.index else None
    return (
        f"{store.table}, {len(columns)} columns, {len(indexes)} indexes",
        column.describe() if column else None,
        index.describe() if index else None,
    )
