"""A rehearsal of statements on a copy of a schema: what they lock, and the report of all that was found.

What is sent, and on which schema, the callers say: a migration of one's own, or the steps of a rollout.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from msgspec.structs import replace as with_changes

from harness.checks.own_migration import OwnMigration
from harness.checks.registry import run_checks
from harness.database.declared import DeclaredStore
from harness.database.runners import connect
from harness.database.server import Server
from harness.errors import UsageError
from harness.rehearsal.approaches import Approach
from harness.rehearsal.measurements import Measured
from harness.rehearsal.own.effects import Effects, observe_effects
from harness.rehearsal.own.relations import GivenColumn, given_table
from harness.rehearsal.own.schema import load_schema
from harness.report.contents import Sections, Table
from harness.report.document import Report
from harness.run import own_tables
from harness.run import rehearsal_tables as tables
from harness.run.options.rehearse import JUDGED, RehearsalPart, RehearseOptions
from harness.run.own_files import OwnFiles
from harness.run.own_schema import schema_statements, with_search_path
from harness.run.progress import ProgressDisplay
from harness.run.report import Begun, run_report
from harness.verdict import Results

Show = Callable[[Table], None]
"""Prints a table as soon as it is there."""

LEFT_OUT_MAX: Final = 10
"""Statements of the schema that are named; of the others how many."""


@dataclass(slots=True)
class OwnRehearsal:
    """A rehearsal under way."""

    options: RehearseOptions
    files: OwnFiles
    server: Server
    schemas: tuple[str, ...]
    """Where a name without a schema is looked for; none: in public."""
    show: Show
    progress: ProgressDisplay
    results: Results
    parts: frozenset[RehearsalPart]
    """What of it is rehearsed."""
    store: DeclaredStore | None = None
    """The tables of a rollout, which are filled whatever the statements lock; None for a migration of one's own."""
    deployment: str = ""
    """The statement in whose place every writer becomes the build `after`; empty: none does."""
    added: tuple[GivenColumn, ...] = ()
    """The columns that the statements add to the rollout's table."""
    sections: Sections = field(default_factory=Sections)
    remarks: list[str] = field(default_factory=list)

    @contextmanager
    def copy(self, name: str) -> Iterator[str]:
        """The DSN of a copy of a database, dropped afterwards."""
        with self.server.database(name) as dsn:
            yield with_search_path(dsn, self.schemas)

    def dsn(self, name: str) -> str:
        """Of a database itself."""
        return with_search_path(self.server.dsn(name), self.schemas)

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """The name of a database of one's own, dropped afterwards."""
        name = self.server.create_database(template)
        try:
            yield name
        finally:
            self.server.drop_database(name)


def load(rehearsal: OwnRehearsal, name: str, text: str) -> None:
    """Brings a schema into an empty database; what this server refuses of it is a remark."""
    statements = schema_statements(text)
    with (
        rehearsal.progress("loading the schema") as on_progress,
        connect(rehearsal.server.dsn(name)) as connection,
    ):
        left_out = load_schema(
            connection, statements, lambda done: on_progress(f"{done:,} of {len(statements):,} statements")
        )
    rehearsal.remarks += [refused.describe() for refused in left_out[:LEFT_OUT_MAX]]
    if len(left_out) > LEFT_OUT_MAX:
        rehearsal.remarks.append(f"left out of the schema: {len(left_out) - LEFT_OUT_MAX} more statements")


def observed_effects(rehearsal: OwnRehearsal, name: str) -> Effects:
    """What the statements lock, on a copy of a database without rows; shown where locks are asked for."""
    statements = rehearsal.files.statements
    with rehearsal.progress("locks"), rehearsal.copy(name) as dsn:
        before = _columns(dsn, rehearsal.store)
        effects = observe_effects(
            dsn, [statement.text for statement in statements], [statement.label for statement in statements]
        )
        rehearsal.added = tuple(
            column
            for column in _columns(dsn, rehearsal.store)
            if column.name not in {known.name for known in before}
        )
    if RehearsalPart.LOCKS in rehearsal.parts:
        rehearsal.sections.locks = own_tables.effects_table(effects)
        rehearsal.show(rehearsal.sections.locks)
    return effects


def _columns(dsn: str, store: DeclaredStore | None) -> tuple[GivenColumn, ...]:
    if store is None:
        return ()
    with connect(dsn) as connection:
        return given_table(connection, oids_of(connection, store)[-1]).columns


def oids_of(connection: psycopg.Connection[Any], store: DeclaredStore) -> list[int]:
    """Of a rollout's tables. Raises UsageError where the schema lacks one."""
    found = []
    for table in store.tables:
        row = connection.execute("SELECT to_regclass(quote_ident(%s))::oid::int8", [table]).fetchone()
        if row is None or row[0] is None:
            raise UsageError(
                f"rollout {store.rollout.name}: the schema has no table {table}; name the file that makes it by "
                "reference.baseline, or give --schema FILE"
            )
        found.append(int(row[0]))
    return found


def judge_effects(rehearsal: OwnRehearsal, effects: Effects) -> None:
    """Without rows and traffic only whether the statements are accepted is known."""
    spans = tuple(
        tables.instant(effect.label, effect.refused, effect.message) for effect in effects.statements
    )
    measured = Measured(Approach("as written", "", ()), 0, spans, (), 0)
    places = tuple(statement.place for statement in rehearsal.files.statements)
    run_checks(rehearsal.results, [OwnMigration(rehearsal.files.name, measured, places, None, {}, (), 0, "")])


def rehearsal_report(
    rehearsal: OwnRehearsal, begun: Begun, kind: str, more: Iterable[str] = (), policy: str = ""
) -> Report:
    """The report of it; `kind` is what was rehearsed, as a scope has it, and `more` what else stands there."""
    options, server = rehearsal.options, rehearsal.server
    judged = () if options.max_stall_ms is None else (JUDGED,)
    report = run_report(
        "rehearse",
        begun,
        rehearsal.results.judgements(),
        command=options.command,
        server=server_name(server),
        scope=(*sorted(rehearsal.parts), *judged, kind, *more),
        level=f"{options.rows} rows",
        policy=policy,
    )
    statements = rehearsal.files.statements
    return with_changes(
        report,
        plan=tuple(f"{statement.place}: {statement.label}" for statement in statements),
        remarks=tuple(dict.fromkeys(rehearsal.remarks)),
        sections=rehearsal.sections,
    )


def server_name(server: Server) -> str:
    """What a server is called in reports."""
    return f"Postgres {server.version} ({server.kind})"
