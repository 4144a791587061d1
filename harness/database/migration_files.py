"""Migration files as people keep them, of whichever tool: what each does going up, and how its tool sends it. Pure but
for reading the files.

A tool is recognised by its folder or by the marks in a file; where nothing names it, each statement is sent by itself,
as psql does. Sources: the manuals of drizzle, Prisma, Flyway, golang-migrate, sqlx, diesel, goose, dbmate,
sql-migrate, node-pg-migrate, Liquibase, tern, Atlas, sqitch, Hasura, Supabase, graphile-migrate and Play.
"""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from harness.database.migration_layouts import LayoutPlace, places
from harness.database.migration_marks import Section, SentAs, by_marks
from harness.errors import UsageError

__all__ = [
    "MigrationFile",
    "Migrations",
    "Section",
    "SentAs",
    "SetAside",
    "read_migration",
    "read_migrations",
]


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One file that goes up. Its text has blank lines where the file goes down again."""

    name: str
    """Below the folder, with slashes."""
    version: str
    """Its number without zeros before it; empty where its name has none or needs none."""
    needs_version: bool
    tool: str
    """Empty where nothing names it."""
    sections: tuple[Section, ...]
    """What its tool sends apart: Liquibase's changesets; one elsewhere."""
    replaces: frozenset[str] = frozenset()
    """The styles of placeholders that its tool fills in before PostgreSQL sees the file."""
    encoding: str = "UTF-8"
    bad_line: int = 0
    """The line of the first byte that is not UTF-8; 0 without one."""

    @property
    def sent(self) -> str:
        """How its tool sends it, in words."""
        ways = {section.sent for section in self.sections}
        return ways.pop() if len(ways) == 1 else "each changeset as it says"

    @property
    def text(self) -> str:
        """All that goes up, with blank lines for the rest."""
        pieces = [section.text.splitlines(keepends=True) for section in self.sections]
        return "".join(max(lines, key=lambda line: len(line.strip())) for lines in zip(*pieces, strict=True))


class SetAside(NamedTuple):
    """A file that is not judged as a migration, and why. `line` is where it has the words looked for; 0 without."""

    name: str
    line: int
    reason: str


class Migrations(NamedTuple):
    """What a folder holds."""

    files: tuple[MigrationFile, ...]
    """Those that go up, by name."""
    dumps: tuple[SetAside, ...]
    """Files of SQL that are no migration."""
    foreign: tuple[SetAside, ...]
    """Migrations in another language, which have the words looked for."""
    planned: frozenset[str] | None
    """The changes of sqitch's plan; None without one."""


_BOMS: Final = (
    (codecs.BOM_UTF8, "UTF-8 with a byte order mark", "utf-8-sig"),
    # UTF-32's mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "UTF-32", "utf-32"),
    (codecs.BOM_UTF32_BE, "UTF-32", "utf-32"),
    (codecs.BOM_UTF16_LE, "UTF-16", "utf-16"),
    (codecs.BOM_UTF16_BE, "UTF-16", "utf-16"),
)
_LANGUAGES: Final = {
    ".rb": "Ruby; write `bin/rails db:migrate`'s statements, as its log shows them, to a .sql file and lint that",
    ".py": "Python; write `manage.py sqlmigrate` or `alembic upgrade --sql` to a .sql file and lint that",
    ".js": "JavaScript; write the statements that it sends to a .sql file and lint that",
    ".ts": "TypeScript; write the statements that it sends to a .sql file and lint that",
    ".go": "Go; write the statements that it sends to a .sql file and lint that",
    ".java": "Java; write the statements that it sends to a .sql file and lint that",
    ".kt": "Kotlin; write the statements that it sends to a .sql file and lint that",
    ".xml": "XML; write `liquibase update-sql` to a .sql file and lint that",
    ".yaml": "YAML; write `liquibase update-sql` to a .sql file and lint that",
    ".yml": "YAML; write `liquibase update-sql` to a .sql file and lint that",
}
"""Languages of migrations that are not read, by suffix, each with the way to what they send."""


def read_migrations(path: Path, words: str) -> Migrations:
    """What a folder holds; `words` says which files of other languages to name.

    Raises UsageError where there is no folder, or a file cannot be read or decoded.
    """
    if not path.is_dir():
        raise UsageError(f"no folder of migrations: {path}; name the one that holds the .sql files")
    try:
        layout = places(path)
        files = sorted(map(_file, layout.up), key=lambda file: file.name)
        dumps = tuple(
            SetAside(place.name, 1, "no migration, but a dump of a schema") for place in layout.dumps
        )
        foreign = tuple(_foreign(path, words))
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}; mend its rights") from None
    return Migrations(tuple(files), dumps, foreign, layout.planned)


def read_migration(file: Path) -> MigrationFile:
    """One file, sent as the tool that its folder is of sends it; by itself where nothing tells.

    Raises UsageError where it is not there, or cannot be read or decoded.
    """
    if not file.is_file():
        raise UsageError(f"no migration file: {file}; name a .sql file that is there")
    try:
        for folder in (file.parent.parent, file.parent):
            name = file.relative_to(folder).as_posix()
            for place in places(folder).up:
                if place.name == name:
                    return _file(place)
        return _file(LayoutPlace(file, file.name, "", False, "", SentAs.APART))
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}; mend its rights") from None


def _file(place: LayoutPlace) -> MigrationFile:
    text, encoding, bad_line = _read(place.path)
    marked = by_marks(text, place.tool, place.sent)
    # What Liquibase and graphile-migrate's draft are called has no meaning.
    needs = place.needs_version and marked.tool not in ("Liquibase", "graphile-migrate")
    return MigrationFile(
        place.name, place.version, needs, marked.tool, marked.sections, marked.replaces, encoding, bad_line
    )


def _foreign(path: Path, words: str) -> Iterable[SetAside]:
    folders = [path, *(folder for folder in sorted(path.iterdir()) if folder.is_dir())]
    for folder in folders:
        for file in sorted(folder.iterdir()):
            language = _LANGUAGES.get(file.suffix.lower())
            if language is None or not file.is_file():
                continue
            text = file.read_text(encoding="utf-8", errors="replace")
            if at := re.search(re.escape(words), text, re.IGNORECASE):
                name = file.relative_to(path).as_posix()
                yield SetAside(name, text.count("\n", 0, at.start()) + 1, f"it is {language}")


def _read(file: Path) -> tuple[str, str, int]:
    """Text, encoding and the line of the first byte that is not UTF-8.

    What is neither UTF-8 nor marked as UTF-16 or UTF-32 is read by its ASCII letters alone.
    """
    raw = file.read_bytes()
    for mark, encoding, codec in _BOMS:
        if raw.startswith(mark):
            try:
                return raw.decode(codec), encoding, 1
            except UnicodeDecodeError:
                break
    if b"\0" in raw:
        raise UsageError(f"{file} is no text: it holds a zero byte; save it as UTF-8")
    try:
        return raw.decode("utf-8"), "UTF-8", 0
    except UnicodeDecodeError as error:
        return raw.decode("latin-1"), "no UTF-8", raw.count(b"\n", 0, error.start) + 1
