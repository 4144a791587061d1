"""What the tables of a database are made of: columns, indexes and constraints, as lines to compare two databases by.

What a rollout's steps should make of a database is not written down anywhere: it is what their files make of a new one.
"""

from harness.data import sql_text
from harness.database.runners import connect

Structure = frozenset[tuple[str, str]]
"""A table, and one of its columns, indexes or constraints in words."""


def structure(dsn: str) -> Structure:
    """What the tables in the connection's first schema are made of."""
    with connect(dsn) as connection:
        # Simple: without parameters `%` means nothing.
        rows = connection.execute(sql_text("queries/structure.sql").encode(), prepare=False).fetchall()
    return frozenset((str(table), str(line)) for table, line in rows)


def structure_differences(dsn: str, expected: Structure) -> list[str]:
    """How the expected tables of a database differ, a phrase each, sorted; other tables are no difference."""
    found = structure(dsn)
    tables = {table for table, _ in expected}
    missing = [f"{table} lacks {line}" for table, line in sorted(expected - found)]
    return missing + [f"{table} has {line}" for table, line in sorted(found - expected) if table in tables]
