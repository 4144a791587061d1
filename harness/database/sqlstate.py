"""SQLSTATEs with PostgreSQL's own names for them. Pure."""

import re

from psycopg import errors


def named(sqlstate: str | None) -> str:
    """The code with its name, for example `42703 undefined column`; a code that PostgreSQL does not know alone."""
    if not sqlstate:
        return "no SQLSTATE"
    try:
        name = errors.lookup(sqlstate).__name__
    except KeyError:
        return sqlstate
    return f"{sqlstate} {re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name).lower()}"
