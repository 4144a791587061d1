"""`harness` and `pytest` as their users start them: a process with its own arguments, streams and environment.

The imports of a command take a second. So one process has them ready, and forks itself for each call.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Final

import pytest

import harness.__main__
import harness.cli
import harness.run

LIMIT_S: Final = 240
"""After so long a call is killed."""
ROOT: Final = Path(__file__).resolve().parent.parent
_TURN: Final = Lock()


def harness_command(
    *arguments: str, env: Mapping[str, str] | None = None, stdin: int = subprocess.DEVNULL
) -> subprocess.CompletedProcess[str]:
    """What `python -m harness ARGUMENTS` prints and returns; `env` is the whole environment, `stdin` an open file."""
    return _forked("harness", arguments, env, stdin)


def pytest_command(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What `python -m pytest ARGUMENTS` prints and returns, in this directory."""
    return _forked("pytest", arguments, env, subprocess.DEVNULL)


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
            talk = _forking()
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
def _forking() -> socket.socket:
    """The process that forks; it ends when its socket is closed, as it is at the latest with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.command", str(theirs.fileno())]
    process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(LIMIT_S)

    atexit.register(end)
    return ours


def _fork_for_each(talk: socket.socket) -> int:
    """Forks for each call, until its socket is closed."""
    for package in (harness.run, harness.cli):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    gc.freeze()  # else each collection in a fork writes into, and so copies, the pages of all that is imported
    while True:
        message, files, _, _ = socket.recv_fds(talk, 1 << 20, 3)
        if not message:
            return 0
        child = os.fork()
        if child == 0:
            talk.close()
            code = _called(json.loads(message), files)
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # to take down what was imported costs more than most calls
        for file in files:
            os.close(file)
        talk.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


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
    sys.exit(_fork_for_each(socket.socket(fileno=int(sys.argv[1]))))
