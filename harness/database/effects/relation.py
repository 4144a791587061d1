"""What takes a table's rows elsewhere or not at all: rules, partitions, inheritance."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import psycopg

from harness.database.catalog import Connection
from harness.database.effects import facts
from harness.database.effects.facts import RewriteRule
from harness.database.effects.model import Certainty, Effect, Target, describe_outcomes, harms, one_line
from harness.database.effects.relation_facts import RelationFacts
from harness.database.effects.view import view_effect
from harness.database.evaluation import (
    DEPENDS,
    OpenError,
    evaluated,
    identifier,
    open_reason,
    selected,
)
from harness.database.value_outcome import ValueOutcome

AHEAD: Final = ("0 days", "2 days", "40 days")
"""Ages at which a row of the run, or of the weeks after it, must still be taken by some partition."""
IDS: Final = 64
_UPDATE, _DELETE = "2", "4"


def relation_effects(connection: Connection, target: Target, relation: RelationFacts) -> Iterator[Effect]:
    """The effects of what the name stands for: none for a plain table."""
    if relation.view is not None:
        yield view_effect(connection, target, relation, relation.view)
    if relation.kind == "f":
        does = "stores its rows on another server, which may change or refuse them"
        yield Effect(
            target.table,
            "a foreign table",
            does,
            Certainty.OPEN,
            advice="make it a table",
            declared="a table",
        )
    if relation.partition_key is not None:
        yield _partitions(connection, target, relation, relation.partition_key)
    for child in relation.children:
        yield Effect(
            f"{child}, which inherits from {target.table}",
            "INHERITS",
            f"shows its own rows, which nobody wrote to {target.table}, beside those of the run",
            Certainty.OPEN,
            (f"ALTER TABLE {child} NO INHERIT {identifier(target.table)};",),
            "what reads the table with ONLY does not see them",
        )


def parent_effects(connection: Connection, target: Target, relation: RelationFacts) -> Iterator[Effect]:
    """What the tables above do, from which this one inherits or of which it is a part: told before anything else.

    Once it stands alone, all that it has from there is its own.
    """
    for parent in relation.parents:
        yield _parent(connection, target, relation, parent)


def rule_effects(connection: Connection, target: Target, relation: RelationFacts) -> Iterator[Effect]:
    """The effects of rules that rewrite what is sent to the table, or to a view in its place."""
    for rule in facts.rules(connection, target.table):
        does, certainty = _of_rule(connection, target, rule, relation.bases)
        yield Effect(
            f"rule {rule.name} of {rule.relation}",
            one_line(rule.definition).rstrip(";"),
            does,
            certainty,
            (f"DROP RULE {identifier(rule.name)} ON {identifier(*rule.at)};",),
        )


def _of_rule(
    connection: Connection, target: Target, rule: RewriteRule, bases: Sequence[str]
) -> tuple[str, Certainty]:
    if rule.enabled not in "OA":
        return "is disabled, or for replication alone", Certainty.NONE
    if rule.event == _DELETE:
        return "fires for DELETE alone", Certainty.NONE
    if rule.event == _UPDATE:
        does = "rewrites each UPDATE, so that a value written later is lost or goes elsewhere"
        return (does, Certainty.OPEN) if rule.instead else ("adds to each UPDATE", Certainty.NONE)
    action = rule.definition.partition(" DO ")[2]
    if not rule.instead:
        return _of_addition(target, action)
    fate = "lost" if action.strip(" ;").upper() == "INSTEAD NOTHING" else "not written here but elsewhere"
    if any(re.search(rf'(?i)\bINSERT\s+INTO\s+{re.escape(base)}(?![\w"])', action) for base in bases):
        return "writes to the table that the view reads, as its action says", Certainty.OPEN
    if not rule.conditional:
        return f"every row is {fate}", Certainty.CERTAIN
    condition = re.search(r"(?s)\bWHERE\b(.*)\bDO\s+INSTEAD\b", rule.definition)
    if condition and re.search(r"(?i)\bSELECT\b", condition[1]):
        return f"some rows are {fate}, depending on what is in tables", Certainty.OPEN
    text = re.sub(r"(?i)\bnew\.", "", condition[1]) if condition else "true"
    try:
        found = evaluated(connection, text, target.column, target.type, target.values)
    except OpenError as error:
        reason = "other columns" if error.sqlstate == DEPENDS else str(error)
        return f"some rows are {fate}, depending on {reason}", Certainty.OPEN
    outcomes = [
        ValueOutcome(outcome.value, outcome.value, fate if outcome.result == "true" else outcome.refused)
        for outcome in found
    ]
    return describe_outcomes(outcomes, verb="takes away"), Certainty.CERTAIN if harms(
        outcomes
    ) else Certainty.NONE


def _of_addition(target: Target, action: str) -> tuple[str, Certainty]:
    table = re.escape(target.table)
    if re.search(rf'(?i)\bINSERT\s+INTO\s+(\w+\.)?"?{table}"?(?!\w)', action):
        return "inserts into the same table: each INSERT is refused, or its row doubled", Certainty.CERTAIN
    write = rf'(?i)\bUPDATE\s+(\w+\.)?"?{table}"?(?!\w).*\bSET\b.*\b{re.escape(target.column)}\s*='
    if re.search(write, action) or re.search(rf'(?i)\bDELETE\s+FROM\s+(\w+\.)?"?{table}"?(?!\w)', action):
        return "changes or deletes rows of the table with each INSERT", Certainty.CERTAIN
    return "adds to each INSERT; one in a WITH is refused because of it (0A000)", Certainty.OPEN


def _partitions(connection: Connection, target: Target, relation: RelationFacts, key: str) -> Effect:
    subject, found = f"{target.table}, partitions", f"PARTITION BY {one_line(key)}"
    default = relation.free_part
    remedy: tuple[str, ...] = (
        f"CREATE TABLE {identifier(default)} PARTITION OF {identifier(target.table)} DEFAULT;",
    )
    advice = "a default partition takes what no other does"
    if key.startswith("HASH"):
        remedy, advice = (), "add the partition of each remainder that is missing"
    elif relation.has_default or relation.has_parts_in_parts:
        remedy, advice = (
            (),
            "add a partition, to the table or to that of its partitions, that takes such rows",
        )
    taken = " OR ".join(f"({bound or 'true'})" for bound in relation.leaves) or "false"
    try:
        does, certainty = _taken(connection, target, key, taken)
    except OpenError as error:
        does, certainty = f"cannot be tried: {error}", Certainty.OPEN
    on_column = certainty is not Certainty.NONE
    return Effect(subject, found, does, certainty, remedy, advice, "one table", on_column=on_column)


def _taken(connection: Connection, target: Target, key: str, taken: str) -> tuple[str, Certainty]:
    """Whether rows of a run find a partition: with each value, with other ids, and on the days to come."""
    if re.search(rf"(?<!\w){re.escape(target.column)}(?!\w)", key):
        found = evaluated(connection, taken, target.column, target.type, target.values)
        outcomes = [
            ValueOutcome(
                outcome.value, outcome.value, "" if outcome.result == "true" else "no partition takes it"
            )
            for outcome in found
        ]
        return describe_outcomes(outcomes), Certainty.CERTAIN if harms(outcomes) else Certainty.NONE
    ages = ", ".join(f"('{age}'::interval)" for age in AHEAD)
    statement = f"""
        SELECT age::text, coalesce(bool_and({taken}), false) FROM (
            SELECT age, now() + age AS created_at, gen_random_uuid() AS id
            FROM (VALUES {ages}) AS day (age) CROSS JOIN generate_series(1, {IDS})
        ) AS made_up GROUP BY age ORDER BY age"""  # noqa: S608
    try:
        rows = selected(connection, statement)
    except psycopg.Error as error:
        raise open_reason(error) or OpenError(str(error), error.sqlstate or "") from error
    missing = [age for age, all_taken in rows if not all_taken]
    if not missing:
        return "takes rows of now and of the weeks to come", Certainty.NONE
    if len(missing) == len(rows):
        return "refuses rows of now: no partition takes them (23514)", Certainty.CERTAIN
    return f"refuses rows from {missing[0]} ahead on, unless a partition is added by then", Certainty.OPEN


def _parent(connection: Connection, target: Target, relation: RelationFacts, parent: str) -> Effect:
    table = identifier(target.table)
    if not relation.is_partition:
        does = "takes its columns and CHECK constraints from there, and its rows are shown there"
        remedy = (f"ALTER TABLE {table} NO INHERIT {parent};",)
        return Effect(
            f"{target.table}, inheritance",
            f"INHERITS ({parent})",
            does,
            Certainty.NONE,
            remedy,
            on_column=True,
        )
    try:
        bound = relation.bound or "true"  # a default partition that has no others beside it takes every row
        does, certainty = _taken(connection, target, bound, bound)
    except OpenError as error:
        does, certainty = f"cannot be tried: {error}", Certainty.OPEN
    remedy = (f"ALTER TABLE {parent} DETACH PARTITION {table};",)
    subject = f"{target.table}, partition of {parent}"
    return Effect(subject, one_line(relation.bound or "DEFAULT"), does, certainty, remedy)
