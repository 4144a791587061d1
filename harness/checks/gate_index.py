"""Judges whether the look-up that the plan's index is for can use an index: by the catalogue, and by the planner.

A difference from the declared index refutes where `WHERE column = value` cannot use it, or where it refuses a NULL or
a duplicate; any other is told and harms nothing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.database import catalog
from harness.database.declaration import EXPECTED_INDEX, Index, find
from harness.report.escape import masked
from harness.verdict import Finding, Method, Results

INDEX: Final = "M4"
BUILD_INDEX: Final = (
    "apply sql/corrected/0005b_build_index.sql, outside a transaction (in parts: see harness schema)"
)
LOOK_UP: Final = """
    EXPLAIN (FORMAT JSON)
    SELECT 1 FROM {only} {table} WHERE {column} = (SELECT {column} FROM {table} WHERE false)"""
"""The value is known when the query runs, as a parameter's is, and has the column's type and collation.

With a literal, the planner would take an index that has this value and lacks others. Tables that inherit are not the
plan's.
"""
SWITCHES: Final = (
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = on; "
    "SET LOCAL row_security = on"  # no row is read
)
"""Sequential scans are taken only where there is nothing else; whatever the role or the database has switched off."""

Node = Mapping[str, Any]
"""One node of a plan, as EXPLAIN gives it in JSON."""


def judge_index(
    results: Results, connection: psycopg.Connection[Any], *, has_column: bool, refused: str = ""
) -> None:
    """Judges M4 in the transaction of a connection that only reads.

    `refused` is why this role may not read the column: then the planner cannot be asked.
    """
    results.method(INDEX, Method.EXHAUSTIVE)
    results.observed(INDEX)
    indexes = catalog.indexes(connection, plan.METADATA_TABLE)
    named = find(indexes, plan.INDEX)
    if named is not None and (reason := _unfit(named)):
        _refute(
            results,
            f"found {named.describe()}: {reason}",
            f"drop it as harness schema says, then {BUILD_INDEX}",
        )
        return
    fit = [index for index in indexes if not _unfit(index)]
    if not has_column or not fit:
        _refute_unused(results, indexes, "there is none on the column")
    elif refused:
        results.inconclusive(INDEX, f"the planner cannot be asked: {refused}")
    else:
        try:
            with connection.transaction():
                nodes = look_up(connection)
        except psycopg.errors.QueryCanceled:
            raise
        except psycopg.Error as error:  # of a policy's condition, which the planner evaluates
            results.inconclusive(
                INDEX, f"the planner cannot be asked: {masked(' '.join(str(error).split()))}"
            )
        else:
            _judge_use(results, indexes, fit, nodes)


def look_up(connection: psycopg.Connection[Any]) -> tuple[Node, ...]:
    """What the planner reads to find a value of the column: the nodes of the table's own tables and indexes."""
    connection.execute(SWITCHES)
    in_parts = catalog.is_partitioned(connection, plan.METADATA_TABLE)
    query = sql.SQL(LOOK_UP).format(
        only=sql.SQL("" if in_parts else "ONLY"),
        table=sql.Identifier(plan.METADATA_TABLE),
        column=sql.Identifier(plan.COLUMN),
    )
    found = connection.execute(query).fetchone()
    assert found is not None, "EXPLAIN has a line"
    document = found[0] if isinstance(found[0], list) else json.loads(found[0])
    return tuple(_leaves(document[0]["Plan"]))


