"""Judges somebody's database by itself: the column, the index, and the values that are there. Sends no request.

Only reads, in transactions that say so and are bounded in time.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

from harness import plan
from harness.checks.gate_effects import judge_effects
from harness.checks.gate_index import INDEX, judge_index
from harness.data import sql_text
from harness.database import catalog
from harness.database.catalog import EXPECTED_COLUMN
from harness.database.visibility import Obstacle, obstacles
from harness.headers.policy import Policy
from harness.report.escape import masked, shown
from harness.target.contract import CONNECT_S_MAX, AwayError
from harness.verdict import Docket, Finding, Method

COLUMN: Final = "M3"
STORED: Final = "D1"
AUDIT_S_MAX: Final = 60

ADD_COLUMN: Final = "apply sql/corrected/0005a_add_column.sql"


def judge_schema(docket: Docket, dsn: str) -> None:
    """Judges M3 and M4. Raises AwayError when the database cannot be asked."""
    with _reading(dsn, CONNECT_S_MAX) as connection:
        columns = catalog.columns(connection, plan.METADATA_TABLE)
        docket.by(COLUMN, Method.EXHAUSTIVE)
        docket.by(INDEX, Method.EXHAUSTIVE)
        _say_what_is_hidden(docket, connection, (COLUMN, INDEX), _is_elsewhere)
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
        judge_effects(docket, connection)
        refused = [one.words for one in obstacles(connection) if one.refused and not one.filtered]
        judge_index(docket, connection, has_column=found is not None, refused="; ".join(refused))


def judge_stored(docket: Docket, dsn: str, policy: Policy) -> None:
    """Judges D1 over every row of an anonymous user that holds a value. Raises AwayError."""
    column = sql.Identifier(plan.COLUMN)
    value = sql.SQL('metadata.{} COLLATE "C"').format(column)  # the column's own may compare otherwise
    bad = [sql.SQL("length({}) > {}").format(value, policy.length_max)]
    if policy.alphabet is not None:
        bad.append(sql.SQL("{} !~ {}").format(value, f"^[{policy.alphabet}]+$"))
    text = sql.SQL(sql_text("queries/stored_values.sql")).format(
        bad=sql.SQL(" OR ").join(bad), column=column, anonymous=f"{plan.ANONYMOUS_PREFIX}%"
    )
    docket.by(STORED, Method.EXHAUSTIVE)
    with _reading(dsn, AUDIT_S_MAX) as connection:
        if _say_what_is_hidden(docket, connection, (STORED,)):
            return
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


def _say_what_is_hidden(
    docket: Docket,
    connection: psycopg.Connection[Any],
    claims: Sequence[str],
    about: Callable[[Obstacle], bool] = lambda _: True,
) -> bool:
    """Makes claims unknown where something may be hidden from this role; whether the server refuses to read at all."""
    found = [one for one in obstacles(connection) if about(one)]
    for claim in claims if found else ():
        docket.lack(claim, "; ".join(one.words for one in found))
    return any(one.refused for one in found)


def _is_elsewhere(one: Obstacle) -> bool:
    """Whether it is about which relation is found, of which the catalogue alone tells nothing."""
    return one.elsewhere


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
                connection.execute("SET LOCAL row_security = off")  # refuse what would else be filtered
                yield connection
    except psycopg.errors.QueryCanceled:
        raise AwayError(f"the database took longer than {statement_s_max} s; try a quieter time") from None
    except (psycopg.Error, OSError) as error:
        raise AwayError(f"the database cannot be asked: {masked(' '.join(str(error).split()))}") from None
