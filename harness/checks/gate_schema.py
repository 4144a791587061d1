"""Judges somebody's database by itself: the column, the index, and the values that are there. Sends no request.

Only reads, in transactions that say so and are bounded in time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.data import sql_text
from harness.database import catalog
from harness.database.catalog import EXPECTED_COLUMN, EXPECTED_INDEX, Index
from harness.headers.policy import Policy
from harness.report.escape import masked, shown
from harness.target.contract import CONNECT_S_MAX, AwayError
from harness.verdict import Docket, Finding, Method

COLUMN: Final = "M3"
INDEX: Final = "M4"
STORED: Final = "D1"
AUDIT_S_MAX: Final = 60

ADD_COLUMN: Final = "apply sql/corrected/0005a_add_column.sql"
BUILD_INDEX: Final = "apply sql/corrected/0005b_build_index.sql, outside a transaction"


def judge_schema(docket: Docket, dsn: str) -> None:
    """Judges M3 and M4. Raises AwayError when the database cannot be asked."""
    with _reading(dsn, CONNECT_S_MAX) as connection:
        columns = catalog.columns(connection, plan.METADATA_TABLE)
        indexes = catalog.indexes(connection, plan.METADATA_TABLE)
        docket.by(COLUMN, Method.EXHAUSTIVE)
        docket.by(INDEX, Method.EXHAUSTIVE)
        if not columns:
            for claim in (COLUMN, INDEX):
                docket.lack(
                    claim, f"table {plan.METADATA_TABLE} is not there, or not on the search_path of this role"
                )
            return
        found = next((column for column in columns if column.name == plan.COLUMN), None)
        docket.saw(COLUMN)
        if found is None:
            _refute(docket, COLUMN, f"there is no column {plan.COLUMN}", ADD_COLUMN)
        else:
            docket.note(COLUMN, catalog.in_words(found))
            if found != EXPECTED_COLUMN:
                effect = f"found {catalog.in_words(found)}; declared {catalog.in_words(EXPECTED_COLUMN)}"
                _refute(docket, COLUMN, effect, ADD_COLUMN)
        _judge_index(docket, indexes)


def judge_stored(docket: Docket, dsn: str, policy: Policy) -> None:
    """Judges D1 over every row of an anonymous user that holds a value. Raises AwayError."""
    column = sql.Identifier(plan.COLUMN)
    value = sql.SQL("metadata.{}").format(column)
    bad = [sql.SQL("length({}) > {}").format(value, policy.length_max)]
    if policy.alphabet is not None:
        bad.append(sql.SQL("{} !~ {}").format(value, f"^[{policy.alphabet}]+$"))
    text = sql.SQL(sql_text("queries/stored_values.sql")).format(
        bad=sql.SQL(" OR ").join(bad), column=column, anonymous=f"{plan.ANONYMOUS_PREFIX}%"
    )
    docket.by(STORED, Method.EXHAUSTIVE)
    with _reading(dsn, AUDIT_S_MAX) as connection:
        if all(one.name != plan.COLUMN for one in catalog.columns(connection, plan.METADATA_TABLE)):
            docket.lack(STORED, f"there is no column {plan.COLUMN}")
            return
        counted = connection.execute(text).fetchone()
    assert counted is not None
    rows, refuting, examples = counted
    docket.saw(STORED, rows)
    docket.note(STORED, f"{rows:,} rows of anonymous users hold a value")
    if refuting:
        told = ", ".join(f"{shown(masked(example))} of length {len(example)}" for example in examples)
        effect = (
            f"{refuting:,} of {rows:,} values are not accepted by the rule {policy.name}, for example {told}"
        )
        _refute(docket, STORED, effect, "set these values to NULL once no replica writes such any more")


def _judge_index(docket: Docket, indexes: tuple[Index, ...]) -> None:
    named = next((index for index in indexes if index.name == plan.INDEX), None)
    good = [index for index in indexes if _is_declared(index)]
    docket.saw(INDEX)
    if named is not None and named not in good:
        effect = f"found {catalog.in_words(named)}; declared btree ({plan.COLUMN}), valid, ready, live"
        _refute(docket, INDEX, effect, f"drop it concurrently, then {BUILD_INDEX}")
    elif not good:
        others = [catalog.in_words(index) for index in indexes if plan.COLUMN in " ".join(index.columns)]
        told = f"; there is {'; '.join(others)}" if others else ""
        _refute(docket, INDEX, f"there is no btree index on ({plan.COLUMN}) alone{told}", BUILD_INDEX)
    else:
        docket.note(INDEX, catalog.in_words(good[0]))
        if named is None:
            docket.note(INDEX, f"another name than {plan.INDEX}")


def _is_declared(index: Index) -> bool:
    wanted = EXPECTED_INDEX
    return (
        (index.method, index.columns, index.predicate, index.unique)
        == (wanted.method, wanted.columns, wanted.predicate, wanted.unique)
    ) and (index.valid and index.ready and index.live)


def _refute(docket: Docket, claim: str, effect: str, workaround: str) -> None:
    docket.refute(Finding(claim, f"table {plan.METADATA_TABLE} as it is", effect, workaround=workaround))


@contextmanager
def _reading(dsn: str, statement_s_max: int) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(
            dsn, autocommit=True, connect_timeout=CONNECT_S_MAX, prepare_threshold=None
        ) as connection:
            connection.read_only = True
            with connection.transaction():
                limit = sql.SQL("SET LOCAL statement_timeout = {}").format(statement_s_max * 1000)
                connection.execute(limit)
                yield connection
    except psycopg.errors.QueryCanceled:
        raise AwayError(f"the database took longer than {statement_s_max} s; try a quieter time") from None
    except (psycopg.Error, OSError) as error:
        raise AwayError(f"the database cannot be asked: {masked(' '.join(str(error).split()))}") from None
