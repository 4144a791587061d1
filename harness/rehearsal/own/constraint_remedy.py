"""A constraint, or NOT NULL, added in steps of which none reads the table under a lock that keeps writers out.

ADD CONSTRAINT ... NOT VALID holds for new rows at once and reads none of the old; VALIDATE CONSTRAINT reads them beside
writers. SET NOT NULL reads nothing where a valid CHECK says the same. Source: PostgreSQL, ALTER TABLE, "Notes".
"""

import re
from typing import Final, NamedTuple

_NAME: Final = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_ALTER: Final = re.compile(
    rf"(?is)^ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?(?P<table>{_NAME}(?:\s*\.\s*{_NAME})?)\s+"
    r"(?P<action>(?:ADD|ALTER)\b.*?);?\s*$"
)
_ADDED: Final = re.compile(
    rf"(?is)^ADD\s+CONSTRAINT\s+(?P<name>{_NAME})\s+(?P<rest>(?:CHECK|FOREIGN\s+KEY)\b.*)$"
)
_NOT_NULL: Final = re.compile(rf"(?is)^ALTER\s+(?:COLUMN\s+)?(?P<column>{_NAME})\s+SET\s+NOT\s+NULL$")


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
        found = _ALTER.match(statement.strip())
        if found is None or _does_several(found["action"]):
            return None
        action = " ".join(found["action"].split())
        added, not_null = _ADDED.match(action), _NOT_NULL.match(action)
        if added and not re.search(r"(?i)\bNOT\s+VALID\b", added["rest"]):
            return cls(found["table"], added["name"], "", added["rest"])
        return cls(found["table"], "", not_null["column"], "") if not_null else None

    def steps(self, name: str) -> tuple[tuple[str, str, str], ...]:
        """The steps, each with a word, a comment and its statement; `name` is for a CHECK of ours, as written."""
        alter = f"ALTER TABLE {self.table}"
        added = self.name or name
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


def _does_several(action: str) -> bool:
    """Whether a comma stands outside parentheses and quotes."""
    bare = re.sub(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""", "", action)
    while (inner := re.sub(r"\([^()]*\)", "", bare)) != bare:
        bare = inner
    return "," in bare
