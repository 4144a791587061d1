"""The files of one embedded Postgres: its directory, and binaries that its account can run.

Standard library only, since the watchdog runs it without site-packages. Knows nothing of processes that last,
of readiness or of the harness; `run` is how it starts the short programs it needs.
"""

import ctypes
import fcntl
import os
import pwd
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFIX: Final = "harness-pg-"
SOCKET_PATH_BYTES_MAX: Final = 100
"""Socket addresses hold 104 bytes on macOS and 108 on Linux, with the final zero."""


_IPC_RMID: Final = 0
_IPC_STAT: Final = 2

Run = Callable[[Sequence[str]], str]
"""Runs one short program as the server's account, in its own process group, and returns its output.

Raises OSError when it cannot be started, RuntimeError with its last words when it fails.
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Who the server runs as; Postgres refuses to run as root."""

    uid: int
    gid: int
    changes: bool

    @staticmethod
    def usual() -> "Account":
        """`nobody` for root, else the user himself."""
        if os.geteuid() != 0:
            return Account(os.geteuid(), os.getegid(), changes=False)
        nobody = pwd.getpwnam("nobody")
        return Account(nobody.pw_uid, nobody.pw_gid, changes=True)


@dataclass(frozen=True, slots=True)
class ServerDirectory:
    """A directory that this process made and holds a lock on, for one server.

    The lock is on the directory itself, by a descriptor that the postmaster and its children inherit: whoever
    gets the lock knows that none of them lives any more.
    """

    path: Path
    lock: int

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def socket(self) -> Path:
        return self.path / "socket"

    @property
    def log(self) -> Path:
        return self.path / "log"


def make_directory(
    bases: Sequence[tuple[str, int]], account: Account, runs_programs: bool
) -> ServerDirectory:
    """A new, locked directory in the first base that has room.

    Each base comes with the bytes that must be free there. `runs_programs` refuses a base mounted noexec.
    Raises OSError when none will do.
    """
    refusals = []
    for base, bytes_free_min in bases:
        refusal = _refusal(Path(base), bytes_free_min, runs_programs)
        if refusal:
            refusals.append(f"{base} {refusal}")
            continue
        directory = _locked_directory(Path(base))
        if account.changes:
            directory.path.chmod(0o711)  # the account must pass through it to what is its own
        for folder in (directory.data, directory.socket):
            folder.mkdir(mode=0o700)
            os.chown(folder, account.uid, account.gid)
        return directory
    raise OSError("no directory for a data directory: " + ", ".join(refusals))


def _refusal(base: Path, bytes_free_min: int, runs_programs: bool) -> str | None:
    if not os.access(base, os.W_OK | os.X_OK):
        return "is not writable"
    if len(os.fsencode(base / f"{PREFIX}01234567/socket/.s.PGSQL.5432")) > SOCKET_PATH_BYTES_MAX:
        return "makes too long a socket path"
    room = os.statvfs(base)
    if room.f_bavail * room.f_frsize < bytes_free_min:
        return f"has less than {bytes_free_min >> 20} MiB free"
    if runs_programs and room.f_flag & getattr(os, "ST_NOEXEC", 0):
        return "is mounted noexec"
    return None


def _locked_directory(base: Path) -> ServerDirectory:
    for _ in range(10):
        path = base / f"{PREFIX}{os.urandom(4).hex()}"
        path.mkdir(mode=0o700)
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        # Between mkdir and flock another start may take it for a dead server's directory and sweep it.
        if _locks(lock) and path.exists():
            return ServerDirectory(path, lock)
        os.close(lock)
    raise OSError(f"directories made in {base} are removed by somebody else")


def _locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sweep(bases: Sequence[str]) -> None:
    """Removes what servers of this user left whose watchdog and every process of theirs are dead."""
    for base in dict.fromkeys(bases):
        for path in Path(base).glob(f"{PREFIX}*"):
            try:
                lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            except OSError:
                continue
            try:
                if os.fstat(lock).st_uid == os.geteuid() and _locks(lock):
                    with suppress(OSError):
                        remove(ServerDirectory(path, lock))
            finally:
                os.close(lock)


def remove(directory: ServerDirectory) -> None:
    """Removes the directory, and the shared memory that a killed postmaster left; nobody may use them any more."""
    _remove_segment(directory.data / "postmaster.pid")
    shutil.rmtree(directory.path)


def _remove_segment(pid_file: Path) -> None:
    """Source: PostgreSQL, "postmaster.pid": line 7 holds the key and the id of the System V segment."""
    try:
        key, identifier = map(int, pid_file.read_text().splitlines()[6].split())
    except (OSError, ValueError, IndexError):
        return  # a clean stop removes the file, and the segment before it
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    status = ctypes.create_string_buffer(512)  # struct shmid_ds takes 112 bytes; its first field is the key
    found = libc.shmctl(identifier, _IPC_STAT, status) == 0
    if found and ctypes.c_uint32.from_buffer(status).value == key & 0xFFFFFFFF:
        libc.shmctl(identifier, _IPC_RMID, None)


def runnable(install: Path, directory: ServerDirectory) -> Path:
    """A copy of the binaries beside the data, for an account that cannot reach the installed ones.

    Two levels deep like the original, so that the libraries are found beside the package.
    """
    package = install.parent
    libraries = package.with_name(package.name + ".libs")
    copy = directory.path / "programs" / package.name / install.name
    for part in ("lib/postgresql", "share/postgresql"):
        shutil.copytree(install / part, copy / part)
    (copy / "bin").mkdir()
    for program in ("postgres", "initdb"):
        shutil.copy(install / "bin" / program, copy / "bin")
    if libraries.is_dir():
        shutil.copytree(libraries, directory.path / "programs" / libraries.name)
    for folder, _, files in os.walk(directory.path / "programs"):
        Path(folder).chmod(0o755)  # the originals may have been installed under a strict umask
        for name in files:
            Path(folder, name).chmod(0o755)
    return copy
