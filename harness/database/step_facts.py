"""What the SQL steps of any rollout leave in the catalogue, as their files say it, and how far a database is.

A step is done where all that its file makes is there. A step that changes rows alone leaves nothing that the catalogue
could tell: it is taken for done where a later step is. Statements that are not known here make no fact.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from harness.database import catalog
from harness.database.declaration import find
from harness.database.declared import parts_between_commas
from harness.database.scripts import statements_of
from harness.rollout import Rollout
from harness.rollout.tables import RolloutStep

Connection = psycopg.Connection[Any]


class FactKind(StrEnum):
    """What may be there or not."""

    TABLE = "table"
    COLUMN = "column"
    NOT_NULL = "NOT NULL of"
    CONSTRAINT = "constraint"
    VALIDATED = "validated constraint"
    INDEX = "index"


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


_NAME: Final = r'(?:"[^"]+"|[\w$]+)'
_FOUND: Final = rf"(?:{_NAME}\s*\.\s*)?(?P<name>{_NAME})"
_TABLE: Final = re.compile(
    rf"(?is)^CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_FOUND}\s*[(\s]"
)
_INDEX: Final = re.compile(
    rf"(?is)^CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>{_NAME})\s+ON\b"
)
_DROP: Final = re.compile(
    rf"(?is)^DROP\s+(?P<kind>TABLE|INDEX)\s+(?:CONCURRENTLY\s+)?(?:IF\s+EXISTS\s+)?{_FOUND}"
)
_ALTER: Final = re.compile(
    rf"(?is)^ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{_FOUND}\s*\*?\s+(?P<actions>\S.*?)\s*;?\s*$"
)
_ACTIONS: Final = tuple(
    (re.compile(rf"(?is)^{pattern}"), kind, is_there)
    for pattern, kind, is_there in (
        (rf"ADD\s+CONSTRAINT\s+(?P<name>{_NAME})", FactKind.CONSTRAINT, True),
        (rf"VALIDATE\s+CONSTRAINT\s+(?P<name>{_NAME})", FactKind.VALIDATED, True),
        (rf"DROP\s+CONSTRAINT\s+(?:IF\s+EXISTS\s+)?(?P<name>{_NAME})", FactKind.CONSTRAINT, False),
        (rf"ALTER\s+(?:COLUMN\s+)?(?P<name>{_NAME})\s+SET\s+NOT\s+NULL", FactKind.NOT_NULL, True),
        (rf"ALTER\s+(?:COLUMN\s+)?(?P<name>{_NAME})\s+DROP\s+NOT\s+NULL", FactKind.NOT_NULL, False),
        (rf"DROP\s+(?:COLUMN\s+)?(?:IF\s+EXISTS\s+)?(?P<name>{_NAME})", FactKind.COLUMN, False),
        (r"ADD\s+(?:PRIMARY|UNIQUE|CHECK|FOREIGN|EXCLUDE)\b", None, True),
        (rf"ADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>{_NAME})\s", FactKind.COLUMN, True),
    )
)
"""What an action of ALTER TABLE does; the first that matches counts."""


def facts_of(text: str) -> tuple[Fact, ...]:
    """What the statements of a file leave; of what it makes and takes away again the last alone."""
    found: dict[tuple[FactKind, str, str], Fact] = {}
    for statement in statements_of(text):
        lines = [line for line in statement.text.splitlines() if not line.lstrip().startswith("--")]
        for fact in _of_statement("\n".join(lines).strip()):
            found[_what(fact)] = fact
    return tuple(found.values())


def _what(fact: Fact) -> tuple[FactKind, str, str]:
    return fact.kind, fact.table, fact.name


def _of_statement(code: str) -> Iterator[Fact]:
    if made := _TABLE.match(code):
        yield Fact(FactKind.TABLE, "", _plain(made["name"]))
    elif made := _INDEX.match(code):
        yield Fact(FactKind.INDEX, "", _plain(made["name"]))
    elif gone := _DROP.match(code):
        yield Fact(FactKind(gone["kind"].lower()), "", _plain(gone["name"]), is_there=False)
    elif altered := _ALTER.match(code):
        for action in parts_between_commas(altered["actions"]):
            for pattern, kind, is_there in _ACTIONS:
                if found := pattern.match(action.strip()):
                    if kind is not None:
                        yield Fact(kind, _plain(altered["name"]), _plain(found["name"]), is_there)
                    break


def _plain(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name.lower()


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
    for step in reversed(sql_steps(rollout)):
        every = facts_of(rollout.text(step.up or ""))
        # What a later step that is done has changed again says nothing of this one.
        facts = [fact for fact in every if _what(fact) not in decided]
        later = any(other.progress is Progress.DONE for other in found)
        progress = _progress(connection, step, facts, is_later_done=later)
        found.append(progress)
        if progress.progress is Progress.DONE:
            decided |= {_what(fact) for fact in every}
    return tuple(reversed(found))


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
    if fact.kind in (FactKind.TABLE, FactKind.INDEX):
        return catalog.exists(connection, fact.name)
    if fact.kind in (FactKind.COLUMN, FactKind.NOT_NULL):
        column = find(catalog.columns(connection, fact.table), fact.name)
        return column is not None and (fact.kind is FactKind.COLUMN or column.not_null)
    query = "SELECT convalidated FROM pg_constraint WHERE conrelid = to_regclass(quote_ident(%s)) AND conname = %s"
    rows = _rows(connection, query, fact.table, fact.name)
    return bool(rows) and (fact.kind is FactKind.CONSTRAINT or bool(rows[0][0]))


def _unfinished(connection: Connection, index: str) -> Progress | None:
    """Where an index is there that no query uses; None where it is not there, or is finished."""
    state = "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass(quote_ident(%s))"
    rows = _rows(connection, state, index)
    if not rows or rows[0][0]:
        return None
    building = "SELECT 1 FROM pg_stat_progress_create_index WHERE index_relid = to_regclass(quote_ident(%s))"
    return Progress.BUILDING if _rows(connection, building, index) else Progress.INVALID


def _rows(connection: Connection, query: str, *values: str) -> list[tuple[Any, ...]]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(query.encode(), values).fetchall()
