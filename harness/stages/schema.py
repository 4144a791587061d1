"""The schema's steps on a real database: by the rollout's files, or by what a faulty plan has in their place.

A refusal by the server is a result here, not an error of the run.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from harness.database.runners import run_statements
from harness.database.scripts import Script, StatementFailed, statements_of
from harness.database.structure import structure_differences
from harness.database.templates import Templates
from harness.errors import UnavailableError
from harness.rehearsal.build_phase import BuildPhase
from harness.rehearsal.frozen_build import Connection, FrozenBuild
from harness.stages.model import Stage, after
from harness.stages.runs import StepRefused
from harness.stages.safety import is_refused
from harness.stages.steps import SqlStep, Step, StepAction, StepState

LOCK_WAIT_MS: Final = 2000
"""How long a step waits for a lock that it is not expected to get."""
_TABLE: Final = re.compile(r'\bON\s+(?:ONLY\s+)?"?(?P<name>[^\s"(]+)"?', re.IGNORECASE)
"""The table of CREATE INDEX."""


@dataclass(frozen=True, slots=True)
class Schema:
    """How the schema's steps are done: by the rollout's files where nothing else is given."""

    prelude: Script | None = None
    """What was in the database before the rollout, beyond the baseline."""
    replaced: Mapping[str, Script] = field(default_factory=dict)
    """What a faulty plan does in an SQL step, by the step's name."""

    @property
    def corrected(self) -> bool:
        """Whether nothing is replaced: the catalogue is then held to what the files make of an empty database."""
        return self.prelude is None and not self.replaced

    async def take(self, templates: Templates, dsn: str, stage: Stage, step: Step) -> None:
        """Does a step that is a file, or several. Raises StepRefused."""
        await asyncio.to_thread(self._take, templates, dsn, stage, step)

    async def freeze(
        self,
        dsn: str,
        stage: Stage,
        wait: BuildPhase,
        number: int | None = None,
        *,
        idle: list[Connection] | None = None,
    ) -> FrozenBuild:
        """The index build of a stage, or of a SQL step by its number, held in one of its waits.

        `idle` are sessions of the database that may be used. Raises StepRefused.
        """
        number = stage.building if number is None else number
        assert number is not None, "a stage with a build phase builds"
        step = stage.model.sql[number]
        # A file's last statement is the build, behind its settings; what a faulty plan does instead is sent whole,
        # since a transaction around it is the fault.
        text = self._up(step).text
        statement = text if step.name in self.replaced else statements_of(text)[-1].text
        table = _TABLE.search(statement)
        assert table is not None, "CREATE INDEX names its table"
        build = FrozenBuild(dsn, wait, sql.Composed([sql.SQL(statement)]), table=table["name"], idle=idle)
        try:
            return await build.__aenter__()
        except psycopg.Error as error:
            raise refused(stage.model.step(StepAction.START, step.name), error) from error

    @asynccontextmanager
    async def database(self, templates: Templates, stage: Stage) -> AsyncIterator[str]:
        """A new database as the stage's steps make it, without an index build under way. Raises StepRefused."""
        done = list(done_steps(stage))
        scripts = [step.up for step in done] if self.corrected else []
        clone = await asyncio.to_thread(templates.after, scripts)
        dsn = await asyncio.to_thread(clone.__enter__)
        try:
            if not self.corrected:
                await asyncio.to_thread(self._prepare, dsn, stage, done)
            yield dsn
        finally:
            await asyncio.to_thread(clone.__exit__, None, None, None)

    def _prepare(self, dsn: str, stage: Stage, done: list[SqlStep]) -> None:
        if self.prelude is not None:
            run_statements(dsn, [self.prelude], lambda _: None)
        for step in done:
            action = StepAction.START if step.concurrent else StepAction.DO
            _run(dsn, self._up(step), stage.model.step(action, step.name))

    def _up(self, step: SqlStep) -> Script:
        return self.replaced.get(step.name, step.up)

    def _take(self, templates: Templates, dsn: str, stage: Stage, step: Step) -> None:
        sql_step = stage.model.sql[stage.model.number(step)]
        if is_refused(stage, step):
            # Its file may say otherwise. Without any limit it would wait for as long as the build is held.
            options = conninfo_to_dict(dsn).get("options") or ""
            dsn = make_conninfo(dsn, options=f"{options} -c lock_timeout={LOCK_WAIT_MS}")
        if step.action is StepAction.DO:
            _run(dsn, self._up(sql_step), step)
        elif step.action is StepAction.RECOVER:
            assert sql_step.recovery is not None, "else the step is not in the model"
            _run(dsn, sql_step.recovery, step)
        else:
            for script in _backwards(stage, stage.model.number(step)):
                _run(dsn, script, step)
        if self.corrected:
            self._check(templates, dsn, after(stage, step))

    def _check(self, templates: Templates, dsn: str, stage: Stage) -> None:
        """What the steps have made is what the files make of a new database."""
        if StepState.INVALID in stage.schema or stage.building is not None:
            return
        expected = templates.structure([step.up for step in done_steps(stage)])
        if found := structure_differences(dsn, expected):
            raise UnavailableError(f"the database is not as the files make it in stage ({stage}): {found[0]}")


CORRECTED: Final = Schema()


def done_steps(stage: Stage) -> Iterator[SqlStep]:
    """The SQL steps that are done in a stage, in the file's order."""
    for step, state in zip(stage.model.sql, stage.schema, strict=True):
        if state in (StepState.DONE, StepState.STALE):
            yield step


def invalid_steps(stage: Stage) -> tuple[int, ...]:
    """The SQL steps of which a stage holds an invalid index, by their numbers from 0."""
    return tuple(number for number, state in enumerate(stage.schema) if state is StepState.INVALID)


def _backwards(stage: Stage, number: int) -> Iterator[Script]:
    """What takes a step back, after what needs it."""
    for dependent in reversed(stage.model.dependents(number)):
        step, state = stage.model.sql[dependent], stage.schema[dependent]
        script = step.recovery if state is StepState.INVALID else step.down
        if state is not StepState.NONE and script is not None:
            yield script
    down = stage.model.sql[number].down
    assert down is not None, "else the step is not in the model"
    yield down


def refused(step: Step, error: psycopg.Error) -> StepRefused:
    """The refusal that an error of the server is; one without a SQLSTATE is not the server's and is raised again."""
    if error.sqlstate is None:
        raise error
    return StepRefused(step, error.sqlstate, error.diag.message_primary or str(error).partition("\n")[0])


def _run(dsn: str, script: Script, step: Step) -> None:
    try:
        run_statements(dsn, [script], lambda _: None)
    except StatementFailed as error:
        if not error.sqlstate:  # the connection broke: that says nothing about the step
            raise
        raise StepRefused(step, error.sqlstate, error.message) from error
