"""What constraints and indexes of a table do to values: which they refuse, alone or the second time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness.database.catalog import Connection
from harness.database.effects import facts
from harness.database.effects.facts import Constraint, MaintainedIndex
from harness.database.effects.model import Certainty, Effect, Target, describe_outcomes, harms, one_line
from harness.database.evaluation import DEPENDS, OpenError, evaluated, identifier
from harness.database.value_outcome import ValueOutcome

_SESSION: Final = re.compile(
    r"(?i)\b(current_user|session_user|current_role|current_setting|inet_client_addr)\b"
)
"""What may be another for the role that writes than for the one that looks."""
_PRIMARY: Final = "id"
"""The key that every row has once, so that a unique index over it and more refuses nothing."""
_IDENTIFYING: Final = (_PRIMARY, "message_id")
"""Columns of which each row, or each reply, has its own: what is unique with them may refuse nothing."""
_LOCKS: Final = "under a lock_timeout: SET lock_timeout = '2s';"


def constraint_effects(connection: Connection, target: Target) -> Iterator[Effect]:
    """CHECK constraints and foreign keys of the table and its partitions; other columns' are passed over."""
    for constraint in facts.constraints(connection, target.table):
        if constraint.kind == "c":
            yield _check(connection, target, constraint)
        elif constraint.kind == "f" and target.column in constraint.columns:
            yield _foreign_key(connection, target, constraint)


def index_effects(connection: Connection, target: Target) -> Iterator[Effect]:
    """Indexes that refuse a value, or its second row; others are passed over."""
    for index in facts.maintained_indexes(connection, target.table):
        found = _unique(connection, target, index) if index.is_unique or index.exclusion else None
        found = _failing(connection, target, index) or found
        if found is not None:
            yield found


def conjuncts(expression: str) -> tuple[str, ...]:
    """The parts of an AND, as PostgreSQL prints it: each must hold by itself. Anything else is one part."""
    inner = expression[1:-1] if expression.startswith("(") and expression.endswith(")") else expression
    parts, depth, begin, quote = [], 0, 0, ""
    for at, char in enumerate(inner):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
            if depth < 0:
                return (expression,)
        elif depth == 0 and inner.startswith(" AND ", at):
            parts.append(inner[begin:at])
            begin = at + len(" AND ")
    parts.append(inner[begin:])
    return tuple(parts) if len(parts) > 1 else (expression,)


def _check(connection: Connection, target: Target, constraint: Constraint) -> Effect:
    parts, depends, reason = [], False, ""
    for part in conjuncts(constraint.expression or ""):
        try:
            found = evaluated(connection, target.in_terms(part), target.column, target.type, target.values)
        except OpenError as error:
            depends |= error.sqlstate == DEPENDS
            reason = reason or str(error)
        else:
            parts.append([_held(outcome) for outcome in found])
    outcomes = [
        next((outcome for outcome in row if outcome.refused), row[0]) for row in zip(*parts, strict=True)
    ]
    on_column = target.column in constraint.columns
    concerns = on_column or _mentions(target.in_terms(constraint.expression or ""), target.column)
    if outcomes and harms(outcomes):
        does, certainty = describe_outcomes(outcomes), Certainty.CERTAIN
    elif depends and not concerns:
        does, certainty = "depends on other columns alone", Certainty.NONE
    elif reason:
        does = "depends on other columns, too" if depends else f"cannot be tried: {reason}"
        certainty = Certainty.OPEN
    else:
        does, certainty = describe_outcomes(outcomes), Certainty.NONE
    if _SESSION.search(constraint.expression or ""):
        does, certainty = "depends on who writes", Certainty.OPEN
    if not constraint.enforced:
        does, certainty = "is not enforced", Certainty.NONE
    return _of_constraint(constraint, does, certainty, on_column=on_column)


def _held(outcome: ValueOutcome) -> ValueOutcome:
    """A CHECK lets a row through where it is true or NULL."""
    refused = outcome.refused or ("the CHECK is false" if outcome.result == "false" else "")
    return ValueOutcome(outcome.value, outcome.value, refused)


def _foreign_key(connection: Connection, target: Target, constraint: Constraint) -> Effect:
    does = f"refuses every value that is not in {constraint.other}"
    certainty = Certainty.CERTAIN
    if len(constraint.columns) > 1 and "MATCH FULL" not in constraint.definition:
        does, certainty = f"{does} together with its other columns, unless one is NULL", Certainty.OPEN
    other = constraint.other.rpartition(".")[2].strip('"')
    # A trigger may add the value to the other table before the key is checked.
    for trigger in facts.triggers(connection, target.table):
        writes = re.search(rf"(?i)\bINSERT\s+INTO\b[^;]*\b{re.escape(other)}\b", trigger.source)
        if trigger.fires and trigger.has_row_result and trigger.has(facts.INSERT) and writes:
            does += f", to which trigger {trigger.name} may add it"
            certainty = Certainty.OPEN
    if not constraint.enforced:
        does, certainty = "is not enforced", Certainty.NONE
    return _of_constraint(constraint, does, certainty, on_column=True)