def _judge_use(
    results: Results, indexes: Sequence[Index], fit: Sequence[Index], nodes: Sequence[Node]
) -> None:
    """Judges the indexes by what the planner takes; of several that would do it takes any."""
    plain = [index for index in fit if _is_plain(index)]
    unused = next(
        (node for node in nodes if not _is_by_value(node) and not (plain and "Index Name" in node)), None
    )
    taken = {node["Index Name"] for node in nodes if "Index Name" in node}
    wrong = sorted(taken & {index.name for index in indexes if index not in fit})
    young = next((index for index in plain if index.young), None)
    if young is not None and (unused is not None or wrong):
        results.inconclusive(
            INDEX,
            f"{young.name} is younger than a transaction that is still open, so that the planner may not use it yet; "
            "judge again when that transaction has ended (the oldest xact_start in pg_stat_activity)",
        )
    elif unused is not None:
        table = unused.get("Relation Name", plan.METADATA_TABLE)
        _refute_unused(results, indexes, f"the planner reads all of {table} ({unused['Node Type']})")
    elif wrong and not plain:
        _refute_unused(results, indexes, f"the planner takes {', '.join(wrong)}")
    else:
        # An index that equals the declared one would serve by its definition, if the planner preferred none to it.
        serving = [index for index in fit if index in plain or index.name in taken] or list(fit)
        best = find(serving, plan.INDEX) or serving[0]
        _note_serving(results, fit, best)
        others = sorted(taken & {index.name for index in indexes if index is not best})
        if others:
            results.detail(INDEX, f"it takes {', '.join(others)} while that is there, too")


def _note_serving(results: Results, fit: Sequence[Index], best: Index) -> None:
    results.detail(INDEX, f"{best.describe()}; the planner finds values by it")
    named = find(fit, plan.INDEX)
    if named is None:
        results.detail(INDEX, f"another name than {plan.INDEX}")
    elif named != EXPECTED_INDEX or named.also:
        if named is not best and not _is_plain(named):
            results.detail(INDEX, f"{named.describe()} does not serve: drop it concurrently")
        results.detail(INDEX, f"declared btree ({plan.COLUMN}) and nothing more")


def _is_by_value(node: Node) -> bool:
    return plan.COLUMN in str(node.get("Index Cond", ""))


def _leaves(node: Node) -> Iterator[Node]:
    """The nodes that read the table; not those of the value, nor of a policy's conditions."""
    below = [
        each for each in node.get("Plans", []) if each["Parent Relationship"] not in ("InitPlan", "SubPlan")
    ]
    for each in below:
        yield from _leaves(each)
    if not below and node["Node Type"] != "Result":
        yield node


def _unfit(index: Index) -> str:
    """Why an index cannot be what the look-up uses; empty when only the planner can tell."""
    if index.columns[:1] != (plan.COLUMN,) or index.method != EXPECTED_INDEX.method:
        return f"declared btree ({plan.COLUMN}), valid, ready, live"
    if not index.is_usable:
        return f"declared btree ({plan.COLUMN}), valid, ready, live"
    if "EXCLUDE" in index.unlike or (index.unique and not _IDENTIFYING.intersection(index.columns)):
        others = ", ".join(index.columns[1:])
        return (
            "it refuses a value that is there already"
            + (f" with the same {others}" if others else "")
            + (", and a second NULL" if "NULLS NOT DISTINCT" in index.unlike else "")
        )
    return ""


_IDENTIFYING: Final = frozenset({"id", "message_id"})
"""Columns of which a row, or a reply, has its own: unique together with these, a value may come again."""


_ALIKE: Final = frozenset({"text_pattern_ops", "varchar_pattern_ops", "NULLS NOT DISTINCT"})
"""Parts of a definition that leave a look-up by equality as it is."""


def _is_plain(index: Index) -> bool:
    """Whether an index has every value, and equality as the column has it."""
    return _ALIKE.issuperset(index.unlike) and index.predicate in (None, f"({plan.COLUMN} IS NOT NULL)")


def _refute_unused(results: Results, indexes: Sequence[Index], unused: str) -> None:
    others = [index.describe() for index in indexes if plan.COLUMN in " ".join(index.columns)]
    told = f"; there is {'; '.join(others)}" if others else ""
    is_named = any(index.name == plan.INDEX for index in indexes)
    remedy = f"drop {plan.INDEX} as harness schema says, then {BUILD_INDEX}" if is_named else BUILD_INDEX
    _refute(results, f"no btree index serves the look-up by {plan.COLUMN}: {unused}{told}", remedy)


def _refute(results: Results, effect: str, workaround: str) -> None:
    results.refute(Finding(INDEX, f"table {plan.METADATA_TABLE} as it is", effect, workaround=workaround))
