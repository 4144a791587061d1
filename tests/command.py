"""`harness` and `pytest` as their users start them: a process with its own arguments, streams and environment.

The imports of a command take a second. So one process has them ready, and forks itself for each call. A shell's script
calls it, too: by a program that hands its arguments, streams and environment over.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, Final

import pytest

import harness.__main__
import harness.cli
import harness.run

LIMIT_S: Final = 240
"""After so long a call is killed."""
HARNESS: Final = (sys.executable, "-m", "harness")
ROOT: Final = Path(__file__).resolve().parent.parent
_TURN: Final = Lock()
_MESSAGE_MAX: Final = 1 << 20
_CALLING: Final = """
import json, os, socket, sys
call = {"program": "harness", "arguments": sys.argv[2:], "env": dict(os.environ), "cwd": os.getcwd()}
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as talk:
    talk.connect(sys.argv[1])
    socket.send_fds(talk, [json.dumps(call).encode()], [0, 1, 2])
    sys.exit(int(talk.recv(100) or b"1"))
"""


def harness_command(
    *arguments: str, env: Mapping[str, str] | None = None, stdin: int = subprocess.DEVNULL
) -> subprocess.CompletedProcess[str]:
    """What `python -m harness ARGUMENTS` prints and returns; `env` is the whole environment, `stdin` an open file."""
    return _forked("harness", arguments, env, stdin)


def pytest_command(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What `python -m pytest ARGUMENTS` prints and returns, in this directory."""
    return _forked("pytest", arguments, env, subprocess.DEVNULL)


def harness_program() -> str:
    """`harness` as it is installed: a script that a shell finds and runs."""
    _, place = _forking()
    words = [sys.executable, "-I", "-S", "-c", _CALLING, place]
    return f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'


@contextmanager
def started(*words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process in this block, killed at its end where it still runs; for `options` see subprocess.Popen."""
    with subprocess.Popen(words, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def _forked(
    program: str, arguments: tuple[str, ...], env: Mapping[str, str] | None, stdin: int
) -> subprocess.CompletedProcess[str]:
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, _TURN:
            call = {
                "program": program,
                "arguments": arguments,
                "env": dict(os.environ if env is None else env),
                "cwd": str(Path.cwd()),
            }
            files = [nothing if stdin == subprocess.DEVNULL else stdin, out.fileno(), err.fileno()]
            talk, _ = _forking()
            socket.send_fds(talk, [json.dumps(call).encode()], files)
            code = int(talk.recv(100))
            texts = [_text(file.fileno()) for file in (out, err)]
    finally:
        os.close(nothing)
    return subprocess.CompletedProcess(arguments, code, *texts)


def _text(file: int) -> str:
    os.lseek(file, 0, os.SEEK_SET)
    with open(file, encoding="utf-8", newline=None, closefd=False) as opened:
        return opened.read()


@cache
def _forking() -> tuple[socket.socket, str]:
    """The process that forks, and where it listens; it ends when its socket is closed, as it is with this process."""
    folder = Path(tempfile.mkdtemp(prefix="harness-", dir="/tmp"))  # a socket's path is short
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(folder / "calls"))
    listener.listen()
    given = [theirs.fileno(), listener.fileno()]
    command = [sys.executable, "-m", "tests.command", *map(str, given)]
    process = subprocess.Popen(command, cwd=ROOT, pass_fds=given, stdin=subprocess.DEVNULL)
    theirs.close()
    listener.close()

    def end() -> None:
        ours.close()
        process.wait(LIMIT_S)
        shutil.rmtree(folder)

    atexit.register(end)
    return ours, str(folder / "calls")


def _fork_for_each(talk: socket.socket, listener: socket.socket) -> int:
    """Forks for each call, one at a time, until its socket is closed."""
    for package in (harness.run, harness.cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    gc.freeze()  # else each collection in a fork writes into, and so copies, the pages of all that is imported
    while True:
        ready, _, _ = select.select([talk, listener], [], [])
        if talk not in ready:
            with listener.accept()[0] as caller:
                _fork(caller, [talk, listener, caller])
        elif not _fork(talk, [talk, listener]):
            return 0


def _fork(caller: socket.socket, ours: list[socket.socket]) -> bool:
    """Answers one call with its exit code; False where the caller has gone. A fork keeps none of our sockets."""
    message, files, _, _ = socket.recv_fds(caller, _MESSAGE_MAX, 3)
    if not message:
        return False
    child = os.fork()
    if child == 0:
        for each in ours:
            each.close()
        code = _called(json.loads(message), files)
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # to take down what was imported costs more than most calls
    for file in files:
        os.close(file)
    caller.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
    return True


def _called(call: Mapping[str, object], files: list[int]) -> int:
    signal.alarm(LIMIT_S)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(call["env"])  # type: ignore[call-overload]
    os.chdir(str(call["cwd"]))
    if call["program"] == "pytest":
        # without a file: else each process that a test starts would import this one
        sys.modules["__main__"] = ModuleType("__main__")
        return int(pytest.main(list(call["arguments"])))  # type: ignore[call-overload]
    sys.argv = [harness.__main__.__file__, *call["arguments"]]  # type: ignore[misc]
    sys.modules["__main__"] = harness.__main__  # help and errors name the program by it
    try:
        harness.cli.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


if __name__ == "__main__":
    sys.exit(_fork_for_each(*(socket.socket(fileno=int(number)) for number in sys.argv[1:])))
