"""Brings a database forward through the SQL steps of any rollout, or back, from wherever it stands.

Which files lead there the rollout says; whether they did is read from the catalogue afterwards.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from harness.database import catalog
from harness.database.baseline import check_empty
from harness.database.declared import DeclaredStore
from harness.database.runners import OnStatement, Runner, applied_by, connect
from harness.database.scripts import Applied, MigrationReport, Script, StatementFailed
from harness.database.server import where
from harness.database.step_facts import Progress, StepProgress, progress_of, sql_steps
from harness.errors import UnavailableError, UsageError
from harness.rollout import Rollout
from harness.rollout.step_tables import RolloutStep

BASE: Final = "base"
READY: Final = "ready"
EMPTY: Final = "empty"
NAMED_MAX: Final = 3
"""Differences that are named."""


def target_of(rollout: Rollout, to: str) -> int:
    """How many of the SQL steps are to be done; a word that one step's name alone has is as good as the name.

    Raises UsageError for what is none of them.
    """
    names = [step.name for step in sql_steps(rollout)]
    if to == BASE:
        return 0
    if to == READY:
        return len(names)
    meant = [name for name in names if name == to] or [name for name in names if to in name.split()]
    if len(meant) == 1:
        return names.index(meant[0]) + 1
    known = ", ".join((BASE, *names, READY))
    raise UsageError(f"no state {to!r} of rollout {rollout.name}; ask for one of {known}")


def describe_state(steps: Sequence[StepProgress]) -> str:
    """`base`, `ready`, or the steps that are done by their names."""
    done = [each.step.name for each in steps if each.progress is Progress.DONE]
    if len(done) == len(steps):
        return READY
    return ", ".join(done) or BASE


def migrate_steps(
    dsn: str,
    store: DeclaredStore,
    to: str,
    runner: Runner,
    on_statement: OnStatement,
    *,
    with_baseline: bool = False,
) -> MigrationReport:
    """Does the steps up to a state that are not done yet, in the file's order; from an empty database `with_baseline`.

    What changes rows alone is done again each time, until a later step is done: the catalogue does not show it.

    Raises UsageError where the database is ahead, or nothing is known of its baseline; UnavailableError where a step
    is half done, a build is under way, a statement is refused, or a step is not done although nothing was refused.
    """
    rollout, action = store.rollout, f"migrate to {to}"
    target = target_of(rollout, to)
    scripts: list[Script] = []
    with connect(dsn) as connection:
        is_empty = not any(catalog.exists(connection, table) for table in store.tables)
        before = progress_of(connection, rollout)
    if is_empty:
        check_empty(dsn, action, store.tables, with_baseline=with_baseline)
        scripts.append(_baseline(rollout))
    else:
        _check(dsn, action, before, store)
    ahead = [each.step.name for each in before[target:] if each.progress is not Progress.NOT_DONE]
    if ahead and not is_empty:
        raise UsageError(
            f"{action}: {where(dsn)} is ahead, {' and '.join(ahead)} {'is' if len(ahead) == 1 else 'are'} done; going "
            "back drops what is ahead: ask for a rollback (--rollback)"
        )
    for each in before[:target]:
        if each.progress is Progress.INVALID:
            scripts.append(_recovery(rollout, each.step))
        if is_empty or each.progress is not Progress.DONE:
            scripts.append(_script(rollout, each.step.up))
    applied = _apply(dsn, rollout, scripts, runner, on_statement)
    after = tuple(
        each if each.is_seen else replace(each, progress=Progress.DONE if number < target else each.progress)
        for number, each in enumerate(_now(dsn, rollout))
    )
    _check_reached(dsn, action, [each for each in after[:target] if each.progress is not Progress.DONE])
    return _report(EMPTY if is_empty else describe_state(before), after, applied)


def take_back_steps(
    dsn: str, store: DeclaredStore, to: str, runner: Runner, on_statement: OnStatement
) -> MigrationReport:
    """Takes back what is done beyond a state, the last step first. Raises as `migrate_steps` does.

    A step that changed rows alone, and has no file that takes it back, is passed over. Where the column goes that the
    rollout's view reads, the view is made anew without it first; UnavailableError, too, where another one reads it.
    """
    rollout, action = store.rollout, f"rollback to {to}"
    target = target_of(rollout, to)
    before = _now(dsn, rollout)
    _check(dsn, action, before, store)
    behind = [
        each.step.name for each in before[:target] if each.is_seen and each.progress is not Progress.DONE
    ]
    if behind:
        raise UsageError(
            f"{action}: {where(dsn)} is not so far, {behind[0]} is not done; ask for a migration to {to}"
        )
    scripts = _without_readers(dsn, action, store) if _takes_the_column(store, before[target:]) else []
    for each in reversed(before[target:]):
        if each.progress is Progress.INVALID:
            scripts.append(_recovery(rollout, each.step))
        elif each.progress is Progress.DONE and each.step.down is not None:
            scripts.append(_script(rollout, each.step.down))
        elif each.progress is Progress.DONE and not each.step.data:
            raise UsageError(
                f'{action}: step "{each.step.name}" has no file that takes it back; name one by `down`'
            )
    applied = _apply(dsn, rollout, scripts, runner, on_statement)
    after = _now(dsn, rollout)
    left = [each for each in after[target:] if each.progress is not Progress.NOT_DONE]
    _check_reached(dsn, action, [each for each in left if not each.step.data])
    return _report(describe_state(before), after, applied)


def _takes_the_column(store: DeclaredStore, steps: Sequence[StepProgress]) -> bool:
    return any(each.step.up == store.column_file and each.progress is Progress.DONE for each in steps)


def _without_readers(dsn: str, action: str, store: DeclaredStore) -> list[Script]:
    """What lets go of the column that is to be dropped: nothing, or the rollout's view made anew."""
    with connect(dsn) as connection:
        readers = catalog.readers_of_column(connection, store.table, store.column.name)
    view = store.rollout.tables.reference.view
    if others := [reader for reader in readers if reader != store.view]:
        raise UnavailableError(
            f"{action}: {', '.join(others)} reads {store.column.name}, and only {store.view or 'no view'} is known "
            "here; make it anew without the column, then run this again"
        )
    return [_script(store.rollout, view.down)] if readers and view else []


