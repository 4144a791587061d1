"""The ways to run a migration of one's own: as it is written, as it should be, and what comes to mind first."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from harness.database.sql_statement import plain_name, read_statement
from harness.errors import UsageError
from harness.rehearsal.approaches import Approach
from harness.rehearsal.measurements import Measured
from harness.rehearsal.own.parts import TablePart, parts_of
from harness.rehearsal.own.remedy import RemedyFile, is_control, naive, remedied
from harness.run.own_files import OwnFiles, OwnStatement

FILES_MAX: Final = 20
"""Files of the remedy that are told one by one."""


@dataclass(frozen=True, slots=True)
class OwnApproach:
    """A way to run it, with the place of each statement."""

    approach: Approach
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnApproaches:
    """All ways that are measured; the first is as written, the second the remedy where there is one."""

    all: tuple[OwnApproach, ...]
    remedy: tuple[RemedyFile, ...]

    def compared(self, remedy: Measured | None) -> str:
        """What to do in place of what is written; empty where there is nothing better."""
        if not self.remedy:
            return ""
        seen = "" if remedy is None else f", which held a write up for {remedy.stall_ms_max:.0f} ms at most"
        names = ", ".join(file.name for file in self.remedy[:FILES_MAX])
        return f"send these files one after the other{seen}: {names} (--remedy DIR writes them)"

    def remarks(self, written: Measured, remedy: Measured | None) -> list[str]:
        """The remedy file by file, with what it came to."""
        if not self.remedy:
            return []
        lines = [f"remedy {file.name}: {' '.join(file.statements)}" for file in self.remedy[:FILES_MAX]]
        if len(self.remedy) > FILES_MAX:
            lines.append(f"remedy: {len(self.remedy) - FILES_MAX} more files; --remedy DIR writes all")
        if remedy is not None:
            end = " and was refused" if written.refused else ""
            lines.append(
                f"longest stall: {written.stall_ms_max:,.1f} ms as written{end}, {remedy.stall_ms_max:,.1f} ms by the "
                "remedy"
            )
        return lines

    def write(self, folder: Path) -> str:
        """Writes the remedy's files, and says so in a line. Raises UsageError where that cannot be."""
        if not self.remedy:
            return "no remedy was written: nothing in the migration would hold writers up less"
        try:
            folder.mkdir(exist_ok=True)
            for file in self.remedy:
                (folder / file.name).write_text(file.text, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write {error.filename}: {error.strerror}; name another folder"
            ) from None
        return f"{len(self.remedy)} files of the remedy are in {folder}"


def approaches_of(connection: psycopg.Connection[Any], files: OwnFiles, *, compare: bool) -> OwnApproaches:
    """The ways to run these files on the database of a connection; as written alone unless they are to be compared."""
    texts = [statement.text for statement in files.statements]
    tables = [each.table for each in map(read_statement, texts) if each.builds or each.actions]
    oids = {table: _oid(connection, table) for table in tables}
    parts = {table: parts_of(connection, oid) if oid else () for table, oid in oids.items()}
    remedy = remedied(texts, lambda table: bool(oids.get(table)), lambda table: parts.get(table, ()))
    found = [_approach("as written", files.summary, files.statements)]
    if not compare:
        return OwnApproaches(tuple(found), remedy)
    if remedy:
        sent = [OwnStatement(text, file.name) for file in remedy for text in file.statements]
        found.append(_approach("remedy", f"{len(remedy)} files, each statement by itself", sent))
    found += _naive(files.statements, parts)
    return OwnApproaches(tuple(found), remedy)


def _approach(name: str, summary: str, statements: Sequence[OwnStatement]) -> OwnApproach:
    texts = tuple(statement.text for statement in statements)
    labels = tuple(statement.label for statement in statements)
    approach = Approach(name, summary, texts, labels=labels, ends_refused=True)
    return OwnApproach(approach, tuple(statement.place for statement in statements))


def _naive(statements: Sequence[OwnStatement], parts: dict[str, tuple[TablePart, ...]]) -> list[OwnApproach]:
    """For the first index of a partitioned table the ways that PostgreSQL refuses, or that hold writers up."""
    read = [(statement, read_statement(statement.text)) for statement in statements]
    of_whole = [index for _, index in read if index.builds and parts.get(index.table)]
    if not of_whole:
        return []
    first = of_whole[0]
    names = {part.name for part in parts[first.table]}
    found = []
    for name, text in naive(first):
        if "ONLY" in first.words or read_statement(text).is_concurrent != first.is_concurrent:
            sent = []
            for statement, index in read:
                of_part = index.builds and plain_name(index.table) in names
                if index.builds and index.table == first.table:
                    sent.append(OwnStatement(text, statement.place))
                elif not (
                    is_control(statement.text) or of_part or "ATTACH PARTITION" in statement.text.upper()
                ):
                    sent.append(statement)
            found.append(_approach(name, f"{text.rstrip(';')}, by itself", sent))
    return found


def _oid(connection: psycopg.Connection[Any], table: str) -> int:
    """0 where there is no such table."""
    row = connection.execute("SELECT coalesce(to_regclass(%s)::oid::int8, 0)", [table]).fetchone()
    return int(row[0]) if row else 0
