"""The statements that give a column the type text, whatever holds it: taken away before and made again after, at once.

PostgreSQL refuses ALTER TYPE while a view, a rule, a trigger, a policy, a publication, a generated column or a function
with a parsed body names the column (0A000). Source: PostgreSQL, "ALTER TABLE"; `RememberAllDependentForRebuilding`.
"""

from collections.abc import Collection, Sequence

from harness.database.catalog import Connection
from harness.database.effects.model import Target
from harness.database.effects.relation_facts import ColumnFacts
from harness.database.evaluation import identifier
from harness.database.holders import (
    Holder,
    column_holders,
    column_limits,
    unfit_for_text,
    unreadable_views,
)

_TEXT_LIKE = "S"
"""PostgreSQL's category of types of text: what is written for one can be read with another."""


def retype(
    connection: Connection, target: Target, own: ColumnFacts, gone: Collection[str]
) -> tuple[tuple[str, ...], str]:
    """The statements, and what to know of them; none where something holds the column that cannot be made again.

    `own` is the column as it is. `gone` are the subjects of what is dropped before.
    Raises psycopg.Error.
    """
    table, column = target.altered, target.column
    alter = f"ALTER TABLE {identifier(*target.altered)} ALTER COLUMN {identifier(column)} TYPE text;"
    limits = column_limits(connection, table, column)
    if limits.keys:
        return (
            (),
            f"{', '.join(limits.keys)} is partitioned by the column: make a new table and copy the rows",
        )
    if limits.row_users and not own.type.startswith("character varying"):  # that alone rewrites no row
        return (), f"{', '.join(limits.row_users)} holds rows of the table: change that column first"
    free = (f"ALTER TABLE {identifier(*target.altered)} NOT OF;",) if limits.is_of_type else ()
    holders = [holder for holder in column_holders(connection, table, column) if holder.subject not in gone]
    unfit = [
        one
        for one in unfit_for_text(connection, table, column)
        if not _is_gone(one.kind, one.name, one.stands_on, gone)
    ]
    lost = _lost(connection, target, own.category, holders)
    if lost:
        held = ", ".join(dict.fromkeys(holder.subject for holder in holders))
        return (), (
            f"held by {held}, and {', '.join(lost)} cannot be made again as it is: drop these in this order, "
            "change the type, and make them again"
        )
    if not holders and not unfit:
        return (*free, alter), ""
    text = []
    if holders:
        text.append(f"drops and makes again {', '.join(dict.fromkeys(holder.subject for holder in holders))}")
    if unfit:
        text.append(
            f"drops {', '.join(f'{one.kind} {one.name}' for one in unfit)}, which cannot be over text"
        )
    return (
        "BEGIN;",
        *(holder.gone for holder in holders),
        *(f"{one.gone};" for one in unfit),
        *free,
        alter,
        *(statement for holder in reversed(holders) for statement in holder.again),
        "COMMIT;",
    ), "; ".join(text)


def _is_gone(kind: str, name: str, stands_on: str, gone: Collection[str]) -> bool:
    return f"{kind} {name} of {stands_on}" in gone


def _lost(connection: Connection, target: Target, category: str, holders: Sequence[Holder]) -> list[str]:
    """What could not be made again: what has no definition, and what may need the type that the column has now."""
    lost = [holder.subject for holder in holders if not holder.again]
    if category != _TEXT_LIKE:
        lost += [holder.subject for holder in holders if holder.body is None and holder.subject not in lost]
        lost += unreadable_views(connection, target.altered, target.column, holders)
    return list(dict.fromkeys(lost))
