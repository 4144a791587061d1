"""Judges what a migration made of the schema, of the rows that were there, and what each row then takes. Pure.

What it does to others is in `migration_traffic`. Every fact is read from the catalogue or from the rows, none from
what a runner reports.
"""

from collections.abc import Sequence
from typing import Final

from harness import plan
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check
from harness.database.declaration import EXPECTED_COLUMN, EXPECTED_INDEX, Declared, SchemaDifference
from harness.rehearsal.migration_evidence import MigratedSchema, TableChange
from harness.verdict import Finding, Method

UNTOUCHED, NO_REWRITE, COLUMN, INDEX, LOOK_UP, SIZE = "M1", "M2", "M3", "M4", "M5", "M7"

OVERHEAD_BYTES_MAX: Final = 10
"""Of one value in a row: its length word and up to six bytes of alignment."""
WORKAROUND: Final = "apply up/0005a and 0005b, each statement by itself"


@check(UNTOUCHED, NO_REWRITE, over=MigratedSchema, evidence=Method.EXHAUSTIVE)
def rows_are_left_as_they_were(schema: MigratedSchema) -> Outcomes:
    """M1 and M2: old columns hold what they held, and no table's file was written again."""
    condition = _condition(schema)
    yield from untouched(UNTOUCHED, schema.tables, condition)
    yield from not_rewritten(schema.tables, schema.rows, condition, WORKAROUND)


def untouched(claim: str, tables: Sequence[TableChange], condition: str) -> Outcomes:
    """Whether the old columns of each row hold what they held."""
    for table in tables:
        yield Observed(claim, table.rows_before)
        yield Detail(claim, f"{table.rows_before:,} rows of {table.name}, {table.columns} columns")
        if (table.rows_after, table.digest_after) != (table.rows_before, table.digest_before):
            effect = (
                f"{table.rows_before} rows with digest {table.digest_before} became {table.rows_after} with "
                f"{table.digest_after}"
            )
            yield Finding(claim, f"{condition}: old columns of {table.name}", effect)


def not_rewritten(tables: Sequence[TableChange], rows: int, condition: str, workaround: str = "") -> Outcomes:
    """M2: whether each table is in the file that held it."""
    for table in tables:
        yield Observed(NO_REWRITE)
        if table.file_after != table.file_before:
            effect = f"file {table.file_before} of {table.name} became {table.file_after}: every row was written again"
            yield Finding(NO_REWRITE, condition, effect, workaround=workaround)
    yield Detail(NO_REWRITE, f"the files of {len(tables)} tables are the same, {rows:,} rows")


@check(COLUMN, INDEX, over=MigratedSchema, evidence=Method.EXHAUSTIVE)
def column_and_index_are_as_declared(schema: MigratedSchema) -> Outcomes:
    """M3 and M4: the catalogue has the column and the index that the plan declares."""
    condition = _condition(schema)
    yield from as_declared(COLUMN, EXPECTED_COLUMN, schema.column, condition, WORKAROUND)
    yield from as_declared(INDEX, EXPECTED_INDEX, schema.index, condition, WORKAROUND)


def as_declared(
    claim: str,
    declared: Declared,
    difference: SchemaDifference[Declared] | None,
    condition: str,
    workaround: str = "",
) -> Outcomes:
    """Whether the catalogue has what is declared."""
    yield Observed(claim)
    found = declared.describe() if difference is None else difference.describe()
    yield Detail(claim, found)
    if difference is not None:
        yield Finding(claim, condition, f"{found}; not {declared.describe()}", workaround=workaround)


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
