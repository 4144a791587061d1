"""All that changes or refuses the values and rows of a run in a database, shown by what it does to sample values.

Looked at are the metadata table and its column, and the usage table and its user: what is done to either costs a row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness import plan
from harness.database.catalog import Connection
from harness.database.effects import facts
from harness.database.effects.column import column_effects, with_values_of_type
from harness.database.effects.constraints import constraint_effects, index_effects
from harness.database.effects.model import Effect, Target
from harness.database.effects.policies import policy_effects
from harness.database.effects.relation import relation_effects, rule_effects
from harness.database.effects.triggers import trigger_effects
from harness.database.effects.view import lacking

USER_COLUMN: Final = "kilo_user_id"
USERS: Final = ("192.0.2.1", "2001:db8:2:0::16", "::ffff:127.0.0.1", "203.0.113.77")
"""Addresses that make the ids of anonymous users."""

_COUNTED: Final = {plan.METADATA_TABLE: plan.COLUMN, plan.USAGE_TABLE: USER_COLUMN}
"""The tables whose rows count, each with the column that does."""
VIEWS_MAX: Final = 5
"""Views over one another that are looked through."""


def database_effects(connection: Connection, values: tuple[str | None, ...]) -> tuple[Effect, ...]:
    """Every effect, in the order in which their remedies are to be sent; none where the migration alone has been.

    `values` are what rows may hold in the column and must be stored as they are.
    Raises psycopg.Error when the catalogue cannot be read.
    """
    users = tuple(f"{plan.ANONYMOUS_PREFIX}{address}" for address in USERS)
    return (
        *_of_table(connection, Target(plan.METADATA_TABLE, plan.COLUMN, "text", values)),
        *_of_table(connection, Target(plan.USAGE_TABLE, USER_COLUMN, "text", users)),
    )


def _of_table(connection: Connection, target: Target, views_left: int = VIEWS_MAX) -> Iterator[Effect]:
    relation = facts.relation(connection, target.table)
    if relation is None:
        return
    columns = facts.column_facts(connection, target.table)
    own = next((column for column in columns if column.name == target.column), None)
    if own is None:
        if relation.kind in "vmf":
            yield lacking(target, relation)
        return
    if relation.kind == "v" and views_left:
        yield from _below(connection, replace(target, type=own.type), relation.bases, views_left - 1)
    derived = tuple(
        (column.name, column.expression)
        for column in columns
        if column.generated and column.expression is not None
    )
    target = replace(target, type=own.type, derived=derived)
    tried = with_values_of_type(connection, target)
    yield from rule_effects(connection, tried, relation)
    yield from trigger_effects(connection, tried, _COUNTED)
    yield from relation_effects(connection, tried, relation)
    yield from policy_effects(connection, tried)
    yield from constraint_effects(connection, tried)
    yield from index_effects(connection, tried)
    yield from column_effects(connection, target, columns)


def _below(connection: Connection, target: Target, bases: Sequence[str], views_left: int) -> Iterator[Effect]:
    """The effects of what a view reads, first: once the view is gone what it reads has another name."""
    for base in bases:
        if "." in base:
            continue  # one in another schema is not found by its name alone
        name = base[1:-1].replace('""', '"') if base[0] == '"' else base
        for effect in _of_table(connection, replace(target, table=name), views_left):
            is_view = effect.subject == name and effect.declared == "a table"
            yield replace(effect, remedy=(), advice="once the view over it is gone") if is_view else effect
