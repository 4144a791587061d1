"""Judges a deployed database by itself: the column, the index, and the values that are there. Pure."""

from collections.abc import Sequence
from typing import Final

from harness.checks.gate_index import INDEX, judge_index
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check, run_check, run_checks
from harness.database.declaration import Column, DifferenceKind, column_difference
from harness.database.declared import DeclaredStore
from harness.database.deployed import DeployedSchema, StoredValues
from harness.database.effects.model import Certainty, Effect
from harness.database.obstacle import Obstacle
from harness.report.escape import masked, shown
from harness.rule.policy import Policy
from harness.verdict import Finding, Method, Results

COLUMN: Final = "M3"
STORED: Final = "D1"

MEND_COLUMN: Final = "harness schema names the statements that make it what is declared"


def judge_schema(results: Results, schema: DeployedSchema) -> None:
    """Feeds what the catalogue says of the column and the index."""
    run_checks(results, [schema])


@check(COLUMN, INDEX, over=DeployedSchema, evidence=Method.EXHAUSTIVE)
def schema_is_as_declared(schema: DeployedSchema) -> Outcomes:
    """M3 and M4: the column is what is declared, and an index serves the look-up by it."""
    for claim in (COLUMN, INDEX):
        if schema.missing:
            yield Inconclusive(claim, schema.missing)
    if not schema.missing:
        yield from _judge(schema)
    if schema.cut_short:
        for claim in (COLUMN, INDEX):
            yield Inconclusive(claim, schema.cut_short)


def _judge(schema: DeployedSchema) -> Outcomes:
    of_table = [
        obstacle for obstacle in schema.obstacles if obstacle.stale or obstacle.table == schema.declared.table
    ]
    yield from _hidden(COLUMN, schema.obstacles)
    yield from _hidden(INDEX, of_table)
    if any(obstacle.ambiguous or obstacle.stale for obstacle in of_table):
        return  # nothing of it need be true of the table that is written
    yield from _judge_column(schema.columns, schema.declared)
    yield from values_are_left_as_they_are(schema.effects or (), schema.declared)
    if schema.indexes is not None and schema.declared.index is not None:
        yield from judge_index(schema.indexes, schema.look_up, schema.declared)


def _judge_column(columns: Sequence[Column], declared: DeclaredStore) -> Outcomes:
    yield Observed(COLUMN)
    difference = column_difference(columns, declared.column)
    if difference is None:
        yield Detail(COLUMN, declared.column.describe())
    elif difference.kind is DifferenceKind.MISSING:
        yield _refuted(
            COLUMN, f"there is no column {declared.column.name}", f"apply {declared.column_file}", declared
        )
    else:
        yield Detail(COLUMN, difference.describe())
        effect = f"found {difference.describe()}; declared {difference.declared.describe()}"
        yield _refuted(COLUMN, effect, MEND_COLUMN, declared)


@check(COLUMN)
def values_are_left_as_they_are(effects: Sequence[Effect], declared: DeclaredStore) -> Outcomes:
    """Refutes M3 for what certainly refuses or changes a valid value; notes what only the requests can show."""
    for effect in effects:
        line = f"{effect.subject}, {effect.found}, {effect.does}"
        if effect.certainty is Certainty.CERTAIN:
            yield _refuted(COLUMN, line, effect.workaround, declared)
        else:
            yield Detail(COLUMN, line)


def judge_stored(results: Results, stored: StoredValues, policy: Policy) -> None:
    """Feeds the values that are there."""
    run_check(results, stored_values_are_accepted, stored, policy)


@check(STORED, evidence=Method.EXHAUSTIVE)
def stored_values_are_accepted(stored: StoredValues, policy: Policy) -> Outcomes:
    """D1 over every row of those who store the header that holds a value, but for what the gate has left."""
    if stored.unreadable:
        yield Inconclusive(STORED, stored.unreadable)
        return
    rows, own = stored.rows, stored.own
    yield Observed(STORED, rows)
    yield Detail(
        STORED, f"{rows:,} rows{stored.whose} hold a value{'' if rows else ', nothing to refute it'}"
    )
    if own:
        yield Detail(STORED, f"{own:,} more of this run, which are judged by its requests")
    if own and not rows:
        yield Observed(STORED, own)  # this role sees such rows, so that there being no others is known
    if stored.at_reserved_addresses:
        count = stored.at_reserved_addresses
        yield Detail(STORED, f"set apart: {count:,} at addresses that nobody has, left by earlier runs")
    if stored.of_earlier_runs:
        count = stored.of_earlier_runs
        detail = f"set apart: {count:,} of earlier runs, by their journals here or the mark of their requests"
        yield Detail(STORED, detail)
    if stored.refuting:
        examples = ", ".join(
            f"{shown(masked(example))} of length {len(example)}" for example in stored.examples
        )
        effect = (
            f"{stored.refuting:,} of {rows:,} values are not accepted by the rule {policy.name}, for example "
            f"{examples}"
        )
        yield Finding(
            STORED,
            "the column as it is",
            effect,
            workaround="set these values to NULL once no replica writes such any more",
        )


def _hidden(claim: str, obstacles: Sequence[Obstacle]) -> Outcomes:
    if obstacles:
        yield Inconclusive(claim, "; ".join(obstacle.describe() for obstacle in obstacles))


def _refuted(claim: str, effect: str, workaround: str, declared: DeclaredStore) -> Finding:
    return Finding(claim, f"table {declared.table} as it is", effect, workaround=workaround)
