"""Judges what a migration made of the schema, of the rows that were there, and what each row then takes. Pure.

What it does to others is in `migration_traffic`. Every fact is read from the catalogue or from the rows, none from
what a runner reports.
"""

from typing import Final

from harness import plan
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check
from harness.database.declaration import EXPECTED_COLUMN, EXPECTED_INDEX
from harness.rehearsal.migration_evidence import MigratedSchema
from harness.verdict import Finding, Method

UNTOUCHED, NO_REWRITE, COLUMN, INDEX, LOOK_UP, SIZE = "M1", "M2", "M3", "M4", "M5", "M7"

OVERHEAD_BYTES_MAX: Final = 10
"""Of one value in a row: its length word and up to six bytes of alignment."""
WORKAROUND: Final = "apply up/0005a and 0005b, each statement by itself"


@check(UNTOUCHED, NO_REWRITE, over=MigratedSchema, evidence=Method.EXHAUSTIVE)
def rows_are_left_as_they_were(schema: MigratedSchema) -> Outcomes:
    """M1 and M2: old columns hold what they held, and no table's file was written again."""
    condition = _condition(schema)
    for table in schema.tables:
        yield Observed(UNTOUCHED, table.rows_before)
        yield Detail(UNTOUCHED, f"{table.rows_before:,} rows of {table.name}, {table.columns} columns")
        if (table.rows_after, table.digest_after) != (table.rows_before, table.digest_before):
            effect = (
                f"{table.rows_before} rows with digest {table.digest_before} became {table.rows_after} with "
                f"{table.digest_after}"
            )
            yield Finding(UNTOUCHED, f"{condition}: old columns of {table.name}", effect)
        yield Observed(NO_REWRITE)
        if table.file_after != table.file_before:
            effect = f"file {table.file_before} of {table.name} became {table.file_after}: every row was written again"
            yield Finding(NO_REWRITE, condition, effect, workaround=WORKAROUND)
    yield Detail(NO_REWRITE, f"the files of {len(schema.tables)} tables are the same, {schema.rows:,} rows")


@check(COLUMN, INDEX, over=MigratedSchema, evidence=Method.EXHAUSTIVE)
def column_and_index_are_as_declared(schema: MigratedSchema) -> Outcomes:
    """M3 and M4: the catalogue has the column and the index that the plan declares."""
    condition = _condition(schema)
    for claim, declared, difference in (
        (COLUMN, EXPECTED_COLUMN.describe(), schema.column),
        (INDEX, EXPECTED_INDEX.describe(), schema.index),
    ):
        yield Observed(claim)
        found = declared if difference is None else difference.describe()
        yield Detail(claim, found)
        if difference is not None:
            yield Finding(claim, condition, f"{found}; not {declared}", workaround=WORKAROUND)


@check(LOOK_UP, over=MigratedSchema, evidence=Method.EXHAUSTIVE)
def look_up_uses_the_index(schema: MigratedSchema) -> Outcomes:
    """M5: rows with a value are found by the index."""
    condition, use = _condition(schema), schema.use
    if use is None:
        yield Inconclusive(LOOK_UP, "there is no column")
        return
    yield Observed(LOOK_UP)
    yield Detail(LOOK_UP, f"{use.valued_rows:,} rows with a value")
    if use.look_up_indexes != (plan.INDEX,):
        effect = f"the plan uses {', '.join(use.look_up_indexes) or 'no index'}"
        yield Finding(LOOK_UP, condition, effect, workaround=WORKAROUND)


@check(SIZE, over=MigratedSchema, evidence=Method.MEASURED)
def row_grows_by_its_value_alone(schema: MigratedSchema) -> Outcomes:
    """M7: a row without a value takes no more, one with a value no more than that."""
    condition, use = _condition(schema), schema.use
    sizes = "there is no column" if use is None else use.sizes
    if isinstance(sizes, str):
        yield Inconclusive(SIZE, sizes)
        return
    empty, full = sizes.without_value, sizes.with_longest
    yield Observed(SIZE, 3)
    detail = f"a row takes {empty} bytes without a value, {full} with {plan.LENGTH_MAX} characters"
    yield Detail(SIZE, detail)
    if empty > sizes.before or full > empty + plan.LENGTH_MAX + OVERHEAD_BYTES_MAX:
        effect = f"a row took {sizes.before} bytes before, {empty} without a value, {full} with the longest"
        yield Finding(SIZE, condition, effect, workaround=WORKAROUND)
    yield Detail(
        SIZE,
        f"the index {sizes.index_without_value:.1f} bytes a row without a value, "
        f"{sizes.index_with_longest:.0f} with the longest",
    )


def _condition(schema: MigratedSchema) -> str:
    condition = f"migration `{schema.migration}` on {schema.rows:,} rows"
    return f"{condition}, {schema.refused}" if schema.refused else condition
