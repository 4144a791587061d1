"""Clocks that are wrong on purpose: `wrong_clocks` starts a Postgres and a backend, each with a clock of its own.

libfaketime (Debian's) stands between a process and its wall clock, and reads how far it is off from a file, which a
test may change while the process runs: a clock that steps. The monotonic clock stays as it is, as on a real machine.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from harness.database import embedded
from harness.database.cluster import ServerDirectory, runnable
from harness.database.server import Server, running_server
from tests.database.processes import eventually

LIBRARIES: Final = (
    *Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
    *Path("/usr/lib/faketime").glob("libfaketimeMT.so.1"),
)
END_S_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class WrongClock:
    """How far the clock of some processes is off."""

    file: Path

    def set(self, hours: float) -> None:
        """Sets it, ahead of the right time or behind it; for processes that run, it steps."""
        new = self.file.with_suffix(".new")
        new.write_text(f"{hours:+g}h\n")
        new.chmod(0o644)
        new.replace(self.file)

    @property
    def variables(self) -> dict[str, str]:
        """What lets a process go by it."""
        return {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


@dataclass(frozen=True, slots=True)
class WrongStack:
    """A running backend, its database, and the clock of each."""

    facts: dict[str, str]
    """As `harness serve` tells them: base URL, DSN, free model, token, signed in as."""
    backend: WrongClock
    database: WrongClock


StartWrong = Callable[..., WrongStack]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if "wrong_clocks" in getattr(item, "fixturenames", ()) and not LIBRARIES:
        refuse = pytest.fail if os.environ.get("HARNESS_REQUIRE_FAKETIME") == "1" else pytest.skip
        refuse("no libfaketime: there is no libfaketimeMT.so.1 below /usr/lib; apt-get install faketime")


@pytest.fixture
def wrong_clocks() -> Iterator[StartWrong]:
    """Starts a stack: `wrong_clocks(build, backend=-1, database=1)`, hours; each ends with its test."""
    with ExitStack() as stack:

        def start(build: str, *, backend: float, database: float) -> WrongStack:
            folder = stack.enter_context(readable_folder())
            clocks = WrongClock(folder / "backend"), WrongClock(folder / "database")
            clocks[0].set(backend)
            clocks[1].set(database)
            server = stack.enter_context(wrong_server(clocks[1], folder))
            return WrongStack(stack.enter_context(wrong_backend(build, clocks[0], server)), *clocks)

        yield start


@contextmanager
def readable_folder() -> Iterator[Path]:
    """A folder that the server's account may read, too."""
    with tempfile.TemporaryDirectory(prefix="clocks-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def wrong_server(clock: WrongClock, folder: Path) -> Iterator[Server]:
    """An embedded Postgres that goes by this clock: its own programs, of which `postgres` is started by a script."""
    order = embedded._order(16, durable=False)
    # A copy, since the account that runs it may not reach where the package is installed.
    wrapped = runnable(Path(str(order["install"])), ServerDirectory(folder, -1))
    variables = " ".join(f"{name}={value}" for name, value in clock.variables.items())
    script = wrapped / "bin" / "postgres"
    program = script.rename(script.with_name("postgres-itself"))
    script.write_text(f'#!/bin/sh\nexec env {variables} "{program}" "$@"\n')
    script.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "_order", lambda *_: order | {"install": str(wrapped)})
        with running_server("embedded") as server:
            yield server


@contextmanager
def wrong_backend(build: str, clock: WrongClock, server: Server) -> Iterator[dict[str, str]]:
    """`harness serve` that goes by this clock, with a database of its own on the server."""
    command = [sys.executable, "-m", "harness", "serve", "--port", "0", "--json-lines", "--build", build]
    command += ["--postgres", server.dsn("postgres")]
    environment = {**os.environ, **clock.variables}
    # Into a file, since it tells every request: a pipe that nobody reads would stop it.
    lines = clock.file.with_suffix(".lines")
    with lines.open("w") as out, subprocess.Popen(command, env=environment, stdout=out) as process:
        try:
            facts = eventually(lambda: _told(lines, process))
            assert facts, f"it ended with {process.returncode}"
            yield facts
        finally:
            process.terminate()
            process.wait(END_S_MAX)


def _told(lines: Path, process: "subprocess.Popen[bytes]") -> dict[str, str] | None:
    """What the first line holds; nothing where it has ended, None until it is there."""
    first, end, _ = lines.read_text().partition("\n")
    if end:
        facts: dict[str, str] = json.loads(first)
        return facts
    return {} if process.poll() is not None else None
