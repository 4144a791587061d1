"""What the SQL steps of any rollout leave in the catalogue, as their files say it, and how far a database is.

A step is done where all that its file makes is there. A step that changes rows alone leaves nothing that the catalogue
could tell: it is taken for done where a later step is. Statements that are not known here make no fact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import psycopg

from harness.database import catalog
from harness.database.declaration import find
from harness.database.rows import all_rows
from harness.database.scripts import statements_of
from harness.database.sql_statement import SqlStatement, plain_name, read_statement
from harness.rollout import Rollout
from harness.rollout.step_tables import RolloutStep

Connection = psycopg.Connection[Any]


class FactKind(StrEnum):
    """What may be there or not."""

    TABLE = "table"
    COLUMN = "column"
    NOT_NULL = "NOT NULL of"
    CONSTRAINT = "constraint"
    VALIDATED = "validated constraint"
    INDEX = "index"
    VIEW = "view"
    FUNCTION = "function"
    PROCEDURE = "procedure"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is there, or is gone, once a step is done. `table` is empty where the name alone finds it."""

    kind: FactKind
    table: str
    name: str
    is_there: bool = True

    def describe(self) -> str:
        """In a few words."""
        name = f"{self.table}.{self.name}" if self.table else self.name
        return f"{self.kind} {name}" if self.is_there else f"no {self.kind} {name}"


class Progress(StrEnum):
    """How far a step is in a database."""

    NOT_DONE = "not done"
    PARTLY = "partly done"
    BUILDING = "being built"
    INVALID = "invalid"
    DONE = "done"


_MADE: Final = {f"CREATE {kind.upper()}": kind for kind in FactKind if " " not in kind}
_GONE: Final = {f"DROP {kind.upper()}": kind for kind in _MADE.values()}
_ACTIONS: Final = {
    ("ADD CONSTRAINT", ""): (FactKind.CONSTRAINT, True),
    ("VALIDATE CONSTRAINT", ""): (FactKind.VALIDATED, True),
    ("DROP CONSTRAINT", ""): (FactKind.CONSTRAINT, False),
    ("ALTER COLUMN", "SET NOT NULL"): (FactKind.NOT_NULL, True),
    ("ALTER COLUMN", "DROP NOT NULL"): (FactKind.NOT_NULL, False),
    ("ADD COLUMN", ""): (FactKind.COLUMN, True),
    ("DROP COLUMN", ""): (FactKind.COLUMN, False),
}
"""What an action of ALTER TABLE does, by its verb and, of a column that is altered, by what follows its name."""
_FUNCTION: Final = "SELECT 1 FROM pg_proc WHERE proname = %s AND pg_function_is_visible(oid)"
_CONSTRAINT: Final = (
    "SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass(quote_ident(%s)) AND conname = %s"
)
_QUERIES: Final = {
    FactKind.FUNCTION: _FUNCTION,
    FactKind.PROCEDURE: _FUNCTION,
    FactKind.TRIGGER: "SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass(quote_ident(%s)) AND tgname = %s",
    FactKind.CONSTRAINT: _CONSTRAINT,
    FactKind.VALIDATED: f"{_CONSTRAINT} AND convalidated",
}


def facts_of(text: str) -> tuple[Fact, ...]:
    """What the statements of a file leave; of what it makes and takes away again the last alone."""
    found: dict[tuple[FactKind, str, str], Fact] = {}
    for statement in statements_of(text):
        for fact in _of_statement(read_statement(statement.text)):
            found[_what(fact)] = fact
    return tuple(found.values())


def _what(fact: Fact) -> tuple[FactKind, str, str]:
    return fact.kind, fact.table, fact.name


def _of_statement(statement: SqlStatement) -> Iterator[Fact]:
    if statement.words & {"REPLACE", "TEMP", "TEMPORARY"}:
        return  # what is replaced has the name, too; a temporary one is gone with the session
    if kind := _MADE.get(statement.command) or _GONE.get(statement.command):
        table = plain_name(statement.table) if kind is FactKind.TRIGGER else ""
        for name in filter(None, statement.names):
            yield Fact(kind, table, plain_name(name), statement.command in _MADE)
    for action in statement.actions:
        change = action.rest.upper() if action.verb == "ALTER COLUMN" else ""
        kind, is_there = _ACTIONS.get((action.verb, change), (None, True))
        if kind and action.name:
            yield Fact(kind, plain_name(statement.table), plain_name(action.name), is_there)


