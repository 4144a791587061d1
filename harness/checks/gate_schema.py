"""Judges a deployed database by itself: the column, the index, and the values that are there. Pure."""

from collections.abc import Sequence
from typing import Final

from harness import plan
from harness.checks.gate_index import INDEX, judge_index
from harness.database.declaration import EXPECTED_COLUMN, Column, DifferenceKind, column_difference
from harness.database.deployed import DeployedSchema, StoredValues
from harness.database.effects.model import Certainty, Effect
from harness.database.obstacle import Obstacle
from harness.report.escape import masked, shown
from harness.rule.policy import Policy
from harness.verdict import Finding, Method, Results

COLUMN: Final = "M3"
STORED: Final = "D1"

ADD_COLUMN: Final = "apply up/0005a_add_column.sql"
MEND_COLUMN: Final = "harness schema names the statements that make it what is declared"


def judge_schema(results: Results, schema: DeployedSchema) -> None:
    """Judges M3 and M4."""
    for claim in (COLUMN, INDEX):
        results.method(claim, Method.EXHAUSTIVE)
        if schema.missing:
            results.inconclusive(claim, schema.missing)
    if not schema.missing:
        _judge(results, schema)
    if schema.cut_short:
        for claim in (COLUMN, INDEX):
            results.inconclusive(claim, schema.cut_short)


def _judge(results: Results, schema: DeployedSchema) -> None:
    of_table = [
        obstacle for obstacle in schema.obstacles if obstacle.stale or obstacle.table == plan.METADATA_TABLE
    ]
    _hidden(results, COLUMN, schema.obstacles)
    _hidden(results, INDEX, of_table)
    if any(obstacle.ambiguous or obstacle.stale for obstacle in of_table):
        return  # nothing of it need be true of the table that is written
    _judge_column(results, schema.columns)
    judge_effects(results, schema.effects or ())
    if schema.indexes is not None:
        judge_index(results, schema.indexes, schema.look_up)


def _judge_column(results: Results, columns: Sequence[Column]) -> None:
    results.observed(COLUMN)
    difference = column_difference(columns)
    if difference is None:
        results.detail(COLUMN, EXPECTED_COLUMN.describe())
    elif difference.kind is DifferenceKind.MISSING:
        _refute(results, COLUMN, f"there is no column {plan.COLUMN}", ADD_COLUMN)
    else:
        results.detail(COLUMN, difference.describe())
        effect = f"found {difference.describe()}; declared {difference.declared.describe()}"
        _refute(results, COLUMN, effect, MEND_COLUMN)


def judge_effects(results: Results, effects: Sequence[Effect]) -> None:
    """Refutes M3 for what certainly refuses or changes a valid value; notes what only the requests can show."""
    for effect in effects:
        line = f"{effect.subject}, {effect.found}, {effect.does}"
        if effect.certainty is Certainty.CERTAIN:
            _refute(results, COLUMN, line, effect.workaround)
        else:
            results.detail(COLUMN, line)


def judge_stored(results: Results, stored: StoredValues, policy: Policy) -> None:
    """Judges D1 over every row of an anonymous user that holds a value, but for what the gate has left."""
    results.method(STORED, Method.EXHAUSTIVE)
    if stored.unreadable:
        results.inconclusive(STORED, stored.unreadable)
        return
    rows, own = stored.rows, stored.own
    results.observed(STORED, rows)
    results.detail(
        STORED, f"{rows:,} rows of anonymous users hold a value{'' if rows else ', nothing to refute it'}"
    )
    if own:
        results.detail(STORED, f"{own:,} more of this run, which are judged by its requests")
    if own and not rows:
        results.observed(STORED, own)  # this role sees such rows, so that there being no others is known
    if stored.at_reserved_addresses:
        count = stored.at_reserved_addresses
        results.detail(STORED, f"set apart: {count:,} at addresses that nobody has, left by earlier runs")
    if stored.of_earlier_runs:
        count = stored.of_earlier_runs
        detail = f"set apart: {count:,} of earlier runs, by their journals here or the mark of their requests"
        results.detail(STORED, detail)
    if stored.refuting:
        examples = ", ".join(
            f"{shown(masked(example))} of length {len(example)}" for example in stored.examples
        )
        effect = (
            f"{stored.refuting:,} of {rows:,} values are not accepted by the rule {policy.name}, for example "
            f"{examples}"
        )
        _refute(results, STORED, effect, "set these values to NULL once no replica writes such any more")


def _hidden(results: Results, claim: str, obstacles: Sequence[Obstacle]) -> None:
    if obstacles:
        results.inconclusive(claim, "; ".join(obstacle.describe() for obstacle in obstacles))


def _refute(results: Results, claim: str, effect: str, workaround: str) -> None:
    results.refute(Finding(claim, f"table {plan.METADATA_TABLE} as it is", effect, workaround=workaround))