def _of_constraint(constraint: Constraint, does: str, certainty: Certainty, *, on_column: bool) -> Effect:
    relation, name = identifier(constraint.relation), identifier(constraint.name)
    return Effect(
        f"constraint {constraint.name} of {constraint.relation}",
        one_line(constraint.definition),
        does,
        certainty,
        (f"ALTER TABLE {relation} DROP CONSTRAINT {name};",),
        _LOCKS,
        on_column=on_column,
    )


def _unique(connection: Connection, target: Target, index: MaintainedIndex) -> Effect | None:
    index = replace(
        index,
        keys=[target.in_terms(key) for key in index.keys],
        predicate=None if index.predicate is None else target.in_terms(index.predicate),
    )
    own, others = _split(connection, target, index)
    texts = (*index.keys, index.predicate or "")
    if others and not any(_mentions(text, target.column) for text in texts):
        return None
    certainty = Certainty.CERTAIN
    covered = [value for value in target.values if value is not None]
    try:
        covered = _covered(connection, target, index, own)
    except OpenError:
        certainty = Certainty.OPEN
    if any(key == _PRIMARY for key in others):
        does, certainty = "refuses nothing, as it holds the primary key", Certainty.NONE
    elif not covered:
        does, certainty = "covers none of the sample values", Certainty.NONE
    elif others:
        does = f"refuses the second row with the same {' and '.join(index.keys)}"
        if any(_mentions(key, name) for key in others for name in _IDENTIFYING):
            certainty = Certainty.OPEN
    else:
        values = [value for value in target.values if value is not None]
        some = "" if len(covered) == len(values) else f" of {len(covered)} of {len(values)} sample values"
        does = f"refuses the second row{some} with the same value: two requests of one caller"
    if index.exclusion and index.definition.count(" WITH =") != len(index.keys):
        certainty = min(certainty, Certainty.OPEN)
    if index.nulls_equal and own and not others:
        does += "; and the second row without one"
    return _of_index(index, does, certainty)


def _split(connection: Connection, target: Target, index: MaintainedIndex) -> tuple[list[str], list[str]]:
    """The keys that are the same whenever the value is, constants too, and those that depend on other columns."""
    own: list[str] = []
    others: list[str] = []
    for key in index.keys:
        try:
            evaluated(connection, key, target.column, target.type, [None])
        except OpenError as error:
            (others if error.sqlstate == DEPENDS else own).append(key)
        else:
            own.append(key)
    return own, others


def _covered(connection: Connection, target: Target, index: MaintainedIndex, own: Sequence[str]) -> list[str]:
    """The sample values that the index holds and compares. Raises OpenError."""
    covered = [value for value in target.values if value is not None]
    for key in own:
        found = evaluated(connection, key, target.column, target.type, covered)
        is_compared = [
            outcome.result is not None or (index.nulls_equal and not outcome.refused) for outcome in found
        ]
        covered = [value for value, compared in zip(covered, is_compared, strict=True) if compared]
    if index.predicate is not None:
        found = evaluated(connection, index.predicate, target.column, target.type, covered)
        covered = [
            outcome.value for outcome in found if outcome.value is not None and outcome.result == "true"
        ]
    return covered


def _failing(connection: Connection, target: Target, index: MaintainedIndex) -> Effect | None:
    """A row is refused when an index's expression fails on it, whatever the index is for."""
    texts = [text for text in (*index.keys, index.predicate) if text and _mentions(text, target.column)]
    for text in texts:
        try:
            found = evaluated(connection, text, target.column, target.type, target.values)
        except OpenError:
            continue
        outcomes = [replace(outcome, result=outcome.value) for outcome in found]
        if harms(outcomes):
            return _of_index(index, describe_outcomes(outcomes), Certainty.CERTAIN)
    return None


def _of_index(index: MaintainedIndex, does: str, certainty: Certainty) -> Effect:
    relation = identifier(index.relation)
    how = "" if index.partitioned else "CONCURRENTLY "
    remedy = f"DROP INDEX {how}{identifier(index.name)};"
    if index.held_as:
        remedy = f"ALTER TABLE {relation} DROP CONSTRAINT {identifier(index.held_as)};"
    return Effect(
        f"index {index.name} of {index.relation}",
        one_line(index.definition),
        does,
        certainty,
        (remedy,),
        _LOCKS,
        on_column=True,
    )


def _mentions(text: str, column: str) -> bool:
    return re.search(rf"(?<![\w$]){re.escape(column)}(?![\w$])", text) is not None
