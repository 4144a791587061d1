"""Processes that tests watch, and a child that holds an embedded server until it is killed."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

SECONDS_MAX = 120.0

T = TypeVar("T")

HOLDER = """
import json, os, sys
from dataclasses import asdict
from harness.database.embedded import embedded_server
with embedded_server() as server:
    heir = os.fork() if "FORKS" in os.environ else None
    if heir != 0:
        print(json.dumps(asdict(server) | {"heir": heir}, default=str), flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Held:
    """An embedded server in another process."""

    holder: int
    watchdog: int
    postmaster: int
    heir: int | None  # forked by the holder, so with everything that it had open
    directory: Path
    dsn: str


@contextmanager
def holder(**environment: str) -> Iterator[subprocess.Popen[str]]:
    """A child that starts an embedded server and keeps it until it is killed, or until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def held(child: subprocess.Popen[str]) -> Held:
    """What the child started, once it runs."""
    assert child.stdout is not None
    told = json.loads(child.stdout.readline())
    dsn = f"postgresql://postgres@/postgres?host={told['socket']}&port=5432"
    return Held(child.pid, told["watchdog"], told["postmaster"], told["heir"], Path(told["directory"]), dsn)


@contextmanager
def awaited_end(*pids: int) -> Iterator[None]:
    """Waits at the end of the block until these processes have ended."""
    watched = [os.pidfd_open(pid) for pid in pids]
    try:
        yield
        for pid, descriptor in zip(pids, watched, strict=True):
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            assert poll.poll(SECONDS_MAX * 1000), f"process {pid} lives on"
    finally:
        for descriptor in watched:
            os.close(descriptor)


def eventually(attempt: Callable[[], T | None]) -> T:
    """The first result that is not None; fails after a bounded time."""
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        result = attempt()
        if result is not None:
            return result
        time.sleep(0.002)
    pytest.fail("nothing within the time")
