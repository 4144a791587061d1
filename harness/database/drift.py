"""Compares a live database with what the plan's schema.ts declares, and says what would mend each difference.

Reads the catalogue alone, so a role that may read no row will do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import sql

from harness import plan
from harness.database import catalog
from harness.database.declaration import (
    EXPECTED_COLUMN,
    Column,
    DifferenceKind,
    Index,
    column_difference,
    declared_index,
    find,
    index_difference,
)
from harness.database.effects.model import Effect
from harness.database.index_build import build_statements, drop_statement
from harness.database.schema_state import SchemaState
from harness.database.visibility import obstacles, whereabouts


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference: what is declared, what is there, and the statements that mend it, each by itself."""

    subject: str
    declared: str
    found: str
    remedy: tuple[str, ...]
    """To be sent outside a transaction; empty when the thing to do is to wait."""
    advice: str = ""
    does: str = ""
    """What it does to the values and rows of a run."""
    otherwise: str = "wait"
    """What to do where no statement mends it."""

    @property
    def line(self) -> str:
        """All of it in one line."""
        todo = " ".join(self.remedy) or self.otherwise
        does = f"; {self.does}" if self.does else ""
        advice = f" -- {self.advice}" if self.advice else ""
        return f"{self.subject}: {self.found}, declared {self.declared}{does}; {todo}{advice}"


def drift(connection: psycopg.Connection[Any], effects: Sequence[Effect]) -> tuple[Drift, ...]:
    """Every difference from what is declared, in the order of mending; none when there is none.

    `effects` are what `database_effects` finds in the same database.
    """
    if not catalog.exists(connection, plan.METADATA_TABLE):
        declared = f"a table with {EXPECTED_COLUMN.describe()}"
        advice = whereabouts(connection, plan.METADATA_TABLE)
        return (Drift(plan.METADATA_TABLE, declared, "there is no such table", (), advice),)
    doubts = tuple(_doubts(connection))
    columns = catalog.columns(connection, plan.METADATA_TABLE)
    if not catalog.is_table(connection, plan.METADATA_TABLE):
        # Something stands in the table's place: its columns and indexes are looked at once it is back.
        return (*doubts, *_effect_drift(effects))
    return (*doubts, *_effect_drift(effects), *_column_drift(columns), *_index_drift(connection, columns))


def remarks(effects: Sequence[Effect]) -> tuple[str, ...]:
    """A line for each thing that the migration does not make and that harms no value: no difference."""
    return tuple(
        f"{effect.subject}: {effect.found}; {effect.does}" for effect in effects if not effect.differs
    )


def _doubts(connection: psycopg.Connection[Any]) -> Iterator[Drift]:
    """Why what is found need not be the table that is written, or not as it is now."""
    for obstacle in obstacles(connection, {plan.METADATA_TABLE: ()}):
        if obstacle.ambiguous or obstacle.stale:
            yield Drift(
                plan.METADATA_TABLE,
                "the table that is written",
                obstacle.sentence,
                (),
                otherwise=obstacle.remedy,
            )


def _effect_drift(effects: Sequence[Effect]) -> Iterator[Drift]:
    declared = [f"index {name} of {plan.METADATA_TABLE}" for name, _ in plan.DECLARED_INDEXES]
    for effect in effects:
        if effect.differs and effect.subject not in declared:  # these are compared with their declaration
            yield Drift(
                effect.subject,
                effect.declared,
                effect.found,
                effect.remedy,
                effect.advice,
                effect.does,
                otherwise="mend it by hand",
            )


def _column_drift(columns: tuple[Column, ...]) -> Iterator[Drift]:
    subject = f"{plan.METADATA_TABLE}.{plan.COLUMN}"
    difference = column_difference(columns)
    if difference is None:
        return
    if difference.kind is DifferenceKind.MISSING:
        remedy = (_alter("ADD COLUMN {column} text"),)
        yield Drift(subject, difference.declared.describe(), difference.describe(), remedy, _LOCKS)
    elif difference.found is not None and difference.found.not_null:  # its type and default are effects
        remedy = (_alter("ALTER COLUMN {column} DROP NOT NULL"),)
        yield Drift(f"{subject}, nullability", "nullable", "NOT NULL", remedy, _LOCKS, "refuses NULL")


def _index_drift(connection: psycopg.Connection[Any], columns: tuple[Column, ...]) -> Iterator[Drift]:
    indexes = catalog.indexes(connection, plan.METADATA_TABLE)
    for name, column in plan.DECLARED_INDEXES:
        difference = index_difference(indexes, declared_index(name, column))
        if difference is None:
            continue
        build = build_statements(connection, plan.METADATA_TABLE, name, column)
        subject, declared = f"index {name}", f"btree ({column})"
        if difference.kind is DifferenceKind.MISSING:
            advice = "after the column" if find(columns, column) is None else ""
            yield _missing_index(indexes, difference.declared, build, advice)
        elif (
            difference.kind is DifferenceKind.UNFINISHED
            and catalog.schema_state(connection) is SchemaState.BUILDING
        ):
            yield Drift(subject, declared, "it is being built", (), "see sql/recovery/look.sql")
        else:
            drop = drop_statement(connection, plan.METADATA_TABLE, name)
            remedy = (drop, *build) if build else ()
            yield Drift(
                subject,
                declared,
                difference.describe(),
                remedy,
                "see sql/recovery/look.sql first",
                otherwise=BY_HAND,
            )


def _missing_index(indexes: Sequence[Index], declared: Index, build: tuple[str, ...], advice: str) -> Drift:
    """A rename where one equals it but for its name; else it is built, and what comes near is named."""
    subject, words = f"index {declared.name}", f"btree ({declared.columns[0]})"
    alike = [index for index in indexes if _like(index, declared)]
    twin = next((index for index in alike if replace(index, name=declared.name) == declared), None)
    if twin is not None:
        rename = sql.SQL("ALTER INDEX {} RENAME TO {};").format(
            *map(sql.Identifier, (twin.name, declared.name))
        )
        return Drift(subject, words, f"it is there as {twin.name}", (rename.as_string(),), advice)
    found = ["there is no such index", *(f"but {index.describe()}" for index in alike)]
    if alike:
        names = ", ".join(index.name for index in alike)
        advice = "; ".join(filter(None, (advice, f"drop {names} concurrently, if nothing else needs it")))
    return Drift(subject, words, ", ".join(found), build, advice, otherwise=BY_HAND)


BY_HAND = "a foreign table takes no index: build one on its server"
_LOCKS = "under a lock_timeout: SET lock_timeout = '2s';"


def _like(index: Index, declared: Index) -> bool:
    """Whether it is of the declared shape, valid or not, under whatever name."""
    return (index.method, index.columns, index.predicate, index.unique) == (
        declared.method,
        declared.columns,
        declared.predicate,
        declared.unique,
    )


def _alter(action: str) -> str:
    table, column = sql.Identifier(plan.METADATA_TABLE), sql.Identifier(plan.COLUMN)
    return sql.SQL(f"ALTER TABLE {{table}} {action};").format(table=table, column=column).as_string()
