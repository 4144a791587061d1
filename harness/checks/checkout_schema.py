"""Judges schema.ts of a checkout: by what it comes to when it is run, else by what a parser reads in it. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from harness.checkout.drizzle_schema import DeclaredTable
from harness.checkout.evaluated_schema import EvaluatedTable
from harness.checkout.migration_outcome import MigrationOutcome
from harness.checks.checkout_claims import SCHEMA
from harness.database.declaration import find
from harness.database.declared import DeclaredStore
from harness.verdict import Finding, Method, Results

_PLAIN_INDEX: Final = re.compile(r"index\([^()]*\)\s*\.on\(\s*[\w.]+\s*,?\s*\)")
CHANGED_BACK: Final = "the next generated migration changes the column or the index back, or drops it"


def _column(store: DeclaredStore) -> str:
    """The column as schema.ts should have it."""
    return f"{store.column.name}: {_builder(store)}(),"


def _builder(store: DeclaredStore) -> str:
    return store.column.type.partition("(")[0].partition(" ")[0]


def _index(store: DeclaredStore) -> str:
    """The index as schema.ts should have it; empty where none is declared."""
    return "" if store.index is None else f"index('{store.index.name}').on(table.{store.column.name})"


def judge_schema_file(results: Results, table: DeclaredTable, store: DeclaredStore, reason: str) -> None:
    """Judges F2 by what is declared: a plain text column, and a plain index of the declared name.

    `reason` is why it is not run.
    """
    results.method(SCHEMA, Method.EXHAUSTIVE)
    results.observed(SCHEMA)
    if table.column is None:
        at = table.namesake or table.where
        _refute(results, f"{at}: no {store.column.name} is declared", f"write `{_column(store)}`")
        return
    if table.column.calls != (_builder(store),):
        what = f"{table.column.where}: it is declared as {'.'.join(table.column.calls)}, not as {_builder(store)}"
        _refute(results, what, f"write `{_column(store)}`")
    wanted = "" if store.index is None else store.index.name
    wrong = [text for name, text in table.indexes if name != wanted or not _PLAIN_INDEX.fullmatch(text)]
    if wanted and (wrong or not table.indexes):
        shown = ", ".join(text for _, text in table.indexes) or "no index over the column"
        _refute(results, f"{table.index_at}: {shown} is declared", f"write `{_index(store)}`")
    results.detail(SCHEMA, f"declared at {table.column.where}; read by a parser, not evaluated: {reason}")


def judge_evaluated(
    results: Results, declared: DeclaredTable, table: EvaluatedTable, store: DeclaredStore
) -> None:
    """Judges F2 by what the table comes to; `declared` says where it stands."""
    results.method(SCHEMA, Method.EXHAUSTIVE)
    results.observed(SCHEMA)
    column = table.column(store.column.name)
    at = declared.where if declared.column is None else declared.column.where
    if column is None:
        what = f"{declared.namesake or at}: no {store.column.name} is declared"
        _refute(results, what, f"write `{_column(store)}`")
        return
    if (column.type, column.not_null, column.has_default, column.further) != (
        store.column.type,
        False,
        False,
        (),
    ):
        what = f"{at}: it comes to {column.describe()}, not to {store.column.type}, nullable"
        _refute(results, what, f"write `{_column(store)}`")
    over = [index for index in table.indexes if store.column.name in index.columns]
    wanted = "" if store.index is None else store.index.name
    plain = [index for index in over if index.name == wanted and index.columns == (store.column.name,)]
    if wanted and (len(over) != 1 or not plain or not plain[0].is_plain):
        shown = "; ".join(index.describe() for index in over) or "no index over the column"
        _refute(results, f"{declared.index_at}: it comes to {shown}", f"write `{_index(store)}`")
    results.detail(SCHEMA, f"declared at {at}; under Node with drizzle-orm: {column.describe()}")


def judge_against_catalogue(
    results: Results,
    declared: DeclaredTable,
    table: EvaluatedTable,
    outcome: MigrationOutcome,
    store: DeclaredStore,
) -> tuple[str, ...]:
    """Judges F2 against what the checkout's own migrations make; returns remarks about other columns of the table.

    What they do not make at all is F1's to say.
    """
    ours, made = table.column(store.column.name), find(outcome.columns, store.column.name)
    if ours is not None and made is not None:
        results.observed(SCHEMA)
        if (ours.type, ours.not_null) != (made.type, made.not_null):
            at = declared.where if declared.column is None else declared.column.where
            what = f"{at}: it comes to {ours.describe()}, and the migrations make {made.describe()}"
            _refute(results, what, "write in both what the rollout declares")
        else:
            results.detail(SCHEMA, "the column is as the migrations make it")
    here = {index.name for index in table.indexes if store.column.name in index.columns}
    there = {index.name for index in outcome.indexes if store.column.name in index.columns}
    if here and there and here != there:
        ours_named, made_named = ", ".join(sorted(here)), ", ".join(sorted(there))
        what = f"{declared.index_at}: the index is called {ours_named}, and {made_named} there"
        _refute(results, what, f"write `{_index(store)}`")
    return tuple(_others(declared.where, table, outcome, store.column.name))


def _others(where: str, table: EvaluatedTable, outcome: MigrationOutcome, ours: str) -> Iterator[str]:
    if not outcome.columns:
        return
    there = {column.name for column in outcome.columns} - {ours}
    here = {column.name for column in table.columns} - {ours}
    if lacking := sorted(there - here):
        yield f"{where}: the migrations make {', '.join(lacking)}, which it does not declare"
    if unmade := sorted(here - there):
        yield f"{where}: it declares {', '.join(unmade)}, which the migrations do not make"


def _refute(results: Results, what: str, edit: str) -> None:
    results.refute(Finding(SCHEMA, what, CHANGED_BACK, workaround=edit), alike=what)
