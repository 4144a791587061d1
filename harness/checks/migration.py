"""Judges what the migration did to the data that was there. Knows no traffic."""

from typing import Final

from harness import plan
from harness.database import catalog
from harness.database.catalog import SchemaState
from harness.database.migrations import migrate
from harness.database.runners import connect
from harness.database.templates import Templates
from harness.verdict import Docket, Finding, Method

UNTOUCHED: Final = "M1"


def judge_rows_untouched(docket: Docket, templates: Templates) -> None:
    """Judges M1: every old column of every row is the same after the whole migration, and no row is gone or new."""
    tables = (plan.USAGE_TABLE, plan.METADATA_TABLE)
    docket.by(UNTOUCHED, Method.EXHAUSTIVE)
    with templates.database(SchemaState.BASE) as dsn:
        with connect(dsn) as connection:
            names = {
                table: [column.name for column in catalog.columns(connection, table)] for table in tables
            }
            before = {table: catalog.digest(connection, table, names[table]) for table in tables}
        migrate(dsn, SchemaState.READY)
        with connect(dsn) as connection:
            after = {table: catalog.digest(connection, table, names[table]) for table in tables}
    for table in tables:
        docket.saw(UNTOUCHED, before[table].rows)
        docket.note(UNTOUCHED, f"{before[table].rows} rows of {table}, {len(names[table])} columns")
        if before[table] != after[table]:
            effect = f"digest of {before[table]} became {after[table]}"
            docket.refute(Finding(UNTOUCHED, f"base to ready, old columns of {table}", effect))
