"""All that changes or refuses the values and rows of a run in a database, shown by what it does to sample values.

Looked at are the metadata table and its column, and the usage table and its user: what is done to either costs a row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from harness.database.catalog import Connection
from harness.database.declared import DeclaredStore, plan_store
from harness.database.effects import relation_facts
from harness.database.effects.column import column_effects, with_values_of_type
from harness.database.effects.constraints import constraint_effects, index_effects
from harness.database.effects.model import Effect, Target
from harness.database.effects.policies import policy_effects
from harness.database.effects.relation import parent_effects, relation_effects, rule_effects
from harness.database.effects.triggers import trigger_effects
from harness.database.effects.view import lacking

_VIEWS: Final = "vm"
VIEWS_MAX: Final = 5
"""Views over one another that are looked through."""


def database_effects(
    connection: Connection, values: tuple[str | None, ...], declared: DeclaredStore | None = None
) -> tuple[Effect, ...]:
    """Every effect, in the order in which their remedies are to be sent; none where the migration alone has been.

    `values` are what rows may hold in the column and must be stored as they are; `declared` is by default the plan's.
    Raises psycopg.Error when the catalogue cannot be read.
    """
    store = declared or plan_store()
    main, table, column = store.main, store.table, store.column
    # The tables whose rows count, each with the column that does, and what a run writes there.
    targets = [Target(table, column.name, column.type, values, declared=column.type)]
    if main.user and main.table != table:
        targets.append(Target(main.table, main.user, "text", store.users))
    counted = {target.table: target.column for target in targets}
    return tuple(effect for target in targets for effect in _of_table(connection, target, counted))


def _of_table(
    connection: Connection,
    target: Target,
    counted: Mapping[str, str],
    views_left: int = VIEWS_MAX,
) -> Iterator[Effect]:
    relation = relation_facts.relation(connection, target.table)
    if relation is None:
        return
    columns = relation_facts.column_facts(connection, target.table)
    own = next((column for column in columns if column.name == target.column), None)
    if own is None:
        if relation.kind in "vmf":
            yield lacking(target, relation)
        return
    if relation.kind == "v" and views_left:
        below = replace(target, type=own.type)
        yield from _below(connection, below, relation.bases, counted, views_left - 1)
    parents = tuple(parent_effects(connection, replace(target, type=own.type), relation))
    is_detached = relation.is_partition and any(effect.differs for effect in parents)
    top = () if is_detached else tuple(relation.top)
    target = replace(target, top=top, is_detached=is_detached)
    derived = tuple(
        (column.name, column.expression)
        for column in columns
        if column.generated and column.expression is not None
    )
    target = replace(target, type=own.type, derived=derived)
    tried = with_values_of_type(connection, target)
    before = (
        *parents,
        *rule_effects(connection, tried, relation),
        *trigger_effects(connection, tried, counted),
        *relation_effects(connection, tried, relation),
        *policy_effects(connection, tried),
        *constraint_effects(connection, tried),
        *index_effects(connection, tried),
    )
    yield from before
    gone = frozenset(effect.subject for effect in before if effect.differs and effect.remedy)
    for effect in column_effects(connection, target, columns, gone):
        # What a view's columns are goes with it: those of the table are told once it is in its place.
        yield (
            effect if relation.kind not in _VIEWS else replace(effect, remedy=(), advice="goes with the view")
        )


def _below(
    connection: Connection,
    target: Target,
    bases: Sequence[str],
    counted: Mapping[str, str],
    views_left: int,
) -> Iterator[Effect]:
    """The effects of what a view reads, first: once the view is gone what it reads has another name."""
    for base in bases:
        if "." in base:
            continue  # one in another schema is not found by its name alone
        name = base[1:-1].replace('""', '"') if base[0] == '"' else base
        for effect in _of_table(connection, replace(target, table=name), counted, views_left):
            is_view = effect.subject == name and effect.declared == "a table"
            yield replace(effect, remedy=(), advice="once the view over it is gone") if is_view else effect
