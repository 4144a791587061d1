"""Lints the migration files of this rollout: by squawk's general rules, and by those that only this rollout has. Pure.

Our own rules are the ones that squawk cannot have: drizzle's journal, and what a concurrent build must not be given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness import plan
from harness.checks.lint_builds import build_faults, index_faults, is_concurrent
from harness.checks.lint_model import Lint
from harness.checks.lint_statements import Part, statements
from harness.database.drizzle_folder import JOURNAL, JournalEntry
from harness.database.migration_files import MigrationFile, Sent

_NOT_OF_BUILDS: Final = ("squawk/require-lock-timeout",)
"""Rules of squawk that ask for what a concurrent build must not be given."""


@dataclass(frozen=True, slots=True)
class RolloutFiles:
    """The files of a folder, and which of them belong to this rollout: those that name its column."""

    files: tuple[MigrationFile, ...]
    """All of them."""
    ours: tuple[MigrationFile, ...]
    parts: Mapping[str, tuple[Part, ...]]
    """The statements of ours, by the file's name."""

    @classmethod
    def of(cls, files: tuple[MigrationFile, ...]) -> "RolloutFiles":
        """Selects the rollout's."""
        parts = {
            file.name: tuple(statements(file.text)) for file in files if plan.COLUMN in file.text.lower()
        }
        ours = tuple(file for file in files if any(map(_is_ours, parts.get(file.name, ()))))
        return cls(files, ours, parts)

    def is_in_transaction(self, file: MigrationFile) -> bool:
        """Whether its tool sends one of ours in a transaction."""
        several = len(self.parts[file.name]) > 1
        return file.sent is Sent.TRANSACTION or (file.sent is Sent.AT_ONCE and several)

    def describe(self) -> str:
        """What is looked at, in one line."""
        names = [f"{file.name} ({file.tool + ', ' if file.tool else ''}{file.sent})" for file in self.ours]
        others = len(self.files) - len(self.ours)
        return f"looked at {', '.join(names) or 'no file'}; {others} other files do not name {plan.COLUMN}"


def lint(
    folder: str,
    files: RolloutFiles,
    general: Sequence[Lint],
    journal: Sequence[JournalEntry] | None = None,
    recorded: Sequence[int] | None = None,
) -> tuple[Lint, ...]:
    """Everything wrong with the files of the rollout in a folder, by file and line.

    `general` is what squawk has against them, `journal` is drizzle's where the folder has one, and `recorded` are the
    times of the migrations that drizzle has recorded in a database, where one was looked at.
    """
    if not files.ours:
        message = f"no file names {plan.COLUMN}"
        return (Lint(folder, 0, "no-migration", message, "is this the folder of the migrations?"),)
    faults = [
        *_encodings(files.ours),
        *_numbers(files.files, files.ours),
        *index_faults({file.name: files.parts[file.name] for file in files.ours}),
    ]
    for file in files.ours:
        in_transaction = files.is_in_transaction(file)
        faults += build_faults(file.name, files.parts[file.name], in_transaction=in_transaction)
    if journal is not None:
        faults += _journal(journal, files.files, files.ours, recorded)
    faults += _without_those_of_builds(files, general)
    return tuple(sorted(faults, key=lambda fault: (fault.file, fault.line, fault.rule)))


def _is_ours(part: Part) -> bool:
    """Whether a statement names the column, in code or in a text; a comment does not count."""
    return plan.COLUMN in part.whole.lower()


def _encodings(ours: Sequence[MigrationFile]) -> Iterator[Lint]:
    for file in ours:
        if file.encoding == "UTF-8":
            continue
        message = f"is {file.encoding}: PostgreSQL's own tools and most others read UTF-8 alone"
        if file.encoding == "no UTF-8":
            message = "is not UTF-8 (Latin-1?), which servers refuse (22021); judged by its ASCII letters"
        yield Lint(file.name, 0, "not-utf-8", message, "save it as UTF-8 without a byte order mark")


def _numbers(files: Sequence[MigrationFile], ours: Sequence[MigrationFile]) -> Iterator[Lint]:
    for file in ours:
        if not file.version:
            if file.needs_version:
                yield Lint(
                    file.name, 0, "no-number", "its name has no number", "name it NNNN_what_it_does.sql"
                )
            continue
        same = [other.name for other in files if other.version == file.version and other.name != file.name]
        if same:
            message = f"number {file.version} is taken by {', '.join(same)}"
            yield Lint(file.name, 0, "number-taken", message, "take the next free one")


def _journal(
    journal: Sequence[JournalEntry],
    files: Sequence[MigrationFile],
    ours: Sequence[MigrationFile],
    recorded: Sequence[int] | None,
) -> Iterator[Lint]:
    tags = {file.name.rpartition(".")[0] for file in ours}
    entries = {entry.tag for entry in journal}
    for tag in sorted(tags - entries):
        message = f"not in {JOURNAL}: drizzle passes over it and reports success"
        yield Lint(f"{tag}.sql", 0, "not-journalled", message, "add an entry with the newest `when`")
    names = {file.name for file in files}
    newest = 0
    for entry in journal:
        if f"{entry.tag}.sql" not in names:
            message = f"names {entry.tag}, and there is no such file"
            yield Lint(JOURNAL, 0, "file-missing", message, "drizzle stops there, before any migration")
        if entry.tag in tags and entry.when <= newest:
            message = f"its `when` {entry.when} is not after {newest}, which an earlier entry has"
            advice = "drizzle passes over it where that one has run; give it a newer time"
            yield Lint(f"{entry.tag}.sql", 0, "older-when", message, advice)
        elif entry.tag in tags and recorded and entry.when not in recorded and entry.when <= max(recorded):
            message = (
                f"its `when` {entry.when} is not after {max(recorded)}, which this database has recorded: "
                "drizzle will pass over it here and report success"
            )
            yield Lint(f"{entry.tag}.sql", 0, "older-than-recorded", message, "give it a newer time")
        newest = max(newest, entry.when)


def _without_those_of_builds(files: RolloutFiles, general: Sequence[Lint]) -> Iterator[Lint]:
    for fault in general:
        built = {part.line for part in files.parts[fault.file] if is_concurrent(part)}
        if fault.rule not in _NOT_OF_BUILDS or fault.line not in built:
            yield fault
