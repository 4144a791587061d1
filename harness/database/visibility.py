"""What keeps a role from seeing all that two tables hold: what is hidden must not count as absent. Changes nothing.

Every look at somebody's rows asks this first, and then reads with `row_security = off`, so that the server refuses
rather than filters. Source: PostgreSQL, "Row Security Policies", "Hot Standby", "Logical Replication".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from harness.data import sql_text
from harness.database.obstacle import Obstacle
from harness.database.rows import all_rows

Needed = Mapping[str, Sequence[str]]
"""Columns by table."""
LAG_S_MAX: Final = 5.0
"""A standby that is no further behind has what a run wrote when its values are read at the end."""
KINDS: Final = {"v": "a view", "m": "a materialized view", "f": "a foreign table"}


class Found(NamedTuple):
    """What a name stands for; a record of `query`."""

    table: str
    schema: str
    kind: str
    """As in pg_class."""
    role: str
    filtered: bool
    policies: list[str]
    unreadable: list[str]
    """Needed columns that the role may not read."""
    others: list[str]
    """Relations of the name that somebody else may find by it."""
    standby: bool
    lag_s: float | None
    """-1 for an unknown time."""
    subscriptions: list[str]
    """What is wrong with those that fill it from another server."""


def values(needed: Needed) -> dict[str, list[str]]:
    """What the query is sent with."""
    columns = [f"{table}.{name}" for table, names in needed.items() for name in names]
    return {"tables": list(needed), "columns": columns}


def query() -> sql.SQL:
    """Asks for a record for each table that is found; for `obstacles_of`."""
    return sql.SQL(sql_text("queries/visibility.sql"))


def obstacles(connection: psycopg.Connection[Any], needed: Needed) -> tuple[Obstacle, ...]:
    """What hides rows or values of these tables from the connection's role; none when it sees everything.

    A table that is not there is none: `whereabouts` says why. Raises psycopg.Error.
    """
    return obstacles_of(all_rows(connection, query(), values(needed)))


def obstacles_of(records: Iterable[Sequence[Any]]) -> tuple[Obstacle, ...]:
    """The same from the records of `query`."""
    every = (obstacle for record in records for obstacle in _obstacles(Found(*record)))
    return tuple({obstacle.sentence: obstacle for obstacle in every}.values())


def whereabouts(connection: psycopg.Connection[Any], table: str) -> str:
    """Why a role does not find a table, in one line with what would help. Raises psycopg.Error."""
    return whereabouts_of(table, all_rows(connection, whereabouts_query(), {"table": table}))


def whereabouts_query() -> sql.SQL:
    """Asks for a record for each schema that has the table; for `whereabouts_of`."""
    return sql.SQL(sql_text("queries/whereabouts.sql"))


def whereabouts_of(table: str, records: Iterable[Sequence[Any]]) -> str:
    """The same from the records of `whereabouts_query`."""
    found = []
    for schema, role, may_use, on_path in records:
        where, who = _named(schema), _named(role)
        remedies = [
            *([] if may_use else [f"GRANT USAGE ON SCHEMA {where} TO {who};"]),
            *([] if on_path else [f"ALTER ROLE {who} SET search_path = {where};"]),
        ]
        why = "which is not on its search_path" if may_use else "which it may not use"
        found.append(f"schema {schema}, {why}: {' '.join(remedies)}")
    if not found:
        return f"table {table} is not there, or not on the search_path of this role"
    return f"role {role} does not find table {table}; there is one in {', and one in '.join(found)}"


def _obstacles(found: Found) -> Iterator[Obstacle]:
    table, role = found.table, found.role
    name, grantee = _named(table), _named(role)
    if found.kind in KINDS:
        sentence = f"{found.schema}.{table} is {KINDS[found.kind]}, which may leave rows out or show old ones"
        remedy = f"let role {role} find the table itself by its search_path"
        yield Obstacle(table, sentence, remedy, elsewhere=True)
    if found.filtered:
        named = (
            f"policy {', '.join(found.policies)}" if found.policies else "row-level security without a policy"
        )
        sentence = f"{named} on {table} may hide rows from role {role}"
        yield Obstacle(table, sentence, f"ALTER ROLE {grantee} BYPASSRLS;", refused=True, filtered=True)
    if found.unreadable:
        sentence = f"role {role} may not read {', '.join(found.unreadable)} of {table}"
        yield Obstacle(table, sentence, f"GRANT SELECT ON {name} TO {grantee};", refused=True)
    if found.others:
        sentence = (
            f"role {role} finds {found.schema}.{table}, and there is {', '.join(found.others)}: "
            "which one is written is not known"
        )
        remedy = f"set the search_path of role {role}, and of the backend's role, to the schema that the backend writes"
        yield Obstacle(table, sentence, remedy, elsewhere=True, ambiguous=True)
    if found.standby and not 0 <= (-1 if found.lag_s is None else found.lag_s) <= LAG_S_MAX:
        behind = (
            f"{found.lag_s:.1f} s behind" if found.lag_s and found.lag_s > 0 else "behind by an unknown time"
        )
        sentence = f"the server is a standby, {behind}: rows may not be there yet"
        yield Obstacle(table, sentence, "read from the primary", stale=True)
    for wrong in found.subscriptions:
        sentence = f"{table} is filled from another server, and {wrong}: rows may not be there yet"
        yield Obstacle(table, sentence, "read from the publisher")


def _named(identifier: str) -> str:
    return sql.Identifier(identifier).as_string()
