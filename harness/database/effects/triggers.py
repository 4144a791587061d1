"""What triggers do to values and rows: tried where their source only computes, else read from it."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from harness.database.catalog import Connection
from harness.database.effects import facts
from harness.database.effects.calls import called_effect
from harness.database.effects.facts import INSERT, UPDATE, Trigger
from harness.database.effects.model import Certainty, Effect, Target, describe_outcomes, harms, one_line
from harness.database.evaluation import OpenError, evaluated, identifier
from harness.database.trigger_source import Source
from harness.database.trigger_trial import LATE, computes, condition, tried
from harness.database.value_outcome import ValueOutcome

HARMLESS_FUNCTIONS: Final = ("suppress_redundant_updates_trigger", "moddatetime", "tsvector_update_trigger")
"""Functions in C that come with PostgreSQL and touch no column of text."""

_SEEN: Final = "what it does is seen by the requests"


def trigger_effects(connection: Connection, target: Target, counted: Mapping[str, str]) -> Iterator[Effect]:
    """An effect for each trigger; `counted` are the tables whose rows count, each with the column that does."""
    for trigger in facts.triggers(connection, target.table):
        if target.is_detached and trigger.top != trigger.at:
            continue  # the copy of a trigger goes when the table is no part any more
        source = Source(trigger.source, target.column)
        if not trigger.fires:
            how = "is disabled" if trigger.enabled == "D" else "fires for replication alone"
            yield _effect(trigger, source, how, Certainty.NONE)
        elif not trigger.has(INSERT) and not trigger.has(UPDATE):
            yield _effect(trigger, source, "fires for neither INSERT nor UPDATE", Certainty.NONE)
        elif trigger.language != "plpgsql":
            yield _opaque(trigger, source)
        else:
            yield _judged(connection, target, trigger, source, counted)


def _judged(
    connection: Connection, target: Target, trigger: Trigger, source: Source, counted: Mapping[str, str]
) -> Effect:
    when = Source(condition(trigger), target.column)
    depends = source.reads_others or when.reads_others
    whole = Source(f"{source.text}\n;{when.text}", target.column)
    try:
        copied = source.copies
        if copied and not when.text and trigger.has_row_result and trigger.has(INSERT):
            return _effect(trigger, source, f"stores {copied} in its place", Certainty.CERTAIN)
        if computes(connection, whole):
            return _tried(connection, target, trigger, source, depends=depends)
        certain = _certain_part(source)
        if certain is not None and not when.text and computes(connection, certain) and trigger.has_row_result:
            found = _first_change(connection, target, trigger, certain)
            if found is not None:
                return _effect(trigger, source, found, Certainty.CERTAIN)
    except OpenError as error:
        return _effect(trigger, source, f"cannot be tried ({error}); {_SEEN}", Certainty.OPEN)
    return _by_source(connection, target, trigger, source, counted)


def _tried(
    connection: Connection, target: Target, trigger: Trigger, source: Source, *, depends: bool
) -> Effect:
    found = _first_change(connection, target, trigger, source)
    if not depends and found is None:
        late = tried(connection, trigger, source, LATE, target.values) if trigger.has(UPDATE) else ()
        if harms(late):
            return _effect(
                trigger, source, f"on a later UPDATE of a row without a value {_words(late)}", Certainty.OPEN
            )
    if not depends:
        certainty = Certainty.CERTAIN if found else Certainty.NONE
        return _effect(trigger, source, found or "leaves all sample values as they are", certainty)
    certain = _certain_part(source)
    if found and certain is not None and not condition(trigger) and trigger.has_row_result:
        certain_harm = _first_change(connection, target, trigger, certain)
        if certain_harm:
            return _effect(trigger, source, certain_harm, Certainty.CERTAIN)
    if _may_change(trigger, source):
        return _effect(trigger, source, f"depends on more than the column; {_SEEN}", Certainty.OPEN)
    return _effect(trigger, source, "sets other columns alone", Certainty.NONE)


def _certain_part(source: Source) -> Source | None:
    """A function of those assignments alone that no branch passes by and that need only the column, or None."""
    lines = [f"NEW.{source.column} := {source.whole(value)};" for value in source.certain]
    part = Source(f"BEGIN {' '.join(lines)} RETURN NEW; END", source.column)
    return part if lines and not part.reads_others and len(lines) == len(source.assignments) else None


def _first_change(connection: Connection, target: Target, trigger: Trigger, source: Source) -> str | None:
    for operation, bit in (("INSERT", INSERT), ("UPDATE", UPDATE)):
        if trigger.has(bit):
            outcomes = tried(connection, trigger, source, operation, target.values)
            if harms(outcomes):
                return f"on {operation} {_words(outcomes)}"
    return None


def _words(outcomes: tuple[ValueOutcome, ...]) -> str:
    return describe_outcomes(outcomes, verb="loses")


def _stored(connection: Connection, target: Target, expression: str) -> tuple[ValueOutcome, ...]:
    """What becomes of each value where a trigger stores an expression of the new row; none where it cannot be said."""
    text = re.sub(r"(?i)\bnew\s*\.\s*", "", expression)
    try:
        return evaluated(connection, text, target.column, target.type, target.values)
    except OpenError:
        return ()


def _by_source(
    connection: Connection, target: Target, trigger: Trigger, source: Source, counted: Mapping[str, str]
) -> Effect:
    for table, column in counted.items():
        write = Source(source.text, column).writes(table, column)
        if write:
            # A row with the column, whose table is the first, may come after the main one, and is then not touched.
            in_time = table == trigger.relation or trigger.relation == next(iter(counted))
            certainty = Certainty.CERTAIN if write.certain and in_time else Certainty.OPEN
            return _effect(trigger, source, f"sends {one_line(write.statement, 100)}", certainty)
    if trigger.timing == "INSTEAD OF" and source.inserted:
        outcomes = _stored(connection, target, source.inserted)
        if harms(outcomes):
            return _effect(trigger, source, describe_outcomes(outcomes), Certainty.CERTAIN)
    called = called_effect(connection, source, counted)
    if trigger.has_row_result:
        stores = re.search(r"(?i)\b(INSERT|EXECUTE)\b", source.code) is not None
        if source.returns and set(source.returns) == {"null"} and not stores:
            return _effect(trigger, source, "returns NULL: every row is dropped", Certainty.CERTAIN)
        if _may_change(trigger, source):
            return _effect(trigger, source, f"{_reasons(source)}; {_SEEN}", Certainty.OPEN)
        if called:
            return _effect(trigger, source, f"{called}; {_SEEN}", Certainty.OPEN)
        return _effect(trigger, source, "neither sets the column nor drops the row", Certainty.NONE)
    if source.raises or re.search(r"(?i)\bEXECUTE\b", source.code):
        return _effect(trigger, source, f"may raise an error; {_SEEN}", Certainty.OPEN)
    if called:
        return _effect(trigger, source, f"{called}; {_SEEN}", Certainty.OPEN)
    return _effect(
        trigger, source, f"runs {trigger.timing} the write and sets no column of it", Certainty.NONE
    )


def _may_change(trigger: Trigger, source: Source) -> bool:
    if not trigger.has_row_result:
        return source.raises
    dynamic = re.search(r"(?i)\bEXECUTE\b", source.code) is not None
    returns_other = any(returned != "new" for returned in source.returns)
    return bool(source.assignments) or source.raises or dynamic or returns_other


def _reasons(source: Source) -> str:
    reasons = [
        (bool(source.assignments), f"sets {source.column}"),
        ("null" in source.returns, "may return NULL, which drops the row"),
        (any(returned not in ("new", "null") for returned in source.returns), "may return another row"),
        (source.raises, "may raise an error"),
    ]
    return "; ".join(words for holds, words in reasons if holds) or "runs a statement that it puts together"


def _opaque(trigger: Trigger, source: Source) -> Effect:
    name = trigger.function.partition("(")[0].rpartition(".")[2]
    if name in HARMLESS_FUNCTIONS:
        return _effect(trigger, source, "touches no column of text", Certainty.NONE)
    does = f"runs {trigger.timing} the write, in {trigger.language}, which is not read; {_SEEN}"
    return _effect(trigger, source, does, Certainty.OPEN if trigger.has_row_result else Certainty.NONE)


def _effect(trigger: Trigger, source: Source, does: str, certainty: Certainty) -> Effect:
    relation, name = identifier(*trigger.top), identifier(trigger.name)
    return Effect(
        f"trigger {trigger.name} of {trigger.relation}",
        f"{one_line(trigger.definition)}{', which names the column' if source.mentions else ''}",
        does,
        certainty,
        (f"DROP TRIGGER {name} ON {relation};",),
        "or take what it does to the column out of its function",
    )
