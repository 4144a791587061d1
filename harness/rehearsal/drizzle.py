"""The real drizzle-orm migrator in a Node of ours, installed from a lock file.

The packages lie in the user's cache, in a folder named by the lock file's hash; never in a checkout or a wheel. The
child ends when its input ends, so it cannot outlive its parent.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from psycopg.conninfo import conninfo_to_dict

from harness.data import cache_path, fixture_path
from harness.database.drizzle_folder import Folder
from harness.errors import UnavailableError
from harness.rule.node import node_path

FILES: Final = ("package.json", "package-lock.json", "migrate.js")
INSTALL_S_MAX: Final = 180.0
ANSWER_S_MAX: Final = 60.0
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
        answer = self._ask({"connection": connection, "folder": str(path)})
        return None if answer["ok"] else MigratorRefusal(answer["code"], answer["message"])

    def _ask(self, question: dict[str, Any] | None) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        timer = threading.Timer(ANSWER_S_MAX, self._child.kill)
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
        answer: dict[str, Any] = json.loads(line)
        return answer


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
            about = started._ask(None)
            started.version = f"drizzle-orm {about['drizzle']} under Node {about['node']}"
            yield started
        finally:
            _end(child)


def installed() -> Path:
    """The folder that holds the migrator and its packages, installed there if it was not yet.

    Raises UnavailableError when npm cannot fetch them.
    """
    sources = {name: fixture_path(f"drizzle/{name}").read_bytes() for name in FILES}
    key = hashlib.sha256(b"\0".join(sources.values())).hexdigest()[:16]
    folder = cache_path("drizzle") / key
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f"{key}-", dir=folder.parent))
    except OSError as error:
        raise UnavailableError(f"{NO_NPM}: {error}; set XDG_CACHE_HOME to a folder of yours") from error
    try:
        for name, content in sources.items():
            (made / name).write_bytes(content)
        _npm_ci(made)
        with suppress(OSError):  # another process was quicker, with the same
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


WITH_SYSTEM_CA: Final = {"NODE_USE_SYSTEM_CA": "1"}
"""Node from a wheel knows its own certificate authorities only, not those that this machine trusts."""


def _npm_ci(folder: Path) -> None:
    """Source: npm, `npm ci`. No package's own script is run."""
    npm = node_path().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [
        str(node_path()),
        str(npm),
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]
    try:
        done = subprocess.run(
            [*command, "--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-timeout=30000"],
            cwd=folder, env=WITH_SYSTEM_CA | os.environ, capture_output=True, text=True, timeout=INSTALL_S_MAX,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{NO_NPM}: npm ci was not done after {INSTALL_S_MAX:.0f} s") from None
    except OSError as error:
        raise UnavailableError(f"{NO_NPM}: npm cannot start: {error}") from error
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        reason = " ".join(" ".join(errors[:2]).split()) or f"npm ci ended with code {done.returncode}"
        raise UnavailableError(f"{NO_NPM}: {reason}; npm must reach its registry once")


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
