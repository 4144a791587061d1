"""What is wrong with migration files as files: encodings, numbers, drizzle's journal, sqitch's plan. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from harness.checks.lint_model import Lint
from harness.database.drizzle_folder import JOURNAL, JournalEntry
from harness.database.migration_files import MigrationFile
from harness.database.sql_statement import TOKEN

_SKIPS_BOM: Final = ("", "psql", "sqitch", "Flyway", "Liquibase")
"""psql leaves the mark out where the client's encoding is UTF8, Flyway and Liquibase always; others send it."""
_READS_UTF16: Final = ("Liquibase",)
_REPLACES_BYTES: Final = ("drizzle", "node-pg-migrate", "graphile-migrate", "Liquibase")
"""Readers of Node and Java, which put U+FFFD in the place of a byte that is not UTF-8 and go on."""
_STOPS_AT_BYTES: Final = ("Prisma", "diesel", "sqlx", "Flyway")
"""Readers that stop at such a byte; others send it, and the server refuses it (22021)."""
_ENCODING_SET: Final = re.compile(
    r"(?im)^\s*(?:SET\s+(?:SESSION\s+)?(?:client_encoding|NAMES)\b|\\encoding\b)"
)


def encoding_fault(file: MigrationFile) -> tuple[Lint | None, str]:
    """A fault of a file's encoding or a remark; at most one of them, by what its tool and PostgreSQL do with it."""
    tool = file.tool or "psql"
    edit = "save it as UTF-8 without a byte order mark"
    where = f"{file.name}:{file.bad_line}"
    if file.encoding == "UTF-8":
        return None, ""
    if file.encoding == "no UTF-8":
        return _bytes(file, where)
    if file.encoding.startswith("UTF-8"):
        if file.tool in _SKIPS_BOM:
            return None, f"{where} begins with a byte order mark, which {tool} leaves out; others send it"
        message = f"is {file.encoding}, which {tool} sends and PostgreSQL refuses (42601): the migration stops there"
        return Lint(file.name, file.bad_line, "not-utf-8", message, edit), ""
    if file.tool in _READS_UTF16:
        return None, f"{where} is {file.encoding}, which {tool} reads; PostgreSQL's own tools do not"
    message = (
        f"is {file.encoding}, which {tool} does not read and PostgreSQL refuses (22021): nothing of it runs"
    )
    return Lint(file.name, file.bad_line, "not-utf-8", message, edit), ""


def _bytes(file: MigrationFile, where: str) -> tuple[Lint | None, str]:
    tool, edit = file.tool or "psql", "save it as UTF-8"
    code = TOKEN.sub(lambda match: " " if match["comment"] else match[0], file.text)
    in_comments = code.isascii()
    lines = "".join(file.text.splitlines(keepends=True)[: file.bad_line - 1])
    if file.tool in ("", "psql", "sqitch") and _ENCODING_SET.search(lines):
        return (
            None,
            f"{where} is not UTF-8, and the file sets the client's encoding before: judged by its ASCII letters",
        )
    if file.tool in _REPLACES_BYTES and in_comments:
        return (
            None,
            f"{where} is not UTF-8: {tool} puts U+FFFD in its place, in a comment alone; the file runs",
        )
    if file.tool in _REPLACES_BYTES:
        message = f"is not UTF-8: {tool} puts U+FFFD in its place without a word, and another text is stored"
    elif file.tool in _STOPS_AT_BYTES:
        message = f"is not UTF-8 (Latin-1?): {tool} stops when it reads the file, in a comment, too; nothing of it runs"
    else:
        message = (
            "is not UTF-8 (Latin-1?): PostgreSQL refuses the statement it stands in or before (22021), in a comment, "
            "too; judged by its ASCII letters"
        )
    return Lint(file.name, file.bad_line, "not-utf-8", message, edit), ""


def number_faults(
    files: Sequence[MigrationFile], ours: Sequence[MigrationFile], lines: Mapping[str, int]
) -> Iterator[Lint]:
    """Files without a number, or with another's; `lines` has the line of each file's first statement."""
    for file in ours:
        line = lines[file.name]
        if not file.version:
            if file.needs_version:
                message = "its name has no number: when it runs is left to the alphabet, or it is passed over"
                yield Lint(file.name, line, "no-number", message, "name it NNNN_what_it_does.sql")
            continue
        same = [each.name for each in files if each.version == file.version and each.name != file.name]
        if same:
            message = (
                f"number {file.version} is taken by {', '.join(same)}: one of them is refused, or passed over"
            )
            yield Lint(file.name, line, "number-taken", message, "take the next free one")


def plan_faults(
    planned: frozenset[str], ours: Sequence[MigrationFile], lines: Mapping[str, int]
) -> Iterator[Lint]:
    """Files that sqitch's plan does not name."""
    for file in ours:
        change = re.sub(r"(?:^|.*/)deploy/", "", file.name).rpartition(".")[0].partition("@")[0]
        if change not in planned:
            message = "sqitch.plan does not name it: sqitch passes over it and reports success"
            advice = f"add it by `sqitch add {change}`"
            yield Lint(file.name, lines[file.name], "not-planned", message, advice)


def journal_faults(
    journal: Sequence[JournalEntry],
    files: Sequence[MigrationFile],
    lines: Mapping[str, int],
    recorded: Sequence[int] | None,
) -> Iterator[Lint]:
    """What drizzle's journal says wrongly of the files in `lines`, which has the line of each's first statement.

    `recorded` are the times that drizzle has recorded in a database, where one was looked at.
    """
    ours = {name.rpartition(".")[0]: (name, line) for name, line in lines.items()}
    entries = {entry.tag for entry in journal}
    for tag in sorted(ours.keys() - entries):
        message = f"not in {JOURNAL}: drizzle passes over it and reports success"
        yield Lint(*ours[tag], "not-journalled", message, "add an entry with the newest `when`")
    names = {file.name for file in files}
    newest = 0
    for entry in journal:
        if f"{entry.tag}.sql" not in names:
            message = (
                f"names {entry.tag}, and there is no such file: drizzle stops there, before any migration"
            )
            yield Lint(JOURNAL, 0, "file-missing", message, "add the file, or take the entry out")
        if entry.tag in ours and entry.when <= newest:
            message = (
                f"its `when` {entry.when} is not after {newest}, which an earlier entry has: drizzle passes over it "
                "where that one has run"
            )
            yield Lint(*ours[entry.tag], "older-when", message, f"write a `when` above {newest}")
        elif entry.tag in ours and recorded and entry.when not in recorded and entry.when <= max(recorded):
            message = (
                f"its `when` {entry.when} is not after {max(recorded)}, which this database has recorded: "
                "drizzle will pass over it here and report success"
            )
            yield Lint(
                *ours[entry.tag], "older-than-recorded", message, f"write a `when` above {max(recorded)}"
            )
        newest = max(newest, entry.when)
