"""A constraint, or NOT NULL, added in steps of which none reads the table under a lock that keeps writers out.

ADD CONSTRAINT ... NOT VALID holds for new rows at once and reads none of the old; VALIDATE CONSTRAINT reads them beside
writers. SET NOT NULL reads nothing where a valid CHECK says the same. Source: PostgreSQL, ALTER TABLE, "Notes".
"""

import re
from typing import NamedTuple

from harness.database.sql_statement import code_of, read_statement


class ConstraintStatement(NamedTuple):
    """An ALTER TABLE that adds one constraint, or sets one column NOT NULL."""

    table: str
    """As written, with its schema where that is written."""
    name: str
    """Of the constraint, as written; empty where a column is set NOT NULL."""
    column: str
    """That is set NOT NULL; empty where a constraint is added."""
    rest: str
    """What the constraint says."""

    @classmethod
    def read(cls, statement: str) -> "ConstraintStatement | None":
        """What a statement says; None where it does another thing, several, or says NOT VALID itself."""
        read = read_statement(statement)
        if len(read.actions) != 1:
            return None
        verb, name, rest = read.actions[0]
        if verb == "ALTER COLUMN" and rest.upper() == "SET NOT NULL":
            return cls(read.table, "", name, "")
        is_added = verb == "ADD CONSTRAINT" and name and re.match(r"(?i)(?:CHECK|FOREIGN KEY)\b", rest)
        is_whole = not re.search(r"(?i)\bNOT VALID\b", code_of(rest))
        return cls(read.table, name, "", rest) if is_added and is_whole else None

    def steps(self, name: str) -> tuple[tuple[str, str, str], ...]:
        """The steps, each with a word, a comment and its statement; `name` is for a CHECK of ours, as written."""
        alter, added = f"ALTER TABLE {self.table}", self.name or name
        rest = self.rest or f"CHECK ({self.column} IS NOT NULL)"
        steps = [
            (
                "add",
                "holds for new rows, reads no old one",
                f"{alter} ADD CONSTRAINT {added} {rest} NOT VALID;",
            ),
            ("validate", "reads the rows beside writers", f"{alter} VALIDATE CONSTRAINT {added};"),
        ]
        if self.column:
            set_it = f"{alter} ALTER COLUMN {self.column} SET NOT NULL;"
            steps.append(("set_not_null", "reads nothing, since the CHECK is valid", set_it))
            steps.append(("drop", "says no more than the column does", f"{alter} DROP CONSTRAINT {added};"))
        return tuple(steps)
