"""Backends that the gate has never seen, each in a process of its own that ends with its context.

Must not know what the backends do beyond where they listen.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.backends.defects import Kind
from tests.backends.options import DIED

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT_S = 120
END_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend that listens on loopback and has written its tables, column and index included."""

    url: str
    """Without a path and a slash at the end."""
    token: str
    """Of the one user who is known here, for `Authorization: Bearer`."""
    email: str
    free_model: str
    """The one model that anonymous users get."""
    dsn: str
    pid: int


@contextmanager
def independent(
    kind: Kind,
    dsn: str,
    defect: str | None = None,
    mode: str | None = None,
    *,
    late_ms: tuple[int, int] | None = None,
) -> Iterator[Backend]:
    """A backend on an empty database; on exit whatever it has not yet written down is written, and it ends.

    `late_ms` bounds how late rows come, by default 50-400 (node) and 200-800 (flask). The backend also ends, and
    writes what waits, when the process that started it ends in whatever way. See `defects` for the other names.
    """
    with variants(kind, dsn, (defect,), (mode,), late_ms=late_ms) as started:
        yield started[defect, mode]


@contextmanager
def variants(
    kind: Kind,
    dsn: str,
    defects: Sequence[str | None] = (None,),
    modes: Sequence[str | None] = (None,),
    *,
    late_ms: tuple[int, int] | None = None,
) -> Iterator[dict[tuple[str | None, str | None], Backend]]:
    """One process that listens once for each defect and mode: cheaper than many, with one schema for all of them."""
    command = [sys.executable, "-m", f"tests.backends.{kind}_backend"]
    command += [f"--defect={defect or 'none'}" for defect in defects]
    command += [f"--mode={mode}" for mode in modes if mode is not None]
    if late_ms is not None:
        command += ["--late-ms", *map(str, late_ms)]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "BACKEND_DSN": dsn},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        try:
            listeners = _announced(process, errors)
            yield {
                (told.pop("defect"), told.pop("mode")): Backend(**told, dsn=dsn, pid=process.pid)
                for told in listeners
            }
        finally:
            code = _end(process)
        if code not in (0, DIED) and code > 0:  # below zero whoever holds the pid has ended it
            raise RuntimeError(f"the {kind} backend failed with exit code {code}: {_tail(errors)}")


def _announced(process: subprocess.Popen[bytes], errors: IO[bytes]) -> list[dict[str, str]]:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_LIMIT_S)
    line = process.stdout.readline() if ready else b""
    if not line:
        raise RuntimeError(f"no backend within {START_LIMIT_S} s: {_tail(errors)}")
    listeners: list[dict[str, str]] = json.loads(line)
    return listeners


def _end(process: subprocess.Popen[bytes]) -> int:
    assert process.stdin is not None
    process.stdin.close()
    try:
        return process.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _tail(errors: IO[bytes]) -> str:
    errors.seek(0)
    return errors.read().decode(errors="replace")[-2000:].strip() or "it said nothing"


@pytest.fixture
def node_backend(empty_dsn: str) -> Iterator[Backend]:
    """The backend on Node, with nothing wrong with it."""
    with independent("node", empty_dsn) as backend:
        yield backend


@pytest.fixture
def flask_backend(empty_dsn: str) -> Iterator[Backend]:
    """The backend on Flask, with nothing wrong with it."""
    with independent("flask", empty_dsn) as backend:
        yield backend
