"""What the type of a column, its default or its expression do to values."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

import psycopg
from psycopg import sql

from harness.database.catalog import Connection
from harness.database.effects.model import Certainty, Effect, Target, describe_outcomes, harms, one_line
from harness.database.effects.relation_facts import ColumnFacts
from harness.database.effects.retype import retype
from harness.database.evaluation import DEPENDS, OpenError, evaluated, identifier, selected, typed
from harness.database.value_outcome import ValueOutcome

TOO_LONG: Final = "too long for the type"
_LOCKS: Final = "under a lock_timeout: SET lock_timeout = '2s';"


def column_effects(
    connection: Connection, target: Target, columns: tuple[ColumnFacts, ...], gone: Collection[str]
) -> Iterator[Effect]:
    """The effects of the column itself, then of columns that are generated from it.

    `gone` are the subjects of what has been told before with what takes it away.
    """
    own = next((column for column in columns if column.name == target.column), None)
    if own is not None:
        # What makes its values by itself goes first: an identity allows no other type.
        yield from _identity_effects(target, own)
        yield from _default_effects(connection, target, own)
        yield from _type_effects(connection, target, own, gone)
        yield from _collation_effects(target, own)
    for column in columns:
        if column.generated and column.name != target.column:
            yield from _derived_effects(connection, target, column)


def outcomes_of_type(connection: Connection, target: Target) -> tuple[ValueOutcome, ...]:
    """Each value as the column's type takes it. Raises OpenError."""
    outcomes = typed(connection, target.type, target.values)
    if not any(map(_is_cut, outcomes)) or not _is_bounded(connection, target.type):
        return outcomes
    return tuple(
        ValueOutcome(outcome.value, None, TOO_LONG) if _is_cut(outcome) else outcome for outcome in outcomes
    )


def with_values_of_type(connection: Connection, target: Target) -> Target:
    """The target with those of its values that its type leaves as they are."""
    try:
        kept = [outcome.value for outcome in outcomes_of_type(connection, target) if not harms([outcome])]
    except OpenError:
        kept = []
    return replace(target, values=tuple(kept))


def _is_bounded(connection: Connection, type_: str) -> bool:
    """Whether it is a type of texts or bits: a cast to it cuts what an INSERT refuses.

    Another one is written shorter, as `true` of boolean is. The type `name` alone cuts on INSERT, too.
    """
    named = sql.Literal(type_).as_string()
    category = f"SELECT typcategory IN ('S', 'V') FROM pg_type WHERE oid = to_regtype({named})"  # noqa: S608
    return type_ != "name" and selected(connection, category) == [(True,)]


def _is_cut(outcome: ValueOutcome) -> bool:
    value, result = outcome.value or "", outcome.result or ""
    return bool(result) and len(result) < len(value) and value.startswith(result)


def _identity_effects(target: Target, own: ColumnFacts) -> Iterator[Effect]:
    """A column that numbers rows; its NOT NULL is told apart."""
    if not own.identity:
        return
    always = own.identity == "a"
    yield Effect(
        f"{target.table}.{target.column}, identity",
        f"GENERATED {'ALWAYS' if always else 'BY DEFAULT'} AS IDENTITY",
        f"gives a number where NULL belongs{' and refuses every INSERT that gives a value (428C9)' if always else ''}",
        Certainty.CERTAIN,
        (_alter(target, f"ALTER COLUMN {identifier(target.column)} DROP IDENTITY"),),
        _LOCKS,
        declared="no identity",
        on_column=True,
    )


def _type_effects(
    connection: Connection, target: Target, own: ColumnFacts, gone: Collection[str]
) -> Iterator[Effect]:
    if own.type == target.declared:
        return
    subject = f"{target.table}.{target.column}, type"
    remedy, told_of = retype(connection, target, own, gone)
    rewrites = bool(remedy) and not own.type.startswith("character varying")
    advice = "; ".join(
        filter(None, (told_of, "rewrites the table and locks it meanwhile" if rewrites else ""))
    )
    try:
        outcomes = outcomes_of_type(connection, target)
    except OpenError as error:
        does, certainty = f"cannot be tried: {error}", Certainty.OPEN
    else:
        does, certainty = (
            describe_outcomes(outcomes),
            Certainty.CERTAIN if harms(outcomes) else Certainty.NONE,
        )
    if own.expression is None and own.type_kind == "d" and own.type_default is not None:
        does += f"; the type has a default, {one_line(own.type_default)}, for rows that leave the column out"
        certainty = Certainty.CERTAIN
    yield Effect(subject, own.type, does, certainty, remedy, advice, declared=target.declared, on_column=True)


