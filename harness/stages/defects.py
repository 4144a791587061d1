"""Faulty plans as data: other builds, another schema, another order, each with the claim meant for it.

Defects of the migration alone are in `rehearsal.defects`; here they are part of a rollout.
"""

from dataclasses import dataclass, field
from typing import Final

from psycopg import sql

from harness.backend.defects import ARCHIVES, RETURNS_STAR
from harness.database.declared import plan_store
from harness.database.scripts import Script, statements_of
from harness.rehearsal.defects import faulty_script
from harness.rehearsal.frozen_build import CREATE_INDEX
from harness.stages.environment import BuildPair
from harness.stages.schema import Schema


@dataclass(frozen=True, slots=True)
class PlanDefect:
    """A plan that differs from the reference's."""

    name: str
    summary: str
    claim: str
    """Id of the claim that must be refuted, others may be, too; empty where the plan is right all the same."""
    builds: BuildPair = field(default_factory=BuildPair)
    schema: Schema = field(default_factory=Schema)
    order: tuple[str, ...] = ()
    """The steps of the rollout's file in another order than the plan's."""


def _first_statement(defect: str) -> Script:
    """How a faulty migration adds the column."""
    file = faulty_script(defect, plan_store())
    assert file is not None, "the plan's rollout has all that it names"
    return Script(file.name, statements_of(file.text)[0].text)


_COLUMN, _INDEX, _BACKEND, _EXTENSION = (
    "add the column",
    "build the index",
    "deploy the backend",
    "release the extension",
)
EXTENSION_FIRST: Final = (_EXTENSION, _COLUMN, _INDEX, _BACKEND)
COLUMN_LAST: Final = (_BACKEND, _COLUMN, _INDEX, _EXTENSION)

_BACKFILLED: Final = Script(
    "backfill.sql",
    sql.SQL(
        "ALTER TABLE {table} ADD COLUMN {column} text;\n"
        "UPDATE {table} SET {column} = '';\n"
        "ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;\n"
    )
    .format(table=sql.Identifier(plan_store().table), column=sql.Identifier(plan_store().column.name))
    .as_string(),
)
_IN_TRANSACTION: Final = Script("transaction.sql", f"BEGIN; {CREATE_INDEX.as_string()}; COMMIT;")

DEFECTS: Final = (
    PlanDefect(
        "extension-first-refused",
        "the extension first, before a backend that answers 400 to headers it does not know",
        "O1",
        builds=BuildPair(before="refuses-unknown"),
        order=EXTENSION_FIRST,
    ),
    PlanDefect(
        "column-last",
        "the backend first, and the column after it: rows are lost behind a 200",
        "O1",
        order=COLUMN_LAST,
    ),
    PlanDefect(
        "not-null",
        "the column is NOT NULL without a default: refused (23502) where there are rows",
        "O1",
        schema=Schema(replaced={_COLUMN: _first_statement("not-null")}),
    ),
    PlanDefect(
        "not-null-backfilled",
        "the column is filled, then NOT NULL: the old backend's INSERT is refused (23502)",
        "R1",
        schema=Schema(replaced={_COLUMN: _BACKFILLED}),
    ),
    PlanDefect(
        "volatile-default",
        "the column has a default that is computed for each row, also for those of the old backend",
        "C2",
        schema=Schema(replaced={_COLUMN: _first_statement("volatile-default")}),
    ),
    PlanDefect(
        "index-in-transaction",
        "the index is built concurrently inside a transaction: refused (25001)",
        "O1",
        schema=Schema(replaced={_INDEX: _IN_TRANSACTION}),
    ),
    PlanDefect(
        "returns-star",
        "the old backend has prepared an INSERT ... RETURNING *, which fails from the new column on (0A000)",
        "C3",
        builds=BuildPair(before=RETURNS_STAR.name),
    ),
    PlanDefect(
        "archives",
        "the old backend copies rows by SELECT * into a table that does not get the column (42601)",
        "R1",
        builds=BuildPair(before=ARCHIVES.name),
        schema=Schema(prelude=Script.ours("usage/archive_table.sql")),
    ),
)

VARIANTS: Final = (
    PlanDefect("extension-first", "the extension first: needless to forbid", "", order=EXTENSION_FIRST),
    PlanDefect(
        "index-last",
        "the index after backend and extension",
        "",
        order=(_COLUMN, _BACKEND, _EXTENSION, _INDEX),
    ),
)
"""Plans that differ and are right."""
