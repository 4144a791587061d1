"""Migration files as people keep them, of whichever tool: what each does going up, and how its tool sends it. Pure but
for reading the files.

A tool is recognised by its folder or by the marks in a file; where nothing shows it, each statement is sent by
itself, as psql does. Sources: the manuals of drizzle, Prisma, Flyway, golang-migrate, sqlx, diesel, goose, dbmate,
sql-migrate, node-pg-migrate and Liquibase.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from harness.database.drizzle_folder import JOURNAL
from harness.database.scripts import statements_of
from harness.errors import UsageError


class Sent(StrEnum):
    """How a tool sends a file."""

    APART = "each statement by itself"
    AT_ONCE = "as one message, which is one transaction if it holds several statements"
    TRANSACTION = "in one transaction"


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One file that goes up. Its text has blank lines where the file goes down again."""

    name: str
    """Below the folder, with slashes."""
    text: str
    version: str
    """Its number without zeros before it; empty where its name has none or needs none."""
    needs_version: bool
    tool: str
    """Empty where nothing shows it."""
    sent: Sent
    encoding: str = "UTF-8"


_PAIR: Final = re.compile(r"(?i)[._-](up|down|do|undo)\.sql$")
_DOWN: Final = ("down", "undo")
_FLYWAY: Final = re.compile(r"(?i)^(?:V(?P<version>[\d._]+)|U[\d._]+|R)__")
_NUMBER: Final = re.compile(r"0*(\d{4}-\d\d-\d\d(?:-\d+)?|\d+[a-z]?)(?=[_.-]|$)")
_MARKS: Final = (
    ("goose", r"\+goose\s+(up|down)\b", r"\+goose\s+no\s+transaction"),
    ("dbmate", r"migrate:(up|down)\b", r"migrate:up\b.*transaction:false"),
    ("sql-migrate", r"\+migrate\s+(up|down)\b", r"\+migrate\s+up\b.*notransaction"),
    ("node-pg-migrate", r"(up|down)\s+migration\b", r"pg-migrate-disable-transaction"),
)
"""A tool; in a comment, what begins a direction, and what keeps the file out of a transaction."""
_LIQUIBASE: Final = re.compile(r"(?i)^\s*--\s*liquibase\s+formatted\s+sql")
_NO_TRANSACTION: Final = re.compile(r"(?i)^\s*--\s*no-transaction")
_BOMS: Final = (
    (codecs.BOM_UTF8, "UTF-8 with a byte order mark", "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "UTF-16", "utf-16"),
    (codecs.BOM_UTF16_BE, "UTF-16", "utf-16"),
)


def read_migrations(path: Path) -> tuple[MigrationFile, ...]:
    """The files that go up, by name: those in the folder, and `migration.sql` or `up.sql` of a folder each.

    Raises UsageError where there is no folder, or a file cannot be read or decoded.
    """
    if not path.is_dir():
        raise UsageError(f"no folder of migrations: {path}; name the one that holds the .sql files")
    try:
        flat = [file for file in sorted(path.iterdir()) if file.suffix.lower() == ".sql" and file.is_file()]
        nested = [
            file
            for folder in sorted(path.iterdir())
            if folder.is_dir()
            for file in sorted(folder.iterdir())
            if file.name.lower() in ("migration.sql", "up.sql")
        ]
        found = [*_flat(path, flat), *map(_nested, nested)]
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}; mend its rights") from None
    return tuple(sorted(found, key=lambda file: file.name))


def _flat(path: Path, files: list[Path]) -> Iterator[MigrationFile]:
    journalled = (path / JOURNAL).is_file()
    for file in files:
        pair, flyway = _PAIR.search(file.name), _FLYWAY.match(file.name)
        if (pair and pair[1].lower() in _DOWN) or (flyway and file.name[0] in "Uu"):
            continue
        text, encoding = _read(file)
        number = _NUMBER.match(file.name)
        version = number[1] if number else ""
        if flyway:
            parts = re.split(r"[._]", flyway["version"] or "")
            version = ".".join(part.lstrip("0") or "0" for part in parts) if flyway["version"] else ""
            version = re.sub(r"(\.0)+$", "", version)  # 7 and 7.0 are one
            yield MigrationFile(file.name, text, version, False, "Flyway", _by_flyway(text), encoding)
            continue
        up, tool, sent = _by_marks(text)
        if journalled:
            tool, sent = "drizzle", Sent.TRANSACTION
        elif not tool and _NO_TRANSACTION.match(text):
            tool, sent = "sqlx", Sent.APART
        elif not tool and pair:
            tool, sent = "up and down", Sent.AT_ONCE
        yield MigrationFile(file.name, up, version, True, tool, sent, encoding)


def _by_flyway(text: str) -> Sent:
    """It leaves out the transaction for a file of statements that cannot be in one, and refuses to mix them."""
    code = [statement.text for statement in statements_of(text)]
    alone = all(re.search(r"(?i)\bCONCURRENTLY\b|^\s*(?:RE)?SET\b", statement) for statement in code)
    return Sent.APART if alone else Sent.TRANSACTION


def _nested(file: Path) -> MigrationFile:
    text, encoding = _read(file)
    name, number = f"{file.parent.name}/{file.name}", _NUMBER.match(file.parent.name)
    tool, sent = "Prisma", Sent.AT_ONCE
    if file.name.lower() == "up.sql":
        settings = file.parent / "metadata.toml"
        free = settings.is_file() and re.search(r"run_in_transaction\s*=\s*false", _read(settings)[0])
        tool, sent = "diesel", Sent.APART if free else Sent.TRANSACTION
    elif (file.parent / "snapshot.json").is_file():
        tool, sent = "drizzle", Sent.TRANSACTION
    return MigrationFile(name, text, number[1] if number else "", True, tool, sent, encoding)


def _by_marks(text: str) -> tuple[str, str, Sent]:
    """The part that goes up, with blank lines for the rest; the tool, and how it sends the file."""
    if _LIQUIBASE.match(text):
        is_free = re.search(r"(?i)runInTransaction:false", text)
        return text, "Liquibase", Sent.APART if is_free else Sent.TRANSACTION
    for tool, begin, free in _MARKS:
        lines, up, marked = [], True, False
        for line in text.splitlines(keepends=True):
            if direction := re.match(rf"(?i)\s*--\s*{begin}", line):
                up, marked = direction[1].lower() == "up", True
            lines.append(line if up else "\n")
        if marked:
            is_free = re.search(rf"(?im)^\s*--\s*{free}", text)
            return "".join(lines), tool, Sent.APART if is_free else Sent.TRANSACTION
    return text, "", Sent.APART


def _read(file: Path) -> tuple[str, str]:
    """Text and encoding. What is neither UTF-8 nor marked as UTF-16 is read by its ASCII letters alone."""
    raw = file.read_bytes()
    for mark, encoding, codec in _BOMS:
        if raw.startswith(mark):
            try:
                return raw.decode(codec), encoding
            except UnicodeDecodeError:
                break
    if b"\0" in raw:
        raise UsageError(f"{file} is no text: it holds a zero byte; save it as UTF-8")
    try:
        return raw.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return raw.decode("latin-1"), "no UTF-8"
