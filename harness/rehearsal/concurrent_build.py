"""The step of a rollout that builds an index concurrently: what it sends, what takes it back, and how far it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from harness.database.declared import DeclaredStore, plan_store
from harness.database.runners import Runner, connect
from harness.database.schema_state import SchemaState, SchemaStatus
from harness.database.scripts import Script, statements_of
from harness.database.sql_statement import plain_name, read_statement
from harness.database.step_facts import Progress, progress_of
from harness.database.step_migration import migrate_steps
from harness.rollout.step_tables import RolloutStep

_STATES: Final[Mapping[Progress, SchemaStatus]] = {
    Progress.NOT_DONE: SchemaState.COLUMN,
    Progress.BUILDING: SchemaState.BUILDING,
    Progress.INVALID: SchemaState.INVALID,
    Progress.DONE: SchemaState.READY,
}


@dataclass(frozen=True, slots=True)
class ConcurrentBuild:
    """A build with its way back; its database is in state `column` before it, and in state `ready` behind it."""

    table: str
    build: str
    """The statement."""
    drop: str
    """What drops the index concurrently."""
    up: Script
    recovery: Script
    """What is run after a build that failed."""
    state: Callable[[str], SchemaStatus]
    """How far the database of a DSN is."""
    migrate: Callable[[str], object]
    """`harness migrate` to where the index is there. Raises UnavailableError."""

    @property
    def statement(self) -> sql.Composed:
        """The build as psycopg sends it."""
        return sql.Composed([sql.SQL(self.build)])


def build_of(store: DeclaredStore) -> ConcurrentBuild | None:
    """The first concurrent step of a rollout that has a file of recovery; None where none has."""
    rollout = store.rollout
    step = next((step for step in rollout.tables.step if step.concurrent and step.recovery and step.up), None)
    if step is None or step.up is None or step.recovery is None:
        return None
    up = Script(step.up, rollout.text(step.up))
    index = read_statement(statements_of(up.text)[-1].text)
    if not index.builds or not index.name:
        return None
    return ConcurrentBuild(
        table=plain_name(index.table),
        build=f"{index.text};",
        drop=f"DROP INDEX CONCURRENTLY {index.name};",
        up=up,
        recovery=Script(step.recovery, rollout.text(step.recovery)),
        state=lambda dsn: _state(dsn, store, step),
        migrate=lambda dsn: migrate_steps(dsn, store, step.name, Runner.STATEMENTS, lambda _: None),
    )


def _state(dsn: str, store: DeclaredStore, step: RolloutStep) -> SchemaStatus:
    with connect(dsn) as connection:
        found = next(each for each in progress_of(connection, store.rollout) if each.step is step)
    return _STATES[found.progress]


def _plan_build() -> ConcurrentBuild:
    """Of the default rollout."""
    build = build_of(plan_store())
    assert build is not None, "the default rollout builds its index concurrently"
    return build


PLAN_BUILD: Final = _plan_build()
