"""What `harness migrate` does: brings a database to a state, or back, and shows what is there."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from harness.database import catalog
from harness.database.declaration import find
from harness.database.declared import DeclaredStore, declared_store
from harness.database.pooler import check_direct
from harness.database.runners import Runner, connect
from harness.database.scripts import Applied
from harness.database.server import where
from harness.database.step_migration import migrate_steps, take_back_steps, target_of
from harness.rollout import load_rollout
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
    """The state it was in: empty, base, ready, or else the names of the steps that were done."""
    after: str
    statements: tuple[AppliedStatement, ...]
    """None where the database was in the state already."""
    column: str | None
    """The column as the catalogue has it; null where there is none."""
    index: str | None


def run_migrate(options: MigrateOptions, echo: Callable[[str], None]) -> MigrateDocument:
    """Migrates, or rolls back; a line for each statement, then the state and the facts behind it. Returns the same.

    The baseline is only built where it was asked for, in an empty database. Raises UsageError (a pooler, too),
    or UnavailableError, each in one line.
    """

    def print_statement(applied: Applied) -> None:
        headline = applied.statement.headline
        shown = headline if len(headline) <= HEADLINE_MAX else headline[: HEADLINE_MAX - 1] + "…"
        echo(f"{applied.duration_ms:8.1f} ms  {applied.file}:{applied.statement.number}  {shown}")

    dsn, store = options.database_url, declared_store(load_rollout(options.rollout))
    target_of(store.rollout, options.to)
    with connect(dsn) as connection:
        check_direct(connection, dsn, where(dsn), session_pooler=options.session_pooler)
    runner = Runner(options.runner)
    if options.rollback:
        done = take_back_steps(dsn, store, options.to, runner, print_statement)
    else:
        done = migrate_steps(
            dsn, store, options.to, runner, print_statement, with_baseline=options.with_baseline
        )
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
        before=done.before,
        after=done.after,
        statements=tuple(statements),
        column=column,
        index=index,
    )


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
