"""Runners: ways to send migration files to a server. Knows nothing of states or of what the files do.

A runner is a function of a DSN and files in order. It either applies them all, telling each statement as
it is done, or raises StatementFailed at the first that is refused. What it claims is not believed: see
`catalog`.

Files are split by sqlparse rather than by a rule of our own, because the plan's file and users' files carry
no separators. It knows quotes, dollar quotes and comments; inside a nested block comment it splits wrongly,
which the server then refuses as a syntax error. (PostgreSQL's own parser, pglast, is under the GPL.)
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import psycopg
import sqlparse
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from harness.data import sql_path
from harness.database.dsn import CONNECT_S_MAX, dsn_fault
from harness.database.server import where
from harness.errors import UnavailableError, UsageError


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


class StatementFailed(Exception):
    """A statement was refused; those before it were accepted. `sqlstate` is '' when the connection broke."""

    def __init__(self, file: str, statement: Statement, sqlstate: str, message: str) -> None:
        super().__init__(f"{file}, statement {statement.number}: {sqlstate} {message}")
        self.file = file
        self.statement = statement
        self.sqlstate = sqlstate
        self.message = message


Told = Callable[[Applied], None]
"""Called with each statement once it is accepted."""

Run = Callable[[str, Sequence[Script], Told], None]
"""Applies files in order to a DSN's database. Raises StatementFailed; UnavailableError when it cannot begin."""


class Runner(StrEnum):
    """Who applies the files."""

    STATEMENTS = "statements"  # each statement by itself, in autocommit
    PSQL = "psql"  # the program of that name, found on PATH


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


def connect(dsn: str) -> psycopg.Connection:
    """Opens a connection in autocommit.

    Raises UsageError when the DSN cannot be read, UnavailableError when it leads to no server; neither shows the
    password.
    """
    if fault := dsn_fault(dsn):
        raise UsageError(f"the DSN cannot be read: {fault}")
    try:
        # Nothing prepared: behind a pooler it would stay on a connection that others are given.
        return psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_S_MAX, prepare_threshold=None)
    except psycopg.Error as error:
        reason = _first_line(str(error))
        raise UnavailableError(
            f"cannot connect to {where(dsn)}: {reason}; check the DSN and the server"
        ) from error


def run_statements(dsn: str, scripts: Sequence[Script], told: Told) -> None:
    """Sends each statement by itself. A connection for each file, as `psql -f`: a SET ends with its file."""
    for script in scripts:
        with connect(dsn) as connection:
            for statement in statements_of(script.text):
                begin = time.perf_counter()
                try:
                    # Without parameters psycopg sends a simple query, in which `%` means nothing.
                    connection.execute(statement.text.encode(), prepare=False)
                except psycopg.Error as error:
                    message = error.diag.message_primary or _first_line(str(error))
                    raise StatementFailed(script.name, statement, error.sqlstate or "", message) from error
                told(Applied(script.name, statement, (time.perf_counter() - begin) * 1000))


_PSQL_ERROR: Final = re.compile(r"^psql:<stdin>:(\d+): (?:\w+:\s+([0-9A-Z]{5}): )?(.*)$", re.MULTILINE)
_PSQL_TIME: Final = re.compile(r"^Time: ([0-9.]+) ms", re.MULTILINE)


def run_psql(dsn: str, scripts: Sequence[Script], told: Told) -> None:
    """Gives each file to a psql of its own, which stops at the first error."""
    program = shutil.which("psql")
    if program is None:
        raise UnavailableError(
            "runner psql: no program psql on PATH; install PostgreSQL's client, or use the runner statements"
        )
    # The password goes by the environment: a command line is for everybody to read.
    given = conninfo_to_dict(dsn)
    password = given.pop("password", None)
    target = make_conninfo("", **{"connect_timeout": CONNECT_S_MAX} | given)
    environment = os.environ | {"LC_ALL": "C"} | ({} if password is None else {"PGPASSWORD": str(password)})
    command = [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-d", target]
    for script in scripts:
        done = subprocess.run(
            [*command, "-c", r"\timing on", "-f", "-"],
            input=script.text, capture_output=True, text=True, encoding="utf-8", env=environment, check=False,
        )  # fmt: skip
        _tell_psql(script, done, told, dsn)


def _tell_psql(script: Script, done: subprocess.CompletedProcess[str], told: Told, dsn: str) -> None:
    """Reads psql's output: a time for each statement, and of the errors the one it stopped at."""
    statements = statements_of(script.text)
    told_of = list(_PSQL_ERROR.finditer(done.stderr))
    # Notices and warnings are of the classes 00 to 02; what psql says itself has no SQLSTATE.
    errors = [one for one in told_of if one[2] and one[2][:2] > "02"] or [
        one for one in told_of if not one[2]
    ]
    failed = None
    if done.returncode != 0:
        if not errors or not statements:
            reason = _first_line(done.stderr) or f"exit code {done.returncode}"
            raise UnavailableError(
                f"runner psql cannot work on {where(dsn)}: {reason}; check the DSN and the server"
            )
        line = int(errors[-1][1])
        failed = next((one for one in statements if one.line_last >= line), statements[-1])
    times = [float(found[1]) for found in _PSQL_TIME.finditer(done.stdout)]
    for statement, duration_ms in zip(statements, times, strict=False):
        if failed is not None and statement.number >= failed.number:
            break
        told(Applied(script.name, statement, duration_ms))
    if failed is not None:
        raise StatementFailed(script.name, failed, errors[-1][2] or "", errors[-1][3])


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


RUNNERS: Final[Mapping[Runner, Run]] = {Runner.STATEMENTS: run_statements, Runner.PSQL: run_psql}
