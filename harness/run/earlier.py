"""What earlier runs of this machine left in a backend's database, as far as their journals tell."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import UsageError
from harness.sut.journal import journal_file, read_head, read_journal

JOURNALS_MAX: Final = 200
IDS_MAX: Final = 200_000
"""Of so many journals, the newest, no more are read once so many ids are known."""


@dataclass(frozen=True, slots=True)
class EarlierRuns:
    """Runs against one backend whose journals are here."""

    ids: frozenset[str] = frozenset()
    """Of replies: their rows are known by them at whatever address."""
    journals: int = 0
    unread: int = 0
    """Journals, of whatever backend, that were not read: too many are here."""


def earlier_runs(url: str, own: Path | None) -> EarlierRuns:
    """The runs against the backend at a URL whose journals lie in the default folder, or beside `own`, left out itself.

    What is no journal, or cannot be read, is passed over.
    """
    ids: set[str] = set()
    journals = 0
    files = _newest(own)
    for number, file in enumerate(files):
        if number >= JOURNALS_MAX or len(ids) >= IDS_MAX:
            return EarlierRuns(frozenset(ids), journals, len(files) - number)
        try:
            if read_head(file).backend.rstrip("/") != url.rstrip("/"):
                continue
            ids |= read_journal(file).ids
        except UsageError:
            continue
        journals += 1
    return EarlierRuns(frozenset(ids), journals)


@dataclass(frozen=True, slots=True)
class Known:
    """Runs of whatever backend whose journals are in the default folder."""

    runs: frozenset[str]
    addresses: frozenset[str]
    """That only one run has."""
    ids: frozenset[str]


def known_runs() -> Known:
    """The names of all runs that have a journal here, and what was sent and answered, of the newest, up to a bound."""
    runs: set[str] = set()
    addresses: set[str] = set()
    ids: set[str] = set()
    for number, file in enumerate(_newest(None)):
        try:
            if number >= JOURNALS_MAX or len(ids) >= IDS_MAX:
                runs.add(read_head(file).run)
                continue
            found = read_journal(file)
        except UsageError:
            continue
        runs.add(found.run)
        addresses |= found.addresses
        ids |= found.ids
    return Known(frozenset(runs), frozenset(addresses), frozenset(ids))


def _newest(own: Path | None) -> list[Path]:
    folders = {journal_file("").parent.resolve(), *([own.parent.resolve()] if own else [])}
    found: list[tuple[float, Path]] = []
    for folder in folders:
        for file in folder.glob("*.jsonl"):
            try:
                if file.is_file() and not (own and file == own.resolve()):
                    found.append((file.stat().st_mtime, file))
            except OSError:  # gone, or not ours to look at
                continue
    return [file for _, file in sorted(found, reverse=True)]
