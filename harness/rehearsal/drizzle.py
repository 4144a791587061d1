"""The real drizzle-orm migrator in a Node of ours, installed from a lock file.

The packages lie in the user's cache, in a folder named by the lock file's hash; never in a checkout or a wheel. The
child ends when its input ends, so it cannot outlive its parent.
"""

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict

from harness.database.drizzle_folder import Folder
from harness.errors import UnavailableError
from harness.rule.node import node_path
from harness.rule.npm import install_packages

FILES: Final = ("package.json", "package-lock.json", "migrate.js")
REPLY_S_MAX: Final = 60.0
"""Longest wait for the child's start or for one migration."""

NO_NPM: Final = "the real drizzle migrator cannot be installed"

_NAMES: Final = {"host": "host", "port": "port", "user": "user", "password": "password", "dbname": "database"}
"""libpq's words for where to connect to, and node-postgres' own."""


@dataclass(frozen=True, slots=True)
class MigratorRefusal:
    """What the migrator failed with; `sqlstate` is '' when it was not a statement that was refused."""

    sqlstate: str
    message: str


@dataclass(slots=True)
class Migrator:
    """A running migrator with its version. Used by one thread at a time; made by `migrator`."""

    version: str
    _child: subprocess.Popen[str]
    _scratch: Path
    _runs: int = field(default=0)

    def run(self, dsn: str, folder: Folder) -> MigratorRefusal | None:
        """Applies what is pending in a folder; None when it reports success, which is not believed here.

        Raises UnavailableError when Node ends or does not answer.
        """
        self._runs += 1
        path = self._scratch / str(self._runs)
        folder.write(path)
        given = conninfo_to_dict(dsn)
        connection = {ours: given[theirs] for theirs, ours in _NAMES.items() if theirs in given}
        reply = self._call({"connection": connection, "folder": str(path)})
        return None if reply["ok"] else MigratorRefusal(reply["code"], reply["message"])

    def _call(self, question: dict[str, Any] | None) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        timer = threading.Timer(REPLY_S_MAX, self._child.kill)
        timer.daemon = True
        timer.start()
        try:
            with suppress(BrokenPipeError):  # it has ended; reading tells
                if question is not None:
                    self._child.stdin.write(json.dumps(question) + "\n")
                    self._child.stdin.flush()
            line = self._child.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise UnavailableError(
                f"the drizzle migrator ended without an answer, code {self._child.wait()}; run it again"
            )
        reply: dict[str, Any] = json.loads(line)
        return reply


@contextmanager
def migrator() -> Iterator[Migrator]:
    """The real migrator for as long as the context lasts; the first time it is downloaded.

    Raises UnavailableError when npm cannot install it, or Node cannot start.
    """
    program = installed() / "migrate.js"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NODE_", "PG"))}
    with tempfile.TemporaryDirectory(prefix="harness-drizzle-") as scratch:
        child = subprocess.Popen(
            [node_path(), program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            process_group=0,  # Ctrl-C is for the harness, which may still have something to ask
            env=environment,
        )
        started = Migrator("", child, Path(scratch))
        try:
            about = started._call(None)
            started.version = f"drizzle-orm {about['drizzle']} under Node {about['node']}"
            yield started
        finally:
            _end(child)


def installed() -> Path:
    """The folder that holds the migrator and its packages, installed there if it was not yet.

    Raises UnavailableError when npm cannot fetch them.
    """
    return install_packages("drizzle", FILES, NO_NPM)


def _end(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):
        child.stdin.close()
    try:
        child.wait(5.0)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()
