"""What a run wrote to somebody's system, on disk before it is sent: so that it can be taken back after a crash.

A file of JSON lines (`harness.journal/1`): a head, then a line for each request before it is sent, then a line for
each reply that had an id. It holds neither token nor e-mail nor the database's address. By default it lies in
`$XDG_STATE_HOME/rollout-harness/runs/` (`~/.local/state/...`), named after the run.
"""

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import IO, Any, Final, Self

from harness import plan
from harness.data import state_path
from harness.errors import UnavailableError, UsageError
from harness.sut.observation import Exchange, Probe

SCHEMA: Final = "harness.journal/1"
ENDED: Final = {"ended": True}
"""The last line of a journal whose run came to its end."""
RUN: Final = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")
"""A run is named after its start (UTC) and the 32 bits in its addresses."""


class Journal:
    """The journal of one run, being written; a context manager."""

    def __init__(self, file: Path, run: str, stream: IO[str]) -> None:
        self.file = file
        self.run = run
        self._stream = stream
        self._lock = Lock()  # replies are noted on one thread while what is next is noted on another

    @classmethod
    def open(cls, file: Path, run: str, url: str, started: datetime) -> Self:
        """Begins a journal; that of a run which came to its end is set aside under the name of its run.

        Raises UsageError when there is one of a run which did not, or another file; UnavailableError when it cannot be
        written.
        """
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.exists():
                _set_aside(file)
            stream = file.open("x", encoding="ascii")
        except OSError as error:
            raise UnavailableError(
                f"cannot write journal {file}: {error.strerror}; name one with --journal"
            ) from None
        journal = cls(file, run, stream)
        journal._write([{"schema": SCHEMA, "run": run, "backend": url, "started": started.isoformat()}])
        return journal

    def sending(self, probes: Iterable[Probe]) -> None:
        """Notes requests; they may be sent once this has returned."""
        self._write(probe.listed for probe in probes)

    def replied(self, exchanges: Iterable[Exchange]) -> None:
        """Notes the ids of replies, by which rows are found where addresses do not reach them."""
        self._write(
            {"answered": exchange.probe.number, "id": identity}
            for exchange in exchanges
            if (identity := exchange.identity)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Notes that the run came to its end, unless an exception ends it."""
        try:
            if kind is None:
                self._write([ENDED])
        finally:
            self._stream.close()

    def _write(self, lines: Iterable[dict[str, Any]]) -> None:
        written = "".join(json.dumps(line) + "\n" for line in lines)
        try:
            with self._lock:
                self._stream.write(written)
                self._stream.flush()
                os.fsync(self._stream.fileno())
        except OSError as error:
            raise UnavailableError(
                f"cannot write journal {self.file}: {error.strerror}; nothing more was sent"
            ) from None


@dataclass(slots=True)
class Journalled:
    """What a journal says was sent."""

    run: str
    backend: str
    started: datetime
    addresses: set[str] = field(default_factory=set)
    """Of anonymous requests; no other run has them."""
    shared: set[str] = field(default_factory=set)
    """Of anonymous requests; other runs may have them, too."""
    ids: set[str] = field(default_factory=set)
    requests: int = 0
    ended: bool = False
    """Whether the run came to its end, or was cleaned up after."""


@contextmanager
def new_journal(
    given: Path | None, url: str, started: datetime, bits: int, on_line: Callable[[str], None]
) -> Iterator[Journal]:
    """The journal of a run that begins, in the file that was given or under the run's name; says where it is.

    Raises as `Journal.open`.
    """
    run = run_name(started, bits)
    file = given or journal_file(run)
    with Journal.open(file, run, url, started) as journal:
        named = run if given is None else shlex.quote(str(file))
        on_line(
            f"run {run}: requests are noted in {file} before they are sent; harness clean {named} takes them back"
        )
        yield journal


def run_name(started: datetime, bits: int) -> str:
    """The name of a run, from its start (UTC) and the 32 bits in its addresses."""
    return f"{started:%Y%m%d-%H%M%S}-{bits:08x}"


def run_mark(run: str) -> str:
    """What the user agent of a run's requests holds."""
    return f"{plan.MARK}/{run}"


def journal_file(run: str) -> Path:
    """Where the journal of a run is kept."""
    return state_path(f"runs/{run}.jsonl")


def find_journal(run_or_file: str) -> Path:
    """The journal of a run that is named, or the file itself. Raises UsageError when there is none."""
    file = journal_file(run_or_file) if RUN.fullmatch(run_or_file) else Path(run_or_file)
    if file.is_file():
        return file
    kept = sorted(found.stem for found in journal_file("").parent.glob("*.jsonl"))
    known = f"known runs: {', '.join(kept[-5:])}" if kept else "no run has left a journal here"
    raise UsageError(f"no journal {file}; {known}")


def note_end(file: Path) -> None:
    """Notes in a journal that nothing of its run is left; a last line that was cut short goes. Raises OSError."""
    with file.open("r+b") as stream:
        whole = stream.read().rfind(b"\n") + 1
        stream.truncate(whole)
        stream.seek(whole)
        stream.write(f"{json.dumps(ENDED)}\n".encode())


def _set_aside(file: Path) -> None:
    there = read_journal(file)
    if not there.ended:
        raise UsageError(
            f"journal {file} is of run {there.run}, which did not come to its end; take its rows back with "
            f"harness clean {shlex.quote(str(file))}, or name another file"
        )
    aside = file.with_name(f"{file.stem}-{there.run}{file.suffix}")
    if aside.exists():
        raise UsageError(f"journal {file} cannot be set aside: {aside} is there, too; name another file")
    file.rename(aside)


def read_head(file: Path) -> Journalled:
    """Which run of which backend a journal is of; only its first line is read. Raises UsageError for any other file."""
    try:
        with file.open(encoding="ascii") as stream:
            return _of_head(stream.readline())
    except (OSError, ValueError, KeyError, TypeError):
        raise UsageError(_no_journal(file)) from None


def _of_head(line: str) -> Journalled:
    head = json.loads(line)
    if head["schema"] != SCHEMA:
        raise ValueError(head["schema"])
    return Journalled(head["run"], head["backend"], datetime.fromisoformat(head["started"]))


def _no_journal(file: Path) -> str:
    return f"{file} is no journal of schema {SCHEMA}; name one that a run has written"


def read_journal(file: Path) -> Journalled:
    """What a journal says; a last line that was cut short is left out. Raises UsageError for any other file."""
    problem = UsageError(_no_journal(file))
    try:
        lines = file.read_text(encoding="ascii").splitlines()
        found = _of_head(lines[0])
        for number, line in enumerate(lines[1:], start=2):
            try:
                entry = json.loads(line)
            except ValueError:
                if number == len(lines):
                    break
                raise
            if entry == ENDED:
                found.ended = True
            elif "id" in entry:
                found.ids.add(entry["id"])
            else:
                found.requests += 1
                if entry["auth"] != "signed in":
                    # There are too few IPv4 addresses for documentation to give each run its own.
                    (found.addresses if ":" in entry["address"] else found.shared).add(entry["address"])
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        raise problem from None
    return found
