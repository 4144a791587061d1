"""The rollout's migration and its rollback, from whatever state a database is in.

Which files lead from one state to the next is data; whether they did is read from the catalogue afterwards.
`migrate` uses the corrected files. The plan's own file is for `apply`, as is every other layout and a user's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg

from harness import plan
from harness.data import sql_text
from harness.database import catalog
from harness.database.baseline import check_empty
from harness.database.declared import plan_store
from harness.database.migration_steps import (
    BACKWARD,
    FORWARD,
    RECOVERY_FILE,
    TARGETS,
    VIEW_ROLLBACK_FILE,
    path_between,
)
from harness.database.runners import OnStatement, Runner, applied_by, connect
from harness.database.schema_state import DESCRIPTIONS, SchemaState, SchemaStatus, UnmanagedSchema
from harness.database.scripts import Applied, MigrationReport, Script, StatementFailed
from harness.database.server import where
from harness.errors import UnavailableError, UsageError

_NEXT: Final[Mapping[SchemaStatus, str]] = {
    SchemaState.BUILDING: "wait until the build has ended, then look again",
    SchemaState.INVALID: f"run sql/{RECOVERY_FILE}, then this again",
    UnmanagedSchema.FOREIGN: "use a database of its own, or mend the differences",
}
_NEXT_ELSE: Final = "remove the cause, then migrate again: it goes on from there"


class MigrationError(UnavailableError):
    """A statement was refused; says which, why, and where that leaves the database.

    `number` counts the statements of the file from 1; `statement` is the first line of the one refused;
    `sqlstate` is '' when the connection broke; `left` is read from the catalogue, None when that fails.
    """

    def __init__(self, failed: StatementFailed, left: SchemaStatus | None) -> None:
        self.file = failed.file
        self.number = failed.statement.number
        self.statement = failed.statement.headline
        self.sqlstate = failed.sqlstate
        self.message = failed.message
        self.left = left
        if left is None:
            state, following = "the database cannot be asked what state it is in", "see to the server first"
        else:
            state = f"the database is left in state {left.value}: {DESCRIPTIONS[left]}"
            following = _NEXT.get(left, _NEXT_ELSE)
        super().__init__(f"{failed.describe()}; {state}; {following}")


def migrate(
    dsn: str,
    to: SchemaState,
    runner: Runner = Runner.STATEMENTS,
    on_statement: OnStatement = lambda _: None,
    *,
    with_baseline: bool = False,
) -> MigrationReport:
    """Brings a database forward to a state from where it stands, or finds it there; from an empty one `with_baseline`.

    Raises UsageError when the state is behind or is none to ask for, MigrationError when a statement is
    refused, UnavailableError when the database is of another shape or a build is under way, or when the runner reports
    success and it is not so.
    """
    before = _current_state(dsn, to)
    if before is UnmanagedSchema.EMPTY:
        check_empty(dsn, f"migrate to {to}", plan_store().tables, with_baseline=with_baseline)
    path = path_between(FORWARD, before, to)
    if path is None:
        if before in TARGETS:
            raise UsageError(
                f"migrate to {to}: {where(dsn)} is ahead, in state {before} ({DESCRIPTIONS[before]}); "
                f"going back drops what is ahead: ask for a rollback (--rollback)"
            )
        raise _refusal("migrate", dsn, before, to)
    return _apply_files(dsn, before, to, [step.file for step in path], runner, on_statement)


def rollback(
    dsn: str, to: SchemaState, runner: Runner = Runner.STATEMENTS, on_statement: OnStatement = lambda _: None
) -> MigrationReport:
    """Takes a database back to a state; the column's values go with the column. Or finds it there.

    When the view reads the column, it is first made anew without it. Raises as `migrate` does, and
    UnavailableError when another view reads the column.
    """
    before = _current_state(dsn, to)
    path = path_between(BACKWARD, before, to)
    if path is None:
        if before in (UnmanagedSchema.EMPTY, *TARGETS):
            raise UsageError(
                f"rollback to {to}: {where(dsn)} is not so far, in state {before} ({DESCRIPTIONS[before]}); "
                f"ask for a migration to {to}"
            )
        raise _refusal("rollback", dsn, before, to)
    readers = _readers(dsn) if any(step.leads_to is SchemaState.BASE for step in path) else ()
    others = [view for view in readers if view != plan.VIEW]
    if others:
        raise UnavailableError(
            f"rollback to {to}: {', '.join(others)} reads {plan.COLUMN}, and only {plan.VIEW} is known here; "
            "make it anew without the column, then run this again"
        )
    files = [step.file for step in path]
    return _apply_files(
        dsn, before, to, [VIEW_ROLLBACK_FILE, *files] if readers else files, runner, on_statement
    )


def apply(
    dsn: str,
    scripts: Sequence[Script],
    runner: Runner = Runner.STATEMENTS,
    on_statement: OnStatement = lambda _: None,
) -> tuple[Applied, ...]:
    """Applies any files in order, whatever they do. Raises MigrationError when a statement is refused."""
    try:
        return applied_by(runner, dsn, scripts, on_statement)
    except StatementFailed as failed:
        raise MigrationError(failed, _state_left(dsn)) from failed


def seed(connection: psycopg.Connection[Any], rows: int, text: str = "") -> None:
    """Fills a database fresh from the baseline by a rollout's seed, the plan's where no text is given.

    It makes users, lookups, `rows` pairs of rows; the same every time.
    """
    with connection.transaction():
        connection.execute("SELECT set_config('harness.seed_rows', %s, true)", [str(rows)])
        connection.execute((text or sql_text("seed.sql")).encode())


def _apply_files(
    dsn: str,
    before: SchemaStatus,
    to: SchemaState,
    files: Sequence[str],
    runner: Runner,
    on_statement: OnStatement,
) -> MigrationReport:
    applied = apply(dsn, [Script.ours(file) for file in files], runner, on_statement)
    with connect(dsn) as connection:
        after = catalog.schema_state(connection)
    if after is not to:
        raise UnavailableError(
            f"runner {runner} reports success, but {where(dsn)} is in state {after}, not {to}: "
            f"{DESCRIPTIONS[after]}; somebody else migrates it at the same time, or the runner did nothing"
        )
    return MigrationReport(before, to, DESCRIPTIONS[to], applied)


def _current_state(dsn: str, to: SchemaState) -> SchemaStatus:
    if to not in TARGETS:
        raise UsageError(
            f"state {to} is that of an unfinished build and no target; ask for {', '.join(TARGETS)}"
        )
    with connect(dsn) as connection:
        return catalog.schema_state(connection)


def _state_left(dsn: str) -> SchemaStatus | None:
    try:
        with connect(dsn) as connection:
            return catalog.schema_state(connection)
    except (UnavailableError, psycopg.Error):
        return None


def _readers(dsn: str) -> tuple[str, ...]:
    with connect(dsn) as connection:
        return catalog.readers_of_column(connection, plan.METADATA_TABLE, plan.COLUMN)


def _refusal(action: str, dsn: str, before: SchemaStatus, to: SchemaState) -> UnavailableError:
    reason = DESCRIPTIONS[before]
    if before is UnmanagedSchema.FOREIGN:
        with connect(dsn) as connection:
            found = catalog.differences(connection)
        reason += f" ({'; '.join(found[:3])}{f' and {len(found) - 3} more' if len(found) > 3 else ''})"
    return UnavailableError(
        f"{action} to {to}: {where(dsn)} is in state {before}: {reason}; {_NEXT.get(before, _NEXT_ELSE)}"
    )
