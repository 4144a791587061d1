"""Compares a live database with what a rollout's file declares, and says what would mend each difference.

Reads the catalogue alone, so a role that may read no row will do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, NamedTuple

import psycopg

from harness.database import catalog
from harness.database.declaration import (
    Column,
    DifferenceKind,
    Index,
    column_difference,
    declared_index,
    find,
    index_difference,
)
from harness.database.declared import DeclaredStore, plan_store
from harness.database.effects import facts, relation_facts
from harness.database.effects.model import Effect, in_one_line
from harness.database.evaluation import identifier
from harness.database.index_build import Drop, build_statements, drop_index, make_room
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
        return in_one_line(f"{self.subject}: {self.found}, declared {self.declared}{does}; {todo}{advice}")


def drift(
    connection: psycopg.Connection[Any], effects: Sequence[Effect], declared: DeclaredStore | None = None
) -> tuple[Drift, ...]:
    """Every difference from what is declared, by default by the plan, in the order of mending.

    `effects` are what `database_effects` finds in the same database.
    """
    store = declared or plan_store()
    if not catalog.exists(connection, store.table):
        expected = f"a table with {store.column.describe()}"
        advice = whereabouts(connection, store.table)
        return (Drift(store.table, expected, "there is no such table", (), advice),)
    doubts = tuple(_unsure(connection, store))
    columns = catalog.columns(connection, store.table)
    if not catalog.is_table(connection, store.table):
        # Something stands in the table's place: its columns and indexes are looked at once it is back.
        return (*doubts, *_effect_drift(effects, store))
    place = _place(connection, effects, store)
    return (
        *doubts,
        *_effect_drift(effects, store),
        *_column_drift(columns, place, store),
        *_index_drift(connection, columns, store, alone=not place.is_part),
    )


class _DriftPlace(NamedTuple):
    """What ALTER TABLE has to name: the table, or the uppermost one that it is a part of."""

    written: str
    is_part: bool
    is_of_type: bool
    keys: tuple[str, ...]
    """Primary keys with the column, which nothing that is told takes away."""
    identified: tuple[str, ...]
    """Statements after which no row is identified for replication by the column."""


def _place(
    connection: psycopg.Connection[Any], effects: Sequence[Effect], store: DeclaredStore
) -> _DriftPlace:
    """Where the column is altered, once what the effects advise is done: a part may be none any more."""
    relation = relation_facts.relation(connection, store.table)
    assert relation is not None, "the table exists"
    begin = f"{store.table}, partition of "
    detached = any(effect.differs and effect.subject.startswith(begin) for effect in effects)
    is_part = relation.is_partition and not detached
    names = relation.top if is_part else [store.table]
    gone = {effect.subject for effect in effects if effect.differs and effect.remedy}
    held = facts.not_null_holders(connection, store.table, store.column.name)
    keys = [
        index.name
        for index in held
        if index.is_primary and f"index {index.name} of {index.relation}" not in gone
    ]
    identified = [
        f"ALTER TABLE {identifier(*index.at)} REPLICA IDENTITY {'DEFAULT' if index.has_key else 'FULL'};"
        for index in held
        if not index.is_primary
    ]
    return _DriftPlace(identifier(*names), is_part, relation.is_of_type, tuple(keys), tuple(identified))


def remarks(effects: Sequence[Effect]) -> tuple[str, ...]:
    """A line for each thing that the migration does not make and that harms no value: no difference."""
    return tuple(
        in_one_line(f"{effect.subject}: {effect.found}; {effect.does}")
        for effect in effects
        if not effect.differs
    )


def _unsure(connection: psycopg.Connection[Any], store: DeclaredStore) -> Iterator[Drift]:
    """Why what is found need not be the table that is written, or not as it is now."""
    for obstacle in obstacles(connection, {store.table: ()}):
        if obstacle.ambiguous or obstacle.stale:
            yield Drift(
                store.table,
                "the table that is written",
                obstacle.sentence,
                (),
                otherwise=obstacle.remedy,
            )


def _effect_drift(effects: Sequence[Effect], store: DeclaredStore) -> Iterator[Drift]:
    declared = [f"index {name} of {store.table}" for name in store.indexes]
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


def _column_drift(columns: tuple[Column, ...], place: _DriftPlace, store: DeclaredStore) -> Iterator[Drift]:
    subject = f"{store.table}.{store.column.name}"
    difference = column_difference(columns, store.column)
    if difference is None:
        return
    if difference.kind is DifferenceKind.MISSING:
        free = (_alter(place, "NOT OF"),) if place.is_of_type else ()
        add = _alter(place, f"ADD COLUMN {identifier(store.column.name)} {store.column.type}")
        yield Drift(subject, difference.declared.describe(), difference.describe(), (*free, add), _LOCKS)
    elif difference.found is not None and difference.found.not_null:  # its type and default are effects
        drop = _alter(place, f"ALTER COLUMN {identifier(store.column.name)} DROP NOT NULL")
        yield Drift(
            f"{subject}, nullability",
            "nullable",
            "NOT NULL",
            () if place.keys else (*place.identified, drop),
            f"a primary key holds it: {', '.join(place.keys)}" if place.keys else _LOCKS,
            "refuses NULL",
            otherwise="mend it by hand",
        )


def _index_drift(
    connection: psycopg.Connection[Any], columns: tuple[Column, ...], store: DeclaredStore, *, alone: bool
) -> Iterator[Drift]:
    indexes = catalog.indexes(connection, store.table)
    for name, column in store.indexes.items():
        difference = index_difference(indexes, declared_index(name, column))
        if difference is None:
            continue
        build = build_statements(connection, store.table, name, column)
        subject, declared = f"index {name}", f"btree ({column})"
        if difference.kind is DifferenceKind.MISSING:
            advice = "after the column" if find(columns, column) is None else ""
            missing = _missing_index(indexes, difference.declared, build, advice)
            yield _with_room(missing, make_room(connection, store.table, name))
        elif difference.kind is DifferenceKind.UNFINISHED and catalog.is_being_built(connection, name):
            yield Drift(subject, declared, "it is being built", (), "see recovery/look.sql")
        else:
            # An index that cannot be over text is gone once the column is.
            retyped = any(one.name == column and one.type != store.column.type for one in columns)
            table = (store.table,)
            drop = drop_index(connection, table, name, alone=alone, if_exists=retyped)
            remedy = (*drop.statements, *build) if build and drop.statements else ()
            yield Drift(
                subject,
                declared,
                difference.describe(),
                remedy,
                "; ".join(filter(None, ("see recovery/look.sql first", drop.advice))),
                otherwise=BY_HAND if not build else "mend it by hand",
            )


def _with_room(missing: Drift, room: Drop | None) -> Drift:
    """The same where something else has the name, which has to be given another one before."""
    if room is None:
        return missing
    remedy = (*room.statements, *missing.remedy) if room.statements and missing.remedy else ()
    advice = "; ".join(filter(None, (missing.advice, room.advice)))
    return replace(missing, remedy=remedy, advice=advice, otherwise="mend it by hand")


def _missing_index(indexes: Sequence[Index], declared: Index, build: tuple[str, ...], advice: str) -> Drift:
    """A rename where one equals it but for its name; else it is built, and what comes near is named."""
    subject, words = f"index {declared.name}", f"btree ({declared.columns[0]})"
    alike = [index for index in indexes if _like(index, declared)]
    twin = next((index for index in alike if replace(index, name=declared.name) == declared), None)
    if twin is not None:
        rename = f"ALTER INDEX {identifier(twin.name)} RENAME TO {identifier(declared.name)};"
        return Drift(subject, words, f"it is there as {twin.name}", (rename,), advice)
    found = ["there is no such index", *(f"but {index.describe()}" for index in alike)]
    if alike:
        names = ", ".join(index.name for index in alike)
        advice = "; ".join(filter(None, (advice, f"{names} may go then, if nothing else needs it")))
    return Drift(subject, words, ", ".join(found), build, advice, otherwise=BY_HAND)


BY_HAND = "a foreign table takes no index: build one on its server"
_LOCKS = "under a lock_timeout: SET lock_timeout = '2s';"


_SHAPE = attrgetter("method", "columns", "predicate", "unique")


def _like(index: Index, declared: Index) -> bool:
    """Whether it is of the declared shape, valid or not, under whatever name."""
    return _SHAPE(index) == _SHAPE(declared)


def _alter(place: _DriftPlace, action: str) -> str:
    return f"ALTER TABLE {place.written} {action};"
