"""What keeps a role from seeing all that two tables hold: what is hidden must not count as absent. Changes nothing.

Every look at somebody's rows asks this first, and then reads with `row_security = off`, so that the server refuses
rather than filters. Source: PostgreSQL, "Row Security Policies", "Hot Standby".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from harness import plan
from harness.data import sql_text

TABLES: Final = (plan.USAGE_TABLE, plan.METADATA_TABLE)
COLUMNS: Final = ("id", "kilo_user_id", "created_at", "message_id", plan.COLUMN)
"""Without these columns rows can be neither matched nor judged."""
LAG_S_MAX: Final = 5.0
"""A standby that is no further behind has what a run wrote when its values are read at the end."""
KINDS: Final = {"v": "a view", "m": "a materialized view", "f": "a foreign table"}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why some rows or values may be hidden from the role, and what would help."""

    table: str
    sentence: str
    remedy: str
    """A statement for the owner, or what else to do."""
    elsewhere: bool = False
    """Whether what is found may be another relation than the one that is written."""
    refused: bool = False
    """Whether the server refuses to read at all; else it reads something that may not be everything."""
    filtered: bool = False
    """Whether that is by a policy: the planner may be asked, then."""

    @property
    def words(self) -> str:
        """One line."""
        return f"{self.sentence}; {self.remedy}"


def values(tables: Sequence[str] = TABLES, columns: Sequence[str] = COLUMNS) -> dict[str, list[str]]:
    """What the query is sent with."""
    return {"tables": list(tables), "columns": list(columns)}


def query() -> sql.SQL:
    """Asks for a record for each table that is found; for `obstacles_of`."""
    return sql.SQL(sql_text("queries/visibility.sql"))


def obstacles(
    connection: psycopg.Connection[Any], tables: Sequence[str] = TABLES, columns: Sequence[str] = COLUMNS
) -> tuple[Obstacle, ...]:
    """What hides rows or values of these tables from the connection's role; none when it sees everything.

    A table that is not there is none: whoever reads it says so. Raises psycopg.Error.
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        return obstacles_of(cursor.execute(query(), values(tables, columns)).fetchall())


def obstacles_of(records: Iterable[Sequence[Any]]) -> tuple[Obstacle, ...]:
    """The same from the records of `query`."""
    found: list[Obstacle] = []
    for table, schema, kind, role, filtered, policies, unreadable, others, standby, lag_s in records:
        name, grantee = _named(table), _named(role)
        if kind in KINDS:
            told = f"{schema}.{table} is {KINDS[kind]}, which may leave rows out or show old ones"
            found.append(
                Obstacle(
                    table, told, f"let role {role} find the table itself by its search_path", elsewhere=True
                )
            )
        if filtered:
            named = f"policy {', '.join(policies)}" if policies else "row-level security without a policy"
            told = f"{named} on {table} may hide rows from role {role}"
            found.append(
                Obstacle(table, told, f"ALTER ROLE {grantee} BYPASSRLS;", refused=True, filtered=True)
            )
        if unreadable:
            told = f"role {role} may not read {', '.join(unreadable)} of {table}"
            found.append(Obstacle(table, told, f"GRANT SELECT ON {name} TO {grantee};", refused=True))
        if others:
            told = f"role {role} finds {schema}.{table} before {', '.join(others)}: which one is written is not known"
            found.append(
                Obstacle(table, told, f"set the search_path of role {role} to the backend's", elsewhere=True)
            )
        if standby and not 0 <= lag_s <= LAG_S_MAX:
            behind = f"{lag_s:.1f} s behind" if lag_s > 0 else "behind by an unknown time"
            told = f"the server is a standby, {behind}: rows may not be there yet"
            if all(one.sentence != told for one in found):
                found.append(Obstacle(table, told, "read from the primary"))
    return tuple(found)


def _named(identifier: str) -> str:
    return sql.Identifier(identifier).as_string()
