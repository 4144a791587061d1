"""Judges schema.ts of a checkout: by what it comes to when it is run, else by what a parser reads in it. Pure."""

from collections.abc import Iterator
from typing import Final

from harness import plan
from harness.checkout.drizzle_schema import DeclaredTable
from harness.checkout.evaluated_schema import EvaluatedTable
from harness.checkout.migration_outcome import MigrationOutcome
from harness.checks.checkout_claims import SCHEMA
from harness.database.declaration import find
from harness.verdict import Finding, Method, Results

CHANGED_BACK: Final = "the next generated migration changes the column or the index back, or drops it"
COLUMN: Final = f"{plan.COLUMN}: text(),"
INDEX: Final = f"index('{plan.INDEX}').on(table.{plan.COLUMN})"
TYPE: Final = "text"


def judge_schema_file(results: Results, table: DeclaredTable, reason: str) -> None:
    """Judges F2 by what is declared: a plain text column, and a plain index of the declared name.

    `reason` is why it is not run.
    """
    results.method(SCHEMA, Method.EXHAUSTIVE)
    results.observed(SCHEMA)
    if table.column is None:
        _refute(results, f"{table.where}: no {plan.COLUMN} is declared", f"add `{COLUMN}`")
        return
    if table.column.calls != (TYPE,):
        what = f"{table.column.where}: it is declared as {'.'.join(table.column.calls)}, not as {TYPE}"
        _refute(results, what, f"write `{COLUMN}`")
    wrong = [text for name, text in table.indexes if name != plan.INDEX or not text.startswith("index(")]
    if wrong or not table.indexes or any(".where(" in text for _, text in table.indexes):
        shown = ", ".join(text for _, text in table.indexes) or "no index over the column"
        _refute(results, f"{table.where}: {shown} is declared", f"write `{INDEX}`")
    results.detail(SCHEMA, f"declared at {table.column.where}; read by a parser, not evaluated: {reason}")


def judge_evaluated(results: Results, declared: DeclaredTable, table: EvaluatedTable) -> None:
    """Judges F2 by what the table comes to; `declared` says where it stands."""
    results.method(SCHEMA, Method.EXHAUSTIVE)
    results.observed(SCHEMA)
    column = table.column(plan.COLUMN)
    at = declared.where if declared.column is None else declared.column.where
    if column is None:
        _refute(results, f"{at}: no {plan.COLUMN} is declared", f"add `{COLUMN}`")
        return
    if (column.type, column.not_null, column.has_default) != (TYPE, False, False):
        what = f"{at}: it comes to {column.describe()}, not to {TYPE}, nullable"
        _refute(results, what, f"write `{COLUMN}`")
    over = [index for index in table.indexes if plan.COLUMN in index.columns]
    plain = [i for i in over if i.name == plan.INDEX and i.columns == (plan.COLUMN,)]
    if len(over) != 1 or not plain or plain[0].unique or plain[0].is_partial or plain[0].method != "btree":
        shown = "; ".join(index.describe() for index in over) or "no index over the column"
        _refute(results, f"{declared.where}: it comes to {shown}", f"write `{INDEX}`")
    results.detail(SCHEMA, f"declared at {at}; under Node with drizzle-orm: {column.describe()}")


def judge_against_catalogue(
    results: Results, declared: DeclaredTable, table: EvaluatedTable, outcome: MigrationOutcome
) -> tuple[str, ...]:
    """Judges F2 against what the checkout's own migrations make; returns remarks about other columns of the table.

    What they do not make at all is F1's to say.
    """
    ours, made = table.column(plan.COLUMN), find(outcome.columns, plan.COLUMN)
    if ours is not None and made is not None:
        results.observed(SCHEMA)
        if (ours.type, ours.not_null) != (made.type, made.not_null):
            at = declared.where if declared.column is None else declared.column.where
            what = f"{at}: it comes to {ours.describe()}, and the migrations make {made.describe()}"
            _refute(results, what, "write in both what the rollout declares")
        else:
            results.detail(SCHEMA, "the column is as the migrations make it")
    here = {index.name for index in table.indexes if plan.COLUMN in index.columns}
    there = {index.name for index in outcome.indexes if plan.COLUMN in index.columns}
    if here and there and here != there:
        what = f"{declared.where}: the index is called {', '.join(sorted(here))}, and {', '.join(sorted(there))} there"
        _refute(results, what, f"write `{INDEX}`")
    return tuple(_others(declared.where, table, outcome))


def _others(where: str, table: EvaluatedTable, outcome: MigrationOutcome) -> Iterator[str]:
    if not outcome.columns:
        return
    there = {column.name for column in outcome.columns} - {plan.COLUMN}
    here = {column.name for column in table.columns} - {plan.COLUMN}
    if lacking := sorted(there - here):
        yield f"{where}: the migrations make {', '.join(lacking)}, which it does not declare"
    if unmade := sorted(here - there):
        yield f"{where}: it declares {', '.join(unmade)}, which the migrations do not make"


def _refute(results: Results, what: str, edit: str) -> None:
    results.refute(Finding(SCHEMA, what, CHANGED_BACK, workaround=edit), alike=what)
