"""The backend's files of a checkout: read by a parser, its migrations applied to databases of ours."""

from pathlib import Path
from typing import NamedTuple

from harness.checkout.drizzle_schema import DeclaredTable, declared_table
from harness.checkout.evaluated_schema import EvaluatedTable
from harness.checkout.files import Located, locate
from harness.checkout.handler import HandlerSource
from harness.checkout.migrated import (
    index_form,
    journal_faults,
    live_lines,
    migrate_folder,
    unreadable_journal,
)
from harness.checkout.migration_outcome import MigrationOutcome
from harness.checkout.schema_run import evaluated_table
from harness.checkout.served_modules import NotRunnableError, Watched
from harness.checkout.way import BackendWay, follow_backend
from harness.checks.checkout import STOPS, judge_journal, judge_migrations
from harness.checks.checkout_claims import INSERT, MIGRATIONS, ROUTE, SCHEMA
from harness.checks.checkout_schema import judge_against_catalogue, judge_evaluated, judge_schema_file
from harness.checks.lint_builds import is_concurrent
from harness.database.declared import declared_store
from harness.database.drizzle_folder import Folder
from harness.database.server import Server
from harness.errors import UsageError
from harness.rollout import Rollout
from harness.run.check_prepare import UNPREPARED, is_prepared
from harness.run.lint import lint_folder
from harness.verdict import Results


class ReadSchema(NamedTuple):
    """What schema.ts says of the table; it was not run where there is nothing of that."""

    declared: DeclaredTable = DeclaredTable()
    evaluated: EvaluatedTable | None = None


class ReadBackend(NamedTuple):
    """What was found of the handler by a parser; without a source it cannot be run, for the reason in `why`."""

    remarks: list[str]
    schema: ReadSchema
    source: HandlerSource | None = None
    way: BackendWay = BackendWay((), (), "", "")
    why: str = ""


class AppliedMigrations(NamedTuple):
    """The folder of the migrations, and the names of the rollout's files in it; no folder where none was found."""

    remarks: list[str]
    folder: Path | None = None
    ours: frozenset[str] = frozenset()
    outcome: MigrationOutcome | None = None
    """What became of an empty database."""
    dsn: str = ""
    """Of that database."""


def check_backend(results: Results, rollout: Rollout, checkout: Path) -> ReadBackend:
    """Judges the backend's files by what a parser reads. Raises UsageError where the rollout names no files."""
    files = rollout.tables.backend.files
    table, column = _stored(rollout)
    schema = _check_schema(results, rollout, checkout, column)
    if "route" not in files:
        raise UsageError(
            f"{rollout.folders[0]}: no backend.files.route; name the handler's file in rollout.toml"
        )
    route = locate(checkout, files["route"])
    if route.path is None:
        why = f"{route.why}; name the file in backend.files.route of the rollout"
        for claim in (ROUTE, INSERT):
            results.inconclusive(claim, why)
        return ReadBackend([], schema, why=why)
    symbol = files["route"].symbol
    way = follow_backend(checkout, route.path, symbol, rollout.header.name, table, column)
    stubs = {name: rollout.path(file) for name, file in rollout.tables.backend.stubs.items()}
    source = HandlerSource(
        checkout, route.path, symbol, stubs, Watched(column, frozenset(way.files), way.made_from)
    )
    return ReadBackend(_moved(checkout, route), schema, source, way)


def _stored(rollout: Rollout) -> tuple[str, str]:
    """The table and the column that the value is stored in."""
    main, detail = rollout.tables.store.main, rollout.tables.store.detail
    table, column = (detail.table, detail.column) if detail else (main.table, main.column)
    return table or "", column or ""


def _check_schema(results: Results, rollout: Rollout, checkout: Path, column: str) -> ReadSchema:
    files = rollout.tables.backend.files
    schema = locate(checkout, files["schema"]) if "schema" in files else None
    if schema is None or schema.path is None:
        results.inconclusive(SCHEMA, "the rollout names none" if schema is None else schema.why)
        return ReadSchema()
    symbol, reason = files["schema"].symbol, UNPREPARED
    declared = declared_table(checkout, schema.path, symbol, column)
    if not declared.where:
        name = schema.path.relative_to(checkout).as_posix()
        results.inconclusive(SCHEMA, f"{name}: no table {symbol} is seen in it")
        return ReadSchema()
    if is_prepared():
        try:
            table = evaluated_table(checkout, schema.path, symbol)
        except NotRunnableError as error:
            reason = str(error)
        else:
            judge_evaluated(results, declared, table, declared_store(rollout))
            return ReadSchema(declared, table)
    judge_schema_file(results, declared, declared_store(rollout), reason)
    return ReadSchema(declared)


def check_schema_against(
    results: Results, rollout: Rollout, schema: ReadSchema, made: AppliedMigrations
) -> list[str]:
    """Judges schema.ts, where it was run, against what the migrations make; returns remarks."""
    if schema.evaluated is None or made.outcome is None:
        return []
    store = declared_store(rollout)
    return list(judge_against_catalogue(results, schema.declared, schema.evaluated, made.outcome, store))


def _moved(checkout: Path, *files: Located) -> list[str]:
    return [
        f"{file.role.glob} was moved: judged is {file.path.relative_to(checkout).as_posix()}"
        for file in files
        if file.was_moved and file.path is not None
    ]


def check_migrations(
    results: Results, rollout: Rollout, checkout: Path, server: Server, empty: str, database_url: str | None
) -> AppliedMigrations:
    """Judges the migrations folder by what its files do to databases of ours; `empty` is one without tables."""
    role = rollout.tables.backend.files.get("migrations")
    journal = None if role is None else locate(checkout, role)
    if journal is None or journal.path is None:
        why = "the rollout names none" if journal is None else journal.why
        results.inconclusive(MIGRATIONS, f"no journal of migrations: {why}")
        return AppliedMigrations([])
    folder = journal.path.parent.parent
    if fault := unreadable_journal(folder):
        judge_journal(results, folder.relative_to(checkout).as_posix(), [fault])
        return AppliedMigrations([])
    store = declared_store(rollout)
    linted = lint_folder(folder, store=store)
    ours = frozenset(file.name for file in linted.files.ours)
    journalled = {f"{entry.tag}.sql" for entry in Folder.read(folder).journal}
    by_hand = frozenset(
        name
        for name, sections in linted.files.sections.items()
        if name not in journalled and all(is_concurrent(part) for each in sections for part in each.parts)
    )
    outcomes = migrate_folder(server, empty, folder, ours, store)
    faults = journal_faults(folder, ours, store)
    judge_migrations(results, folder.relative_to(checkout).as_posix(), outcomes, linted, faults, by_hand)
    remarks = [lint.describe() for lint in linted.faults if lint.rule not in STOPS]
    if store.index is not None and all(outcome.has_column for outcome in outcomes):
        is_made = all(outcome.index is None for outcome in outcomes)
        remarks.append(index_form(folder, ours, store.index.name, store.table, is_made=is_made))
    if database_url is not None:
        remarks += live_lines(database_url, folder, store.table)
    return AppliedMigrations([*remarks, *_moved(checkout, journal)], folder, ours, outcomes[0], empty)