@dataclass(frozen=True, slots=True)
class StepProgress:
    """A SQL step of a rollout and how far it is."""

    step: RolloutStep
    progress: Progress
    lacks: tuple[str, ...] = ()
    """Of one that is partly done: what is not as it leaves it."""
    is_seen: bool = True
    """Whether the catalogue shows it; else it counts as done where a later step is."""


def sql_steps(rollout: Rollout) -> tuple[RolloutStep, ...]:
    """The SQL steps in the file's order, which is a legal one."""
    return tuple(step for step in rollout.tables.step if step.up is not None)


def progress_of(connection: Connection, rollout: Rollout) -> tuple[StepProgress, ...]:
    """How far each SQL step is, by the catalogue alone, in the file's order."""
    found: list[StepProgress] = []
    decided: set[tuple[FactKind, str, str]] = set()
    for step, every in reversed(tuple(_steps_with_facts(rollout))):
        # What a later step that is done has changed again says nothing of this one.
        facts = [fact for fact in every if _what(fact) not in decided]
        later = any(other.progress is Progress.DONE for other in found)
        progress = _progress(connection, step, facts, is_later_done=later)
        found.append(progress)
        if progress.progress is Progress.DONE:
            decided |= {_what(fact) for fact in every}
    return tuple(reversed(found))


def _steps_with_facts(rollout: Rollout) -> Iterator[tuple[RolloutStep, tuple[Fact, ...]]]:
    """Each SQL step with what it leaves, but for what was so before it: a view that is made anew, say."""
    baseline = rollout.tables.reference.baseline
    known = {_what(fact): fact for fact in facts_of(rollout.text(baseline))} if baseline else {}
    for step in sql_steps(rollout):
        facts = {_what(fact): fact for fact in facts_of(rollout.text(step.up or ""))}
        yield step, tuple(fact for what, fact in facts.items() if known.get(what) != fact)
        known |= facts


def _progress(
    connection: Connection, step: RolloutStep, facts: Sequence[Fact], *, is_later_done: bool
) -> StepProgress:
    if not facts:
        return StepProgress(step, Progress.DONE if is_later_done else Progress.NOT_DONE, is_seen=False)
    for fact in facts:
        if (
            fact.kind is FactKind.INDEX
            and fact.is_there
            and (unfinished := _unfinished(connection, fact.name))
        ):
            return StepProgress(step, unfinished)
    lacking = [fact for fact in facts if _holds(connection, fact) is not fact.is_there]
    if not lacking:
        return StepProgress(step, Progress.DONE)
    if len(lacking) == len(facts):
        return StepProgress(step, Progress.NOT_DONE)
    return StepProgress(step, Progress.PARTLY, tuple(fact.describe() for fact in lacking))


def _holds(connection: Connection, fact: Fact) -> bool:
    if fact.kind in (FactKind.TABLE, FactKind.INDEX, FactKind.VIEW):
        return catalog.exists(connection, fact.name)
    if fact.kind in (FactKind.COLUMN, FactKind.NOT_NULL):
        column = find(catalog.columns(connection, fact.table), fact.name)
        return column is not None and (fact.kind is FactKind.COLUMN or column.not_null)
    return bool(all_rows(connection, _QUERIES[fact.kind], list(filter(None, (fact.table, fact.name)))))


def _unfinished(connection: Connection, index: str) -> Progress | None:
    """Where an index is there that no query uses; None where it is not there, or is finished."""
    state = "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass(quote_ident(%s))"
    rows = all_rows(connection, state, [index])
    if not rows or rows[0][0]:
        return None
    return Progress.BUILDING if catalog.is_being_built(connection, index) else Progress.INVALID
