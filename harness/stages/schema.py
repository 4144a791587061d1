"""The schema's steps on a real database: by the corrected files, or by what a faulty plan has in their place.

A refusal by the server is a result here, not an error of the run.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from harness.database.migration_steps import BACKWARD, FORWARD
from harness.database.migrations import MigrationError, migrate, rollback
from harness.database.runners import run_statements
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script, StatementFailed
from harness.database.templates import Templates
from harness.rehearsal.build_phase import BuildPhase
from harness.rehearsal.frozen_build import CREATE_INDEX, FrozenBuild
from harness.stages.model import Step
from harness.stages.runs import StepRefused

TARGETS: Final = {
    Step.ADD_COLUMN: (migrate, SchemaState.COLUMN),
    Step.DROP_INVALID: (rollback, SchemaState.COLUMN),
    Step.ROLL_BACK_INDEX: (rollback, SchemaState.COLUMN),
    Step.ROLL_BACK_COLUMN: (rollback, SchemaState.BASE),
}
"""The steps that are files: which way, and where they lead."""

_FILES: Final = {
    Step.ADD_COLUMN: FORWARD[SchemaState.BASE].file,
    Step.DROP_INVALID: BACKWARD[SchemaState.INVALID].file,
    Step.ROLL_BACK_INDEX: BACKWARD[SchemaState.READY].file,
    Step.ROLL_BACK_COLUMN: BACKWARD[SchemaState.COLUMN].file,
}


@dataclass(frozen=True, slots=True)
class Schema:
    """How the schema's steps are done; the corrected files where nothing else is given."""

    prelude: Script | None = None
    """What was in the database before the rollout, beyond the baseline."""
    add_column: Script | None = None
    build: Script | None = None

    @property
    def corrected(self) -> bool:
        """Whether nothing is replaced: the catalogue is then held to what the plan declares after each step."""
        return self == CORRECTED

    @property
    def _statement(self) -> sql.Composed:
        return CREATE_INDEX if self.build is None else sql.Composed([sql.SQL(self.build.text)])

    async def take(self, dsn: str, step: Step) -> None:
        """Does a step that is a file. Raises StepRefused."""
        await asyncio.to_thread(_refusable, step, lambda: self._apply(dsn, step))

    async def freeze(self, dsn: str, wait: BuildPhase) -> FrozenBuild:
        """An index build, held in one of its waits. Raises StepRefused."""
        try:
            return await FrozenBuild(dsn, wait, self._statement).__aenter__()
        except psycopg.Error as error:
            raise refused(Step.START_BUILD, error) from error

    @asynccontextmanager
    async def database(self, templates: Templates, state: SchemaState) -> AsyncIterator[str]:
        """A new database in a state without an index build under way. Raises StepRefused."""
        clone = templates.database(state if self.corrected else SchemaState.BASE)
        dsn = await asyncio.to_thread(clone.__enter__)
        try:
            if not self.corrected:
                await asyncio.to_thread(self._prepare, dsn, state)
            yield dsn
        finally:
            await asyncio.to_thread(clone.__exit__, None, None, None)

    def _prepare(self, dsn: str, state: SchemaState) -> None:
        if self.prelude is not None:
            run_statements(dsn, [self.prelude], lambda _: None)
        if state is not SchemaState.BASE:
            _refusable(Step.ADD_COLUMN, lambda: self._apply(dsn, Step.ADD_COLUMN))
        if state is SchemaState.READY:
            build = self.build or Script("the index build", CREATE_INDEX.as_string())
            _refusable(Step.START_BUILD, lambda: run_statements(dsn, [build], lambda _: None))

    def _apply(self, dsn: str, step: Step) -> None:
        if self.corrected:
            change, state = TARGETS[step]
            change(dsn, state)
            return
        given = self.add_column if step is Step.ADD_COLUMN else None
        run_statements(dsn, [given or Script.ours(_FILES[step])], lambda _: None)


CORRECTED: Final = Schema()


def refused(step: Step, error: psycopg.Error) -> StepRefused:
    """The refusal that an error of the server is; one without a SQLSTATE is not the server's and is raised again."""
    if error.sqlstate is None:
        raise error
    return StepRefused(step, error.sqlstate, error.diag.message_primary or str(error).partition("\n")[0])


def _refusable(step: Step, do: Callable[[], object]) -> None:
    try:
        do()
    except (MigrationError, StatementFailed) as error:
        if not error.sqlstate:  # the connection broke: that says nothing about the step
            raise
        raise StepRefused(step, error.sqlstate, error.message) from error
