"""What rehearse, schema and coverage are run on for the matrix: migrations, databases, folders, rows, right and wrong.

They are commands and databases alone, so that an earlier version's program can be run on the same.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.data import sql_path
from harness.database.drizzle_folder import JOURNAL, Folder
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script
from harness.database.server import Server
from harness.database.templates import Templates
from harness.rehearsal.defects import DEFECTS, HARMLESS, USUAL
from harness.rehearsal.layouts import LAYOUTS
from harness.run.deployed import DEPLOYED_MORE
from tests.matrix.commands import of_coverage, of_rehearsal, of_schema
from tests.matrix.outcomes import Outcomes
from tests.rehearsal.further_values import FURTHER

Program = tuple[str, ...]
Subject = Callable[[Program, Server, Templates], Outcomes]

ALL: Final = ("--part", "claims", "--part", "stalls", "--no-compare", "--max-stall-ms", "1000000")
SMALL: Final = ("--rows", "1000", "--rate", "50")
CALLS: Final = {
    "part-matrix": ("--part", "matrix"),
    "part-locks": ("--part", "locks"),
    "part-traps": ("--part", "traps"),
    "part-stalls": ("--part", "stalls", *SMALL),
    "over-the-budget": ("--part", "stalls", "--no-compare", "--max-stall-ms", "0.001", *SMALL),
    "unknown-migration": ("--migration", "x"),
    "budget-alone": ("--part", "locks", "--max-stall-ms", "5"),
}
MIGRATIONS: Final = (
    USUAL,
    *(layout.name for layout in HARMLESS),
    *(defect.name for defect in DEFECTS),
)
ROWS: Final = """
    WITH main AS (
        INSERT INTO microdollar_usage (kilo_user_id, cost, input_tokens, output_tokens, cache_write_tokens,
            cache_hit_tokens, created_at)
        SELECT {user}, 0, 0, 0, 0, 0, now() - n * interval '1 hour' FROM generate_series(1, 40) AS n
        RETURNING id, created_at, kilo_user_id
    ), numbered AS (SELECT *, row_number() OVER (ORDER BY created_at) AS n FROM main)
    INSERT INTO microdollar_usage_metadata (id, message_id, created_at, posthog_distinct_id)
    SELECT id, 'm', created_at, {value} FROM numbered
"""
DATA: Final = {
    "nothing": None,
    "signed-in": ("'user-' || n", "'vscode-' || n"),
    "every-one": ("'anon:' || n", "'vscode-' || n"),
    "none": ("'anon:' || n", "NULL"),
    "three-of-four": ("'anon:' || n", "CASE WHEN n % 4 > 0 THEN 'vscode-' || n END"),
    "shared": ("'anon:' || n % 7", "(ARRAY['a', 'b', NULL])[1 + n % 3]"),
    "crowded": ("'anon:192.0.2.1'", "'vscode-' || n"),
    "of-nobody": ("'anon:' || n", "(ARRAY['null', 'Guest', '0', 'vscode-1'])[1 + n % 4]"),
    "cut": ("'anon:' || n", "repeat('x', 199 + (n % 3)::int)"),
}
"""User and value of 40 requests, an hour apart."""
LIMITS: Final = ((), ("--fail-under", "75"), ("--fail-under", "75.1"), ("--days", "1"))


@dataclass(frozen=True, slots=True)
class _Database:
    """A database in a state, with statements sent to it one by one."""

    statements: tuple[str, ...] = ()
    state: SchemaState = SchemaState.READY

    def judged(self, templates: Templates, judge: Callable[[str], Outcomes]) -> Outcomes:
        with templates.database(self.state) as dsn:
            with connect(dsn) as owner:
                for statement in self.statements:
                    owner.execute(statement.encode())
            return judge(dsn)


def command_subjects() -> Iterator[tuple[str, Subject]]:
    """Each subject with what runs it."""
    yield from _rehearsals()
    for name, database in _databases():
        yield f"schema {name}", _schema_of(database)
    for name, migrations in _folders():
        yield f"schema --migrations {name}", _schema_of_files(migrations)
    yield "schema of nothing", lambda program, _server, _templates: of_schema(program)
    yield "schema without a server", _unreachable(of_schema)
    yield from _coverages()
    yield "coverage without a server", _unreachable(of_coverage)


def _rehearsals() -> Iterator[tuple[str, Subject]]:
    calls = {name: (*ALL, *SMALL, "--migration", name) for name in MIGRATIONS}
    for name, arguments in (CALLS | calls).items():

        def run(
            program: Program, server: Server, _: Templates, arguments: tuple[str, ...] = arguments
        ) -> Outcomes:
            with tempfile.TemporaryDirectory() as folder:
                return of_rehearsal(
                    program, Path(folder), *arguments, "--postgres", server.dsn("postgres"), "--require-npm"
                )

        yield f"rehearse {name}", run


def _databases() -> Iterator[tuple[str, _Database]]:
    for state in (SchemaState.BASE, SchemaState.COLUMN, SchemaState.READY):
        yield state.value, _Database(state=state)
    for deployed in DEPLOYED_MORE:
        if not deployed.reader:  # it reads the catalogue, where no role sees less
            yield f"deployed-{deployed.name}", _Database(deployed.statements)
    for name, (statements, _) in FURTHER.items():
        yield name, _Database(statements)


def _folders() -> Iterator[tuple[str, Folder]]:
    files = tuple(map(Script.of, sorted(sql_path("up").iterdir())))
    yield "up", Folder(files, ())
    yield "no-file", Folder((), ())
    for layout in LAYOUTS:
        yield f"layout-{layout.name.replace(' ', '-')}", layout.folder
    for defect in DEFECTS:
        (script,) = defect.layout.files
        yield defect.name, Folder((Script(f"0006_{script.name}", script.text),), ())


def _schema_of(database: _Database) -> Subject:
    return lambda program, _, templates: database.judged(
        templates, lambda dsn: of_schema(program, "--database-url", dsn)
    )


def _schema_of_files(migrations: Folder) -> Subject:
    def run(program: Program, _server: Server, _templates: Templates) -> Outcomes:
        with tempfile.TemporaryDirectory() as folder:
            migrations.write(Path(folder))
            if not migrations.journal:
                (Path(folder) / JOURNAL).unlink()
                (Path(folder) / JOURNAL).parent.rmdir()
            return of_schema(program, "--migrations", folder)

    return run


def _coverages() -> Iterator[tuple[str, Subject]]:
    databases = {"base": _Database(state=SchemaState.BASE)}
    for name, given in DATA.items():
        rows = () if given is None else (ROWS.format(user=given[0], value=given[1]),)
        databases[name] = _Database(rows)
    for name, database in databases.items():
        for limit in LIMITS:
            run = _coverage_of(database, limit)
            yield f"coverage {' '.join((name, *limit))}", run


def _coverage_of(database: _Database, limit: tuple[str, ...]) -> Subject:
    return lambda program, _, templates: database.judged(
        templates, lambda dsn: of_coverage(program, "--database-url", dsn, *limit)
    )


def _unreachable(judge: Callable[..., Outcomes]) -> Subject:
    return lambda program, _server, _templates: judge(
        program, "--database-url", "postgresql://nobody@127.0.0.1:1/nothing"
    )
