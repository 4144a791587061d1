"""The parent of one embedded postmaster: starts it, and clears it away as soon as the harness is gone.

A process of its own in a session of its own: Ctrl-C does not reach it, and whatever ends the harness also ends
the pipe on its standard input, which is the one way to stop a server. It answers with one line of JSON:
`{"directory", "socket", "postmaster", "version"}` when the server takes connections, else `{"error"}`.
Standard library only, for a start without site-packages; it must not know what the server is for.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.database import cluster
from harness.database.harness_watch import _POLL_SECONDS, HarnessGoneError, Watch
from harness.database.server_seeds import fill

INITDB_SECONDS: Final = 60.0
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
"""Above the 5 s after which a postmaster in immediate shutdown kills its children."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """What the harness wants; the fields of the JSON object in the first argument."""

    install: str  # folder with bin/, lib/ and share/ of one Postgres version
    package: str  # name and version of where it came from
    bases: list[tuple[str, int]]  # folders for the data directory, each with the bytes that must be free
    seeds: str  # folder of initialised data directories
    settings: dict[str, str]  # of the server
    revives: bool = False  # starts it again, on the same data, when it dies by itself


class Postmaster:
    """One server process and its directory."""

    def __init__(self, watch: Watch, directory: cluster.ServerDirectory, account: cluster.Account) -> None:
        self._watch = watch
        self._directory = directory
        self._account = account
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, install: Path, settings: dict[str, str]) -> int:
        """Starts it and waits until it takes connections; its process id."""
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        watchdog = os.getpid()

        def die_with_the_watchdog() -> None:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
            if os.getppid() != watchdog:
                os._exit(1)

        with self._directory.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    install / "bin" / "postgres",
                    "-D",
                    self._directory.data,
                    "-k",
                    self._directory.socket,
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._directory.lock,),
                preexec_fn=die_with_the_watchdog,  # safe: this process has one thread
                **_as(self._account),
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if self.ended() or time.monotonic() > deadline:
                raise RuntimeError(_last_words(self._directory.log.read_text(errors="replace")))
            self._watch.wait(self.ended, _POLL_SECONDS)
        return self._process.pid

    def _is_ready(self) -> bool:
        """Source: PostgreSQL, "postmaster.pid": line 8 is the postmaster's state, as pg_ctl reads it."""
        with suppress(OSError, IndexError):
            lines = (self._directory.data / "postmaster.pid").read_text().splitlines()
            pid = self._process and str(self._process.pid)
            # The file may be that of a postmaster which was killed.
            return lines[0] == pid and lines[7].strip() == "ready"
        return False

    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        """Ends it without a checkpoint, since its data goes too, and waits for every process of it."""
        for how in (signal.SIGQUIT, signal.SIGKILL):
            if self._process is not None and not self.ended():
                self._process.send_signal(how)
                self._watch.wait(self.ended, STOP_SECONDS, harness=False)
        if not self._watch.wait(_childless, 1.0, harness=False):
            for orphan in _children():
                with suppress(ProcessLookupError):
                    os.kill(orphan, signal.SIGKILL)
            self._watch.wait(_childless, STOP_SECONDS, harness=False)


def _childless() -> bool:
    """Reaps what has ended; orphans of the server come here because this process is their subreaper."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
        return False
    return True


def _children() -> list[int]:
    with suppress(OSError):
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    return []


def _prctl(option: int, argument: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)


def _as(account: cluster.Account) -> dict[str, Any]:
    """How to start a process as the server's account, with nothing of the user's own environment."""
    identity = {"user": account.uid, "group": account.gid, "extra_groups": []} if account.changes else {}
    return {"cwd": "/", "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}, **identity}


def _last_words(output: str) -> str:
    return " / ".join(output.strip().splitlines()[-3:]) or "it said nothing"


def _run(watch: Watch, account: cluster.Account, command: Sequence[str]) -> str:
    """See cluster.Run."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        text=True,
        errors="replace",
        **_as(account),
    ) as process:
        try:
            ended = watch.wait(lambda: process.poll() is not None, INITDB_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        output: str = process.stdout.read()
    if process.returncode != 0:
        how = f"exit code {process.returncode}" if ended else f"not done after {INITDB_SECONDS:.0f} s"
        raise RuntimeError(f"{Path(command[0]).name}: {how}: {_last_words(output)}")
    return output


def serve(spec: ServerSpec) -> None:
    """Keeps one server until the harness is gone or the postmaster is dead; leaves nothing behind."""
    watch = Watch()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    account = cluster.Account.usual()

    def run(command: Sequence[str]) -> str:
        return _run(watch, account, command)

    install = Path(spec.install)
    reachable = True
    try:
        run([str(install / "bin" / "postgres"), "--version"])
    except PermissionError:
        reachable = False
    cluster.sweep([base for base, _ in spec.bases])
    directory = cluster.make_directory(spec.bases, account, runs_programs=not reachable)
    postmaster = Postmaster(watch, directory, account)
    try:
        if not reachable:
            install = cluster.runnable(install, directory)
        version = run([str(install / "bin" / "postgres"), "--version"]).split()[2]
        fill(directory, install, account, run, Path(spec.seeds), f"{spec.package}-postgres-{version}")
        while True:
            pid = postmaster.start(install, spec.settings)
            _message(
                directory=str(directory.path), socket=str(directory.socket), postmaster=pid, version=version
            )
            watch.wait(postmaster.ended, None)
            if not spec.revives:
                break
            postmaster.stop()  # its children first: the data is theirs until the last has gone
    finally:
        postmaster.stop()
        cluster.remove(directory)


def _message(**fields: str | int) -> None:
    with suppress(BrokenPipeError):  # the harness has gone; its end of the other pipe tells that too
        os.write(1, (json.dumps(fields) + "\n").encode())


def main(argument: str) -> int:
    """Exit code 1 when there was no server to be had, else 0."""
    try:
        serve(ServerSpec(**json.loads(argument)))
    except HarnessGoneError:
        return 0
    except (OSError, RuntimeError, KeyError) as error:
        _message(error=" ".join(str(error).split()))
        return 1
    return 0
