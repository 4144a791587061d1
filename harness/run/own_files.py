"""The files of a migration of one's own, as the statements that its tool sends; and its writers and readers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.checks.lint_placeholders import STAND_IN
from harness.checks.lint_reading import ReadSection, read_sections
from harness.checks.lint_statements import statements
from harness.database.migration_files import (
    MigrationFile,
    SentAs,
    read_migration,
    read_migrations,
)
from harness.errors import UnavailableError, UsageError
from harness.rehearsal.own.traffic_statements import Template, given_template

LABEL_MAX: Final = 90
_ENDS: Final = re.compile(r"(?i)^(?:COMMIT|END|ROLLBACK|ABORT)\b(?!\s+TO\b)")
_BY_PSQL: Final = ("", "psql", "sqitch")
"""Tools for which each file is a session of its own."""


@dataclass(frozen=True, slots=True)
class OwnStatement:
    """One statement as it is sent."""

    text: str
    place: str
    """File and line; the file alone for what its tool adds."""

    @property
    def label(self) -> str:
        """In one short line."""
        line = " ".join(self.text.split()).rstrip("; ")
        return line if len(line) <= LABEL_MAX else f"{line[: LABEL_MAX - 3]}..."


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """What is sent, in order, and what a reader should know of it."""

    name: str
    summary: str
    statements: tuple[OwnStatement, ...]
    remarks: tuple[str, ...]


def read_own(path: Path, after: str = "") -> OwnFiles:
    """A file, or the files of a folder that go up and come behind the one named `after`.

    Raises UsageError where there is nothing to send, UnavailableError for what only its tool can fill in.
    """
    files, remarks = _files(path, after)
    sent: list[OwnStatement] = []
    for number, file in enumerate(files):
        sections = read_sections(file)
        for section in sections:
            _check(section)
            remarks += [f"{lint.file}:{lint.line} {lint.message}" for lint in section.not_written]
            if section.sent is SentAs.UNKNOWN:
                remarks.append(
                    f"{file.name}: how {file.tool} sends it is not known; each statement was sent by itself"
                )
        if number and file.tool in _BY_PSQL:
            sent.append(OwnStatement("RESET ALL;", file.name))
        sent += _sent(file, sections)
    if not any(statement.text for statement in sent):
        raise UsageError(f"{path} holds no statement that goes up; name a file or a folder with one")
    whose = sorted({f"{file.tool or 'no tool known'}, {file.sent}" for file in files})
    summary = f"{len(files)} file{'' if len(files) == 1 else 's'} ({'; '.join(whose)})"
    # Of a folder for each migration the folder has the name.
    name = (
        f"{path.parent.name}/{path.name}" if path.name.lower() in ("migration.sql", "up.sql") else path.name
    )
    return OwnFiles(name, summary, tuple(_as_one_transaction(files, sent)), tuple(remarks))


def _files(path: Path, after: str) -> tuple[Sequence[MigrationFile], list[str]]:
    if path.is_file():
        if after:
            raise UsageError(f"--after {after} is for a folder; {path} is one file")
        return [read_migration(path)], []
    found = read_migrations(path, "")
    remarks = [f"{dump.name} is {dump.reason}: not sent" for dump in found.dumps]
    remarks += [f"not sent: {name}: {reason}" for name, _, reason in found.foreign if "__init__" not in name]
    names = [file.name for file in found.files]
    if after and after not in names:
        raise UsageError(
            f"no migration {after!r} in {path} to go on after; there is {', '.join(names[-3:]) or 'none'}"
        )
    return found.files[names.index(after) + 1 if after else 0 :], remarks


def _check(section: ReadSection) -> None:
    if section.not_judged:
        first = section.not_judged[0]
        raise UnavailableError(
            f"{first.file}:{first.line} {first.message}; {first.advice.replace('lint', 'rehearse')}"
        )


def _sent(file: MigrationFile, sections: Sequence[ReadSection]) -> Iterator[OwnStatement]:
    for section in sections:
        parts = section.parts
        if section.is_in_transaction:
            yield OwnStatement("BEGIN;", file.name)
        for number, part in enumerate(parts):
            place = f"{file.name}:{part.line}"
            if STAND_IN.search(part.whole):
                raise UnavailableError(
                    f"{place} has a placeholder, which {file.tool} fills in with what is not known here; rehearse the "
                    "file with its value written out"
                )
            yield OwnStatement(part.whole, place)
            is_last = number == len(parts) - 1
            if (
                section.sent is SentAs.AT_ONCE
                and section.is_in_transaction
                and _ENDS.match(part.code)
                and not is_last
            ):
                yield OwnStatement("BEGIN;", file.name)  # what is left of the message is a transaction again
        if section.is_in_transaction and parts and not _ENDS.match(parts[-1].code):
            yield OwnStatement("COMMIT;", file.name)


def _as_one_transaction(
    files: Sequence[MigrationFile], sent: Sequence[OwnStatement]
) -> Iterator[OwnStatement]:
    """As drizzle does with all files that are pending; the statements as they are for every other tool."""
    if len(files) < 2 or any(file.tool != "drizzle" for file in files):
        yield from sent
        return
    names = {file.name for file in files}
    yield OwnStatement("BEGIN;", files[0].name)
    yield from (statement for statement in sent if statement.place not in names)
    yield OwnStatement("COMMIT;", files[-1].name)


def templates_of(paths: Sequence[Path]) -> tuple[Template, ...]:
    """Writers or readers of one's own, a file each. Raises UsageError where one cannot be read or holds nothing."""
    found = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{path} cannot be read as UTF-8: {error}; name a file of SQL statements"
            ) from None
        found.append(given_template(path.name, [part.whole for part in statements(text)]))
    return tuple(found)
