"""A real pgbouncer in front of the run's server: `pooled(dsn)` is the same database through it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from harness.database.cluster import Account
from tests.database.processes import eventually

Pooled = Callable[..., str]

PATHS = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin"
"""Debian's package puts the program where not every user looks."""
STOP_S_MAX = 20.0


def pytest_runtest_setup(item: pytest.Item) -> None:
    if "pooled" in getattr(item, "fixturenames", ()) and pgbouncer() is None:
        refuse = pytest.fail if os.environ.get("HARNESS_REQUIRE_PGBOUNCER") == "1" else pytest.skip
        refuse("no pgbouncer: none is on PATH or in /usr/sbin; apt-get install pgbouncer")


@cache
def pgbouncer() -> str | None:
    """Path of the program, or None where there is none."""
    return shutil.which("pgbouncer", path=PATHS)


@pytest.fixture
def pooled() -> Iterator[Pooled]:
    """Starts a pooler: `pooled(dsn, pool_mode="transaction", default_pool_size=1)`; each ends with its test."""
    with ExitStack() as stack:

        def start(dsn: str, pool_mode: str = "transaction", **settings: object) -> str:
            given: dict[str, object] = {"pool_mode": pool_mode, "default_pool_size": 1, **settings}
            return stack.enter_context(running_pooler(dsn, given))

        yield start


@contextmanager
def running_pooler(dsn: str, settings: dict[str, object]) -> Iterator[str]:
    """A pgbouncer on a socket of its own, under the account of the embedded server: it refuses to run as root."""
    program = pgbouncer()
    assert program is not None
    account = Account.usual()
    given = conninfo_to_dict(dsn)
    user, password = str(given.get("user") or "postgres"), str(given.get("password") or "")
    with tempfile.TemporaryDirectory(prefix="pooler-", dir="/tmp") as name:  # a socket's path must be short
        folder = Path(name)
        (folder / "users").write_text(f'"{user}" "{password}"\n')
        (folder / "ini").write_text(_configuration(folder, given, settings))
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.uid, account.gid)
        who: dict[str, Any] = (
            {"user": account.uid, "group": account.gid, "extra_groups": []} if account.changes else {}
        )
        command = [program, str(folder / "ini")]
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **who) as process,
        ):
            try:
                pooled = (
                    f"postgresql://{quote(user)}@/{quote(str(given['dbname']))}?host={quote(name)}&port=6432"
                )
                eventually(lambda: _answers(pooled, process, folder / "log") or None)
                yield pooled
            finally:
                process.kill()  # other signals mean other things to other versions; it has nothing to save
                process.wait(STOP_S_MAX)


def _configuration(folder: Path, given: Mapping[str, object], settings: Mapping[str, object]) -> str:
    host = f"host={given['host']} port={given.get('port') or 5432}"
    own = {
        "listen_port": 6432,  # names the socket's file; nothing listens on it
        "unix_socket_dir": folder,
        "auth_type": "trust",
        "auth_file": folder / "users",
        "server_round_robin": 0,
        **settings,
    }
    lines = (f"{name} = {value}" for name, value in own.items())
    return f"[databases]\n* = {host}\n[pgbouncer]\n" + "\n".join(lines) + "\n"


def _answers(dsn: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True
