"""Judges whether the look-up that the plan's index is for can use an index: by the catalogue, and by the planner.

A difference from the declared index refutes where `WHERE column = value` cannot use it, or where it refuses a NULL or
a duplicate; any other is told and harms nothing.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.database import catalog
from harness.database.catalog import EXPECTED_INDEX, Index
from harness.verdict import Docket, Finding, Method

INDEX: Final = "M4"
BUILD_INDEX: Final = "apply sql/corrected/0005b_build_index.sql, outside a transaction"
LOOK_UP: Final = "EXPLAIN (FORMAT JSON) SELECT 1 FROM {only} {table} WHERE {column} = 'a value'"
"""A literal without a type takes the column's type and collation. Tables that inherit are not the plan's."""

Node = Mapping[str, Any]
"""One node of a plan, as EXPLAIN gives it in JSON."""


def judge_index(
    docket: Docket, connection: psycopg.Connection[Any], *, has_column: bool, refused: str = ""
) -> None:
    """Judges M4 in the transaction of a connection that only reads.

    `refused` is why this role may not read the table: then the planner cannot be asked.
    """
    docket.by(INDEX, Method.EXHAUSTIVE)
    docket.saw(INDEX)
    indexes = catalog.indexes(connection, plan.METADATA_TABLE)
    named = next((index for index in indexes if index.name == plan.INDEX), None)
    if named is not None and (reason := _unfit(named)):
        _refute(
            docket, f"found {catalog.in_words(named)}: {reason}", f"drop it concurrently, then {BUILD_INDEX}"
        )
        return
    served = [index for index in indexes if not _unfit(index)]
    unused = "" if has_column and served else "there is none on the column"
    if refused and not unused:
        docket.lack(INDEX, f"the planner cannot be asked: {refused}")
        return
    if not unused:
        unused = why_unused(connection, {index.name for index in indexes if index not in served})
    if unused:
        others = [catalog.in_words(index) for index in indexes if plan.COLUMN in " ".join(index.columns)]
        told = f"; there is {'; '.join(others)}" if others else ""
        effect = f"no btree index serves the look-up by {plan.COLUMN}: {unused}{told}"
        remedy = BUILD_INDEX if named is None else f"drop {plan.INDEX} concurrently, then {BUILD_INDEX}"
        _refute(docket, effect, remedy)
        return
    best = named or served[0]
    docket.note(INDEX, f"{catalog.in_words(best)}; the planner finds values by it")
    if named is None:
        docket.note(INDEX, f"another name than {plan.INDEX}")
    elif named != EXPECTED_INDEX or named.also:
        docket.note(INDEX, f"declared btree ({plan.COLUMN}) and nothing more")


def why_unused(connection: psycopg.Connection[Any], unfit: Collection[str] = ()) -> str:
    """Why the planner cannot find a value of the column by an index that is not `unfit`; empty when it can.

    With sequential scans switched off for the transaction, it takes one only where it has nothing else.
    """
    connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL row_security = on")  # no row is read
    in_parts = catalog.is_partitioned(connection, plan.METADATA_TABLE)
    look_up = sql.SQL(LOOK_UP).format(
        only=sql.SQL("" if in_parts else "ONLY"),
        table=sql.Identifier(plan.METADATA_TABLE),
        column=sql.Identifier(plan.COLUMN),
    )
    found = connection.execute(look_up).fetchone()
    assert found is not None, "EXPLAIN has a line"
    document = found[0] if isinstance(found[0], list) else json.loads(found[0])
    for node in _leaves(document[0]["Plan"]):
        if plan.COLUMN not in str(node.get("Index Cond", "")):
            return f"the planner reads all of {node.get('Relation Name', plan.METADATA_TABLE)} ({node['Node Type']})"
        if node.get("Index Name") in unfit:
            return f"the planner takes {node['Index Name']}"
    return ""


def _leaves(node: Node) -> Iterator[Node]:
    """The nodes that read tables or indexes."""
    below = node.get("Plans", [])
    for each in below:
        yield from _leaves(each)
    if not below and node["Node Type"] != "Result":
        yield node


def _unfit(index: Index) -> str:
    """Why an index cannot be what the look-up uses; empty when only the planner can tell."""
    if index.columns[:1] != (plan.COLUMN,) or index.method != EXPECTED_INDEX.method:
        return f"declared btree ({plan.COLUMN}), valid, ready, live"
    if not (index.valid and index.ready and index.live):
        return f"declared btree ({plan.COLUMN}), valid, ready, live"
    if (index.unique and len(index.columns) == 1) or "EXCLUDE" in index.unlike:
        return "it refuses a value that is there already" + (
            ", and a second NULL" if "NULLS NOT DISTINCT" in index.unlike else ""
        )
    return ""


def _refute(docket: Docket, effect: str, workaround: str) -> None:
    docket.refute(Finding(INDEX, f"table {plan.METADATA_TABLE} as it is", effect, workaround=workaround))
