"""What a trigger function makes of values, found by running its source as an anonymous block that cannot write.

Only a source that does nothing but compute is run: no statement of SQL, and no function but PostgreSQL's own.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import psycopg
from psycopg import sql
from psycopg.rows import scalar_row

from harness.database.effects.facts import Trigger
from harness.database.evaluation import Connection, OpenError, identifier, open_reason, reading
from harness.database.trigger_source import Source
from harness.database.value_outcome import ValueOutcome

LATE: Final = "later UPDATE"
"""An UPDATE that gives a value to a row that had none."""
DROPPED: Final = "returns NULL: the row is dropped"
_HARMLESS_VOLATILE: Final = ("random", "gen_random_uuid", "clock_timestamp", "timeofday")
_WHEN: Final = re.compile(r"(?s) WHEN \((.*)\) EXECUTE (?:FUNCTION|PROCEDURE) ")
_TAG: Final = "$harness_trial$"


def condition(trigger: Trigger) -> str:
    """The trigger's own WHEN, empty without one."""
    match = _WHEN.search(trigger.definition)
    return match[1] if match else ""


def computes(connection: Connection, source: Source) -> bool:
    """Whether the source may be run: it computes, with functions of PostgreSQL that change nothing."""
    if not source.computes or _TAG in source.text:
        return False
    names = [name.removeprefix("pg_catalog.") for name in source.calls]
    statement = """
        SELECT NOT EXISTS (
            SELECT 1 FROM unnest(%(names)s::text[]) AS called (name)
            WHERE NOT EXISTS (
                SELECT 1 FROM pg_proc WHERE proname = called.name
            ) OR EXISTS (
                SELECT 1 FROM pg_proc
                WHERE proname = called.name
                    AND provolatile <> 'i'
                    AND (pronamespace <> 'pg_catalog'::regnamespace
                        OR provolatile = 'v' AND proname <> ALL (%(harmless)s::text[]))
            )
        )"""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return bool(
            cursor.execute(statement, {"names": names, "harmless": list(_HARMLESS_VOLATILE)}).fetchone()
        )


def tried(
    connection: Connection, trigger: Trigger, source: Source, operation: str, values: Sequence[str | None]
) -> tuple[ValueOutcome, ...]:
    """What becomes of a row with each value on INSERT, on UPDATE of the same value, or on a `LATE` one of none.

    A row that is not written is `refused`.
    Raises OpenError where the block cannot be run. The caller has asked `computes`.
    """
    block = _block(trigger, source, operation, values)
    try:
        with reading(connection), connection.cursor(row_factory=scalar_row) as cursor:
            cursor.execute(block.encode())
            found = cursor.execute("SELECT current_setting('harness.trial')").fetchone()
    except psycopg.Error as error:
        message = error.diag.message_primary or str(error)
        raise open_reason(error) or OpenError(message, error.sqlstate or "") from error
    assert found is not None
    rows = json.loads(found)
    outcomes = []
    for value, (kind, result) in zip(values, rows, strict=True):
        outcomes.append(
            ValueOutcome(value, result) if kind == "row" else ValueOutcome(value, None, result or DROPPED)
        )
    if trigger.has_row_result:
        return tuple(outcomes)
    return tuple(
        replace(outcome, result=outcome.value, refused="" if outcome.refused == DROPPED else outcome.refused)
        for outcome in outcomes
    )


def _block(trigger: Trigger, source: Source, operation: str, values: Sequence[str | None]) -> str:
    table, column = identifier(trigger.relation), identifier(source.column)

    def literal(value: object) -> str:
        return sql.Literal(value).as_string()

    def report_result(kind: str, value: str) -> str:
        return f"trial_rows := trial_rows || jsonb_build_array(jsonb_build_array('{kind}', {value}));"

    def returned(match: re.Match[str]) -> str:
        what = match[1].strip().lower()
        on_insert = operation == "INSERT"
        kind, value = (
            ("none", "NULL")
            if what == "null" or (what == "old" and on_insert)
            else ("row", f"{what}.{column}")
        )
        return f"BEGIN {report_result(kind, value)} EXIT trial_once; END;"

    body = source.whole(re.sub(r"(?i)\bRETURN\s+(NEW|OLD|NULL)\s*;", returned, source.code)).rstrip("; \n\t")
    when = condition(trigger)
    guard = (
        f"IF NOT coalesce(({when}), false) THEN {report_result('row', f'new.{column}')} EXIT trial_once; END IF;"
        if when
        else ""
    )
    old = {"UPDATE": "old := new;", LATE: f"old := new; old.{column} := NULL;"}.get(operation, "")
    arguments = ", ".join(map(literal, trigger.arguments))
    # PL/pgSQL counts a trigger's arguments from 0.
    argv = (
        f"(('[0:{len(trigger.arguments) - 1}]=' || (ARRAY[{arguments}]::text[])::text)::text[])"
        if arguments
        else "'{}'"
    )
    samples = ", ".join(map(literal, values))
    row = f"new.{column} := trial_values[trial_number];" if trigger.is_row else "new := NULL;"
    return f"""DO {_TAG}
DECLARE
    trial_values text[] := ARRAY[{samples}]::text[];
    trial_rows jsonb := '[]';
    new {table}%ROWTYPE;
    old {table}%ROWTYPE;
    tg_op text := {literal(operation.rpartition(" ")[2])};
    tg_name text := {literal(trigger.name)};
    tg_when text := {literal(trigger.timing)};
    tg_level text := {literal("ROW" if trigger.is_row else "STATEMENT")};
    tg_table_name text := {literal(trigger.relation)};
    tg_relname text := {literal(trigger.relation)};
    tg_table_schema text := current_schema();
    tg_nargs integer := {len(trigger.arguments)};
    tg_argv text[] := {argv};
BEGIN
    FOR trial_number IN 1 .. {len(values)} LOOP
        <<trial_once>>
        BEGIN
            new := NULL;
            {row}
            {old}
            {guard}
            {body};
            {report_result("none", "'control reached the end of the function without RETURN'")}
        EXCEPTION WHEN OTHERS THEN
            {report_result("none", "SQLERRM")}
        END trial_once;
    END LOOP;
    PERFORM set_config('harness.trial', trial_rows::text, true);
END {_TAG}"""
