"""Judges what a migration made of the schema, of the rows that were there, and what each row then takes. Pure.

What it does to others is in `migration_traffic`. Every fact is read from the catalogue or from the rows, none from
what a runner reports.
"""

from typing import Final

from harness import plan
from harness.database.declaration import EXPECTED_COLUMN, EXPECTED_INDEX
from harness.rehearsal.migration_evidence import ColumnUse, MigratedSchema, RowSizes
from harness.verdict import Finding, Method, Results

UNTOUCHED, NO_REWRITE, COLUMN, INDEX, LOOK_UP, SIZE = "M1", "M2", "M3", "M4", "M5", "M7"

OVERHEAD_BYTES_MAX: Final = 10
"""Of one value in a row: its length word and up to six bytes of alignment."""
WORKAROUND: Final = "apply up/0005a and 0005b, each statement by itself"


def judge_schema(results: Results, schema: MigratedSchema) -> None:
    """Judges M1 to M5 and M7."""
    condition = f"migration `{schema.migration}` on {schema.rows:,} rows"
    if schema.refused:
        condition += f", {schema.refused}"
    _judge_rows(results, schema, condition)
    _judge_declarations(results, schema, condition)
    if schema.use is None:
        results.inconclusive(SIZE, "there is no column")
        results.inconclusive(LOOK_UP, "there is no column")
        return
    _judge_sizes(results, schema.use.sizes, condition)
    _judge_look_up(results, schema.use, condition)


def _judge_rows(results: Results, schema: MigratedSchema, condition: str) -> None:
    results.method(UNTOUCHED, Method.EXHAUSTIVE)
    results.method(NO_REWRITE, Method.EXHAUSTIVE)
    for table in schema.tables:
        results.observed(UNTOUCHED, table.rows_before)
        results.detail(UNTOUCHED, f"{table.rows_before:,} rows of {table.name}, {table.columns} columns")
        if (table.rows_after, table.digest_after) != (table.rows_before, table.digest_before):
            effect = (
                f"{table.rows_before} rows with digest {table.digest_before} became {table.rows_after} with "
                f"{table.digest_after}"
            )
            results.refute(Finding(UNTOUCHED, f"{condition}: old columns of {table.name}", effect))
        results.observed(NO_REWRITE)
        if table.file_after != table.file_before:
            effect = f"file {table.file_before} of {table.name} became {table.file_after}: every row was written again"
            results.refute(Finding(NO_REWRITE, condition, effect, workaround=WORKAROUND))
    results.detail(NO_REWRITE, f"the files of {len(schema.tables)} tables are the same, {schema.rows:,} rows")


def _judge_declarations(results: Results, schema: MigratedSchema, condition: str) -> None:
    for claim, declared, difference in (
        (COLUMN, EXPECTED_COLUMN.describe(), schema.column),
        (INDEX, EXPECTED_INDEX.describe(), schema.index),
    ):
        results.method(claim, Method.EXHAUSTIVE)
        results.observed(claim)
        found = declared if difference is None else difference.describe()
        results.detail(claim, found)
        if difference is not None:
            results.refute(Finding(claim, condition, f"{found}; not {declared}", workaround=WORKAROUND))


def _judge_look_up(results: Results, use: ColumnUse, condition: str) -> None:
    results.method(LOOK_UP, Method.EXHAUSTIVE)
    results.observed(LOOK_UP)
    results.detail(LOOK_UP, f"{use.valued_rows:,} rows with a value")
    if use.look_up_indexes != (plan.INDEX,):
        effect = f"the plan uses {', '.join(use.look_up_indexes) or 'no index'}"
        results.refute(Finding(LOOK_UP, condition, effect, workaround=WORKAROUND))


def _judge_sizes(results: Results, sizes: RowSizes | str, condition: str) -> None:
    results.method(SIZE, Method.MEASURED)
    if isinstance(sizes, str):
        results.inconclusive(SIZE, sizes)
        return
    empty, full = sizes.without_value, sizes.with_longest
    results.observed(SIZE, 3)
    detail = f"a row takes {empty} bytes without a value, {full} with {plan.LENGTH_MAX} characters"
    results.detail(SIZE, detail)
    if empty > sizes.before or full > empty + plan.LENGTH_MAX + OVERHEAD_BYTES_MAX:
        effect = f"a row took {sizes.before} bytes before, {empty} without a value, {full} with the longest"
        results.refute(Finding(SIZE, condition, effect, workaround=WORKAROUND))
    results.detail(
        SIZE,
        f"the index {sizes.index_without_value:.1f} bytes a row without a value, "
        f"{sizes.index_with_longest:.0f} with the longest",
    )
