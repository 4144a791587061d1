"""Runners: ways to send migration files to a server.

A runner is a function of a DSN and files in order. It either applies them all, passing each statement on as
it is done, or raises StatementFailed at the first that is refused. What it claims is not believed: see
`catalog`.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from harness.database.dsn import CONNECT_S_MAX, dsn_fault
from harness.database.scripts import Applied, Script, StatementFailed, statements_of
from harness.database.server import where
from harness.errors import UnavailableError, UsageError

OnStatement = Callable[[Applied], None]
"""Called with each statement once it is accepted."""

Run = Callable[[str, Sequence[Script], OnStatement], None]
"""Applies files in order to a DSN's database. Raises StatementFailed; UnavailableError when it cannot begin."""


class Runner(StrEnum):
    """Who applies the files."""

    STATEMENTS = "statements"  # each statement by itself, in autocommit
    PSQL = "psql"  # the program of that name, found on PATH


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


def run_statements(dsn: str, scripts: Sequence[Script], on_statement: OnStatement) -> None:
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
                on_statement(Applied(script.name, statement, (time.perf_counter() - begin) * 1000))


_PSQL_ERROR: Final = re.compile(r"^psql:<stdin>:(\d+): (?:\w+:\s+([0-9A-Z]{5}): )?(.*)$", re.MULTILINE)
_PSQL_TIME: Final = re.compile(r"^Time: ([0-9.]+) ms", re.MULTILINE)


def run_psql(dsn: str, scripts: Sequence[Script], on_statement: OnStatement) -> None:
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
        _read_psql(script, done, on_statement, dsn)


def _read_psql(
    script: Script, done: subprocess.CompletedProcess[str], on_statement: OnStatement, dsn: str
) -> None:
    """Reads psql's output: a time for each statement, and of the errors the one it stopped at."""
    statements = statements_of(script.text)
    messages = list(_PSQL_ERROR.finditer(done.stderr))
    # Notices and warnings are of the classes 00 to 02; what psql says itself has no SQLSTATE.
    errors = [message for message in messages if message[2] and message[2][:2] > "02"] or [
        message for message in messages if not message[2]
    ]
    failed = None
    if done.returncode != 0:
        if not errors or not statements:
            reason = _first_line(done.stderr) or f"exit code {done.returncode}"
            raise UnavailableError(
                f"runner psql cannot work on {where(dsn)}: {reason}; check the DSN and the server"
            )
        line = int(errors[-1][1])
        failed = next((statement for statement in statements if statement.line_last >= line), statements[-1])
    times = [float(found[1]) for found in _PSQL_TIME.finditer(done.stdout)]
    for statement, duration_ms in zip(statements, times, strict=False):
        if failed is not None and statement.number >= failed.number:
            break
        on_statement(Applied(script.name, statement, duration_ms))
    if failed is not None:
        raise StatementFailed(script.name, failed, errors[-1][2] or "", errors[-1][3])


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


RUNNERS: Final[Mapping[Runner, Run]] = {Runner.STATEMENTS: run_statements, Runner.PSQL: run_psql}


def applied_by(
    runner: Runner, dsn: str, scripts: Sequence[Script], on_statement: OnStatement
) -> tuple[Applied, ...]:
    """Applies files in order and returns what was accepted. Raises StatementFailed."""
    applied: list[Applied] = []

    def collect(applied_now: Applied) -> None:
        applied.append(applied_now)
        on_statement(applied_now)

    RUNNERS[runner](dsn, scripts, collect)
    return tuple(applied)