def _default_effects(connection: Connection, target: Target, own: ColumnFacts) -> Iterator[Effect]:
    if own.expression is None:
        return
    column = identifier(target.column)
    if own.generated:
        virtual = own.generated == "v"
        actions = (
            (f"DROP COLUMN {column}", f"ADD COLUMN {column} {target.declared}")
            if virtual
            else (f"ALTER COLUMN {column} DROP EXPRESSION",)
        )
        found = f"GENERATED ALWAYS AS ({one_line(own.expression)})"
        does = "refuses every INSERT that gives a value (428C9)"
        yield Effect(
            f"{target.table}.{target.column}, default",
            found,
            does,
            Certainty.CERTAIN,
            tuple(_alter(target, action) for action in actions),
            _LOCKS,
            declared="no default",
            on_column=True,
        )
        return
    value, certainty = _default(connection, own.expression), Certainty.CERTAIN
    if value == "NULL":
        certainty = Certainty.NONE
    yield Effect(
        f"{target.table}.{target.column}, default",
        f"default {one_line(own.expression)}",
        f"gives {value} where NULL belongs to rows that leave the column out",
        certainty,
        (_alter(target, f"ALTER COLUMN {column} DROP DEFAULT"),),
        _LOCKS,
        declared="no default",
        on_column=True,
    )


def _collation_effects(target: Target, own: ColumnFacts) -> Iterator[Effect]:
    if not own.deterministic:
        yield Effect(
            f"{target.table}.{target.column}, collation",
            f"COLLATE {own.collation}, which is not deterministic",
            "stores values as they are, and takes some that differ for equal: a look-up by one may find another's rows",
            Certainty.NONE,
        )


def _default(connection: Connection, expression: str) -> str:
    try:
        value = selected(connection, f"SELECT ({expression})::text")[0][0]
    except psycopg.Error:
        return "a value of its own"
    return "NULL" if value is None else f"'{one_line(str(value), 40)}'"


def _derived_effects(connection: Connection, target: Target, column: ColumnFacts) -> Iterator[Effect]:
    """A column generated from the one that matters refuses what its expression fails on."""
    assert column.expression is not None
    try:
        outcomes = evaluated(connection, column.expression, target.column, target.type, target.values)
        # What the column's own type refuses is not in the expression, as PostgreSQL prints it.
        made = replace(target, type=column.type, values=tuple(outcome.result for outcome in outcomes))
        fits = outcomes_of_type(connection, made)
    except OpenError as error:
        if error.sqlstate == DEPENDS:
            return
        outcomes = fits = ()
    refused = [
        ValueOutcome(outcome.value, outcome.value, outcome.refused or fit.refused or _missing(column, fit))
        for outcome, fit in zip(outcomes, fits, strict=True)
    ]
    if harms(refused):
        # A virtual one is made when it is read, so that the row is written and its reader fails.
        virtual = column.generated == "v"
        name = identifier(column.name)
        actions: tuple[str, ...] = (f"DROP COLUMN {name}",)
        advice = _LOCKS
        if column.is_held:
            # What depends on it stays, and reads a column that is filled no more.
            actions = (f"ALTER COLUMN {name} DROP EXPRESSION", f"ALTER COLUMN {name} DROP NOT NULL")
            advice = "something depends on the column, which stays and is filled no more"
            if virtual:
                actions, advice = (), "something depends on the column: drop that first, then the column"
        yield Effect(
            f"{target.table}.{column.name}",
            f"GENERATED ALWAYS AS ({one_line(column.expression)})",
            describe_outcomes(refused, verb="cannot be read for" if virtual else "refuses"),
            Certainty.OPEN if virtual else Certainty.CERTAIN,
            tuple(_alter(target, action) for action in actions),
            advice,
            declared="no such column",
        )


def _missing(column: ColumnFacts, made: ValueOutcome) -> str:
    return f"{column.name} is made NULL and may not be" if column.not_null and made.result is None else ""


def _alter(target: Target, action: str) -> str:
    return f"ALTER TABLE {identifier(*target.altered)} {action};"