def _report(before: str, after: Sequence[StepProgress], applied: tuple[Applied, ...]) -> MigrationReport:
    description = ", ".join(f"{each.step.name} {each.progress}" for each in after)
    return MigrationReport(before, describe_state(after), description, applied)


def _now(dsn: str, rollout: Rollout) -> tuple[StepProgress, ...]:
    with connect(dsn) as connection:
        return progress_of(connection, rollout)


def _check(dsn: str, action: str, steps: Sequence[StepProgress], store: DeclaredStore) -> None:
    """Raises UnavailableError where nothing can be done from here."""
    with connect(dsn) as connection:
        foreign = catalog.differences(connection, store)
    if foreign:
        more = f" and {len(foreign) - NAMED_MAX} more" if len(foreign) > NAMED_MAX else ""
        raise UnavailableError(
            f"{action}: {where(dsn)} has tables or indexes of the rollout's names in another shape "
            f"({'; '.join(foreign[:NAMED_MAX])}{more}); use a database of its own, or mend the differences"
        )
    for each in steps:
        if each.progress is Progress.BUILDING:
            raise UnavailableError(
                f'{action}: the index of step "{each.step.name}" is being built in {where(dsn)}; wait until the build '
                "has ended, then look again"
            )
        if each.progress is Progress.PARTLY:
            raise UnavailableError(
                f'{action}: step "{each.step.name}" is half done in {where(dsn)}, which lacks {", ".join(each.lacks)}; '
                "mend that first, harness schema --rollout says what differs"
            )


def _check_reached(dsn: str, action: str, not_so: Sequence[StepProgress]) -> None:
    if not_so:
        first = not_so[0]
        raise UnavailableError(
            f'{action}: nothing was refused, but step "{first.step.name}" is {first.progress} in {where(dsn)}; '
            "somebody else migrates it at the same time, or the runner did nothing"
        )


def _baseline(rollout: Rollout) -> Script:
    if rollout.tables.reference.baseline is None:
        raise UsageError(
            f"rollout {rollout.name} does not say what its tables are before it; name the file that makes them by "
            "reference.baseline, or make them first"
        )
    return _script(rollout, rollout.tables.reference.baseline)


def _recovery(rollout: Rollout, step: RolloutStep) -> Script:
    if step.recovery is None:
        raise UsageError(
            f'the index of step "{step.name}" is invalid, and the step has no recovery; drop the index by DROP INDEX '
            "CONCURRENTLY, then this again"
        )
    return _script(rollout, step.recovery)


def _script(rollout: Rollout, name: str | None) -> Script:
    assert name is not None, "a step of SQL has a file"
    return Script(name, rollout.text(name))


def _apply(
    dsn: str, rollout: Rollout, scripts: Sequence[Script], runner: Runner, on_statement: OnStatement
) -> tuple[Applied, ...]:
    """Raises UnavailableError for a statement that is refused; says which, why, and where that leaves the database."""
    try:
        return applied_by(runner, dsn, scripts, on_statement)
    except StatementFailed as failed:
        try:
            left = f"the database is left in state {describe_state(_now(dsn, rollout))}"
        except UnavailableError:
            left = "the database cannot be asked what state it is in"
        raise UnavailableError(
            f"{failed.describe()}; {left}; remove the cause, then this again: it goes on from there"
        ) from failed
