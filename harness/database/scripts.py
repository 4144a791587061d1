"""Files of SQL and the statements in them. Pure.

Files are split by sqlparse rather than by a rule of our own, because the plan's file and users' files carry
no separators. It knows quotes, dollar quotes and comments; inside a nested block comment it splits wrongly,
which the server then refuses as a syntax error. (PostgreSQL's own parser, pglast, is under the GPL.)
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import sqlparse

from harness.data import sql_path


@dataclass(frozen=True, slots=True)
class Script:
    """A file of SQL, its text carried along: another layout of the same statements needs no file on disk."""

    name: str
    text: str

    @classmethod
    def of(cls, path: Path) -> "Script":
        """Raises FileNotFoundError."""
        return cls(path.name, path.read_text(encoding="utf-8"))

    @classmethod
    def ours(cls, name: str) -> "Script":
        """One of the files below `sql/`."""
        return cls.of(sql_path(name))


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a file. `number` and `line_last` count from 1."""

    number: int
    text: str
    line_last: int
    """The line its semicolon stands on, which is the line that psql names."""
    headline: str
    """Its first line that does not begin with `--`, to name it by."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A statement that the server accepted."""

    file: str
    statement: Statement
    duration_ms: float


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What a migration or a rollback did. Nothing applied: the database was there already."""

    before: str
    """The state it was in: of the default rollout one of `SchemaStatus`, of another the steps that were done."""
    after: str
    description: str
    """Of that state."""
    applied: tuple[Applied, ...]


class StatementFailed(Exception):
    """A statement was refused; those before it were accepted. `sqlstate` is '' when the connection broke."""

    def __init__(self, file: str, statement: Statement, sqlstate: str, message: str) -> None:
        super().__init__(f"{file}, statement {statement.number}: {sqlstate} {message}")
        self.file = file
        self.statement = statement
        self.sqlstate = sqlstate
        self.message = message

    def describe(self) -> str:
        """Which statement was refused, with what, and why."""
        return (
            f"{self.file}, statement {self.statement.number} was refused with {self.sqlstate or 'no SQLSTATE'}: "
            f"{self.message} ({self.statement.headline})"
        )


@lru_cache(maxsize=256)  # sqlparse takes milliseconds for a file, and some are read again and again
def statements_of(text: str) -> tuple[Statement, ...]:
    """Splits a file into its statements; what holds only comments is none."""
    found: list[Statement] = []
    begin = 0
    for piece in sqlparse.split(text):
        begin = text.index(piece, begin) + len(piece)
        lines = [line.strip() for line in piece.splitlines()]
        code = [line for line in lines if line.strip(";") and not line.startswith("--")]
        if code:
            found.append(Statement(len(found) + 1, piece, text.count("\n", 0, begin) + 1, code[0]))
    return tuple(found)
