"""What a view in a table's place does to values: it is given made-up rows instead of its table, and read."""

from typing import Final

import psycopg
from psycopg import sql

from harness.database.catalog import Connection
from harness.database.effects import facts, relation_facts
from harness.database.effects.model import Certainty, Effect, Target, describe_outcomes, harms, one_line
from harness.database.effects.relation_facts import ColumnFacts, RelationFacts
from harness.database.evaluation import identifier, open_reason, selected
from harness.database.value_outcome import ValueOutcome

_INSERT: Final = "3"
_VIEWS: Final = {"v": "VIEW", "m": "MATERIALIZED VIEW"}
_MARKERS: Final = ("message_id", "project_id")
"""A column of text in which a made-up row has its number, so that it is known again."""


def lacking(target: Target, relation: RelationFacts) -> Effect:
    """The effect of a view or a foreign table in the table's place that has no such column."""
    found = "a foreign table" if relation.kind == "f" else f"a view: {one_line(relation.view or '')}"
    does = f"has no column {target.column}, so that every INSERT of it is refused (42703)"
    remedy, advice = _put_back(target, relation)
    return Effect(
        target.table, found, does, Certainty.CERTAIN, remedy, advice, declared="a table", on_column=True
    )


def view_effect(connection: Connection, target: Target, relation: RelationFacts, text: str) -> Effect:
    """The effect of a view; its remedy puts the table back where the view reads one table alone."""
    does, certainty = _shown(connection, target, relation, text)
    instead = any(
        trigger.fires and trigger.has(facts.INSTEAD) and trigger.has(facts.INSERT)
        for trigger in facts.triggers(connection, target.table)
    ) or any(rule.event == _INSERT and rule.instead for rule in facts.rules(connection, target.table))
    if not instead and not relation.insertable:
        does, certainty = f"takes no INSERT; {does}", Certainty.CERTAIN
    elif not instead and target.column in relation.unwritable:
        does, certainty = (
            f"takes no value for {target.column}, which is an expression in it",
            Certainty.CERTAIN,
        )
    remedy, advice = _put_back(target, relation)
    return Effect(
        target.table,
        f"a view: {one_line(text)}",
        does,
        certainty,
        remedy,
        advice,
        declared="a table",
        on_column=True,
    )


def _put_back(target: Target, relation: RelationFacts) -> tuple[tuple[str, ...], str]:
    """Statements that put the table in its place again, where a view reads one alone; and what to do otherwise."""
    table = identifier(target.table)
    readers = f"{', '.join(relation.readers)} needs it"
    if len(relation.bases) != 1 or "." in relation.bases[0] or relation.kind not in _VIEWS:
        held = f"; {readers}" if relation.readers else ""
        return (
            (),
            f"put the table in its place by hand: it reads {', '.join(relation.bases) or 'no table'}{held}",
        )
    kind, base = _VIEWS[relation.kind], f"ALTER TABLE {relation.bases[0]} RENAME TO {table};"
    if not relation.readers:
        return (f"DROP {kind} {table};", base), ""
    aside = f"ALTER {kind} {table} RENAME TO {identifier(relation.free_name)};"
    return (aside, base), f"{readers}, and reads on under the new name"


def _shown(
    connection: Connection, target: Target, relation: RelationFacts, text: str
) -> tuple[str, Certainty]:
    """What a view shows of rows with the values, found by giving it made-up rows in place of its table."""
    by_hand = f"shows {', '.join(relation.bases) or 'rows of its own'} as its definition says", Certainty.OPEN
    if len(relation.bases) != 1 or "." in relation.bases[0]:
        return by_hand
    base = relation.bases[0]
    name = base[1:-1].replace('""', '"') if base.startswith('"') else base
    columns = relation_facts.column_facts(connection, name)
    names = [column.name for column in columns]
    marker = next((name for name in _MARKERS if name in names), None)
    if target.column not in names or marker is None:
        return by_hand
    rows = ", ".join(f"({_literal(value)}, {number})" for number, value in enumerate(target.values))
    made = ", ".join(_made_up(column, target, marker) for column in columns)
    # A name in WITH comes before a table of that name.
    head = f"WITH {base} AS (SELECT {made} FROM (VALUES {rows}) AS made_up (sample, number))"  # noqa: S608
    body = text.strip().rstrip(";")
    column = identifier(target.column)
    try:
        found = selected(
            connection,
            f"{head} SELECT shown.{marker}, shown.{column}::text FROM ({body}) AS shown",  # noqa: S608
        )
    except psycopg.Error as error:
        reason = open_reason(error) or error
        return f"cannot be tried: {one_line(str(reason), 80)}", Certainty.OPEN
    there = dict(found)
    outcomes = [
        ValueOutcome(value, there.get(str(number)), "" if str(number) in there else "not shown")
        for number, value in enumerate(target.values)
    ]
    if not there:
        return (
            "shows no row that has nothing but a value; its conditions are on other columns",
            Certainty.OPEN,
        )
    certainty = Certainty.CERTAIN if harms(outcomes) else Certainty.NONE
    return describe_outcomes(outcomes, verb="does not show"), certainty


def _made_up(column: ColumnFacts, target: Target, marker: str) -> str:
    name = identifier(column.name)
    if column.name == target.column:
        return f"sample::{column.type} AS {name}"
    if column.name == marker:
        return f"number::text AS {name}"
    known = {"id": "gen_random_uuid()", "created_at": "now()"}.get(column.name, "NULL")
    return f"{known}::{column.type} AS {name}"


def _literal(value: str | None) -> str:
    return "NULL" if value is None else sql.Literal(value).as_string()
