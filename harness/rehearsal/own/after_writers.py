"""What the build with the change writes: the writers of a rollout's tables, with its columns in every new row."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from harness.database.declared import DeclaredStore
from harness.rehearsal.own.insertion import TableRows
from harness.rehearsal.own.relations import GivenColumn
from harness.rehearsal.own.traffic_statements import Template, derived_workload
from harness.rule.accepted_values import stored_samples


def after_writers(
    connection: psycopg.Connection[Any],
    tables: Sequence[TableRows],
    store: DeclaredStore,
    added: Sequence[GivenColumn],
) -> tuple[Template, ...]:
    """The writers of these tables for when the steps have added these columns to the rollout's; none where none is.

    What a column holds says `reference.columns`, of the rollout's own column a value that its rule stores. It is NULL
    where that rests on more than a value, as the number of a look-up's row does.
    """
    if not added:
        return ()
    values = _values(store, added)
    with_columns = [
        replace(
            of,
            table=replace(of.table, columns=(*of.table.columns, *added)),
            routes=tuple({**route, **values} for route in of.routes),
        )
        if of.table.name == store.table
        else of
        for of in tables
    ]
    return derived_workload(connection, with_columns)[0]


def _values(store: DeclaredStore, added: Sequence[GivenColumn]) -> Mapping[str, str]:
    """SQL for each column but for those that must have a value of which nothing is said: rows are made with one."""
    sample = next((sample for sample in stored_samples(store.rollout) if sample), None)
    literal = "NULL" if sample is None or store.column.type != "text" else sql.Literal(sample).as_string()
    written = {store.column.name: "{value}", **store.rollout.tables.reference.columns}
    found = {}
    for column in added:
        expression = written.get(column.name, "NULL")
        text = expression.replace("{value}", literal) if "select" not in expression.lower() else "NULL"
        if text != "NULL" or column.nullable:
            found[column.name] = text
    return found
