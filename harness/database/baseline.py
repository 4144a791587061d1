"""Whether the tables of the time before the rollout may be built: in an empty database, where that is asked for.

In anybody else's they would be taken for the backend's own.
"""

from collections.abc import Sequence
from typing import Any, Final

import psycopg

from harness.data import sql_text
from harness.database.rows import all_rows, one_row
from harness.database.runners import connect
from harness.database.server import where
from harness.errors import UnavailableError

NAMED_MAX: Final = 3

Content = tuple[str, str, str]
"""Schema, kind and name."""


def contents(connection: psycopg.Connection[Any]) -> list[Content]:
    """What is in the database beside the system and extensions, tables first. Raises psycopg.Error."""
    return all_rows(connection, sql_text("queries/contents.sql"))


def check_empty(dsn: str, action: str, tables: Sequence[str], *, with_baseline: bool) -> None:
    """Raises UnavailableError, saying what is there and which tables were looked for, unless they may be built."""
    with connect(dsn) as connection:
        found = contents(connection)
        (path,) = one_row(connection, "SELECT current_setting('search_path')")
    if with_baseline and not found:
        return
    absent = "neither is there" if len(tables) == 2 else "it is not there"
    raise UnavailableError(
        f"{action}: looked for {' and '.join(tables)} in {where(dsn)} on the search_path {path}, and {absent}; "
        f"{_held(found)}; {_remedy(found, tables)}; nothing was changed"
    )


def _held(found: Sequence[Content]) -> str:
    if not found:
        return "the database is empty"
    named = ", ".join(f"{kind} {schema}.{name}" for schema, kind, name in found[:NAMED_MAX])
    more = len(found) - NAMED_MAX
    return f"the database holds {named}{f' and {more:,} more' if more > 0 else ''}"


def _remedy(found: Sequence[Content], tables: Sequence[str]) -> str:
    if elsewhere := [f"{schema}.{name}" for schema, _, name in found if name in tables]:
        meant = " and ".join(elsewhere)
        return f"where {meant} was meant, let the role have USAGE on that schema and its search_path begin with it"
    if found:
        return "give the backend's own database; the baseline (--with-baseline) is built in an empty one only"
    return "give the backend's own database, or build the tables in this one with --with-baseline"
