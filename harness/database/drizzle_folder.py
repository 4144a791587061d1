"""A folder of migrations as drizzle keeps it: every file, and the journal in its order. Source: drizzle-orm 0.44.7."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.database.scripts import Script
from harness.errors import UsageError

BREAKPOINT: Final = "--> statement-breakpoint"
"""Where a file is cut into messages; a comment to everybody else."""


JOURNAL: Final = "meta/_journal.json"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A line of the journal. `tag` is a file's name without `.sql`; `when` is in milliseconds since 1970."""

    tag: str
    when: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of migrations: every file in it, and the journal in its own order."""

    files: tuple[Script, ...]
    journal: tuple[JournalEntry, ...]

    @classmethod
    def read(cls, path: Path) -> "Folder":
        """Reads a folder; one without a journal has an empty one. Raises UsageError when there is nothing to read."""
        if not path.is_dir():
            raise UsageError(f"no folder of migrations: {path}; name the one that holds the .sql files")
        try:
            files = tuple(Script.of(file) for file in sorted(path.glob("*.sql")))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"a file in {path} cannot be read: {error}; save it as UTF-8") from None
        return cls(files, read_journal(path))

    def write(self, path: Path) -> None:
        """Writes it out for the real migrator."""
        (path / JOURNAL).parent.mkdir(parents=True)
        for file in self.files:
            (path / file.name).write_text(file.text, encoding="utf-8")
        entries = [
            {"idx": index, "version": "7", "when": entry.when, "tag": entry.tag, "breakpoints": True}
            for index, entry in enumerate(self.journal)
        ]
        document = {"version": "7", "dialect": "postgresql", "entries": entries}
        (path / JOURNAL).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def pending(self, newest: int | None) -> tuple[tuple[JournalEntry, Script], ...]:
        """What would run after the newest recorded time. Raises UsageError for an entry without its file."""
        return tuple(
            (entry, self._file(entry)) for entry in self.journal if newest is None or newest < entry.when
        )

    def _file(self, entry: JournalEntry) -> Script:
        for file in self.files:
            if file.name == f"{entry.tag}.sql":
                return file
        raise UsageError(f"the journal names {entry.tag}, but there is no file {entry.tag}.sql beside it")


def read_journal(path: Path) -> tuple[JournalEntry, ...]:
    """The journal of a folder, in its order; none without one. Raises UsageError when it cannot be read."""
    try:
        document = json.loads((path / JOURNAL).read_text(encoding="utf-8"))
        return tuple(JournalEntry(str(entry["tag"]), int(entry["when"])) for entry in document["entries"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"the journal {path / JOURNAL} cannot be read ({type(error).__name__}: {error}); "
            "it must be what drizzle-kit writes"
        ) from error
