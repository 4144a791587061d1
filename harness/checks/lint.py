"""Lints the migration files of a rollout: by squawk's general rules, and by those that follow from its file. Pure.

Our own rules are the ones that squawk cannot have: drizzle's journal, what a concurrent build must not be given, and
the declared column. What cannot be judged is named, and is no fault.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from harness.checks.lint_builds import (
    NO_LOCK_TIMEOUT,
    NOT_JUDGED,
    build_faults,
    build_remedy,
    index_faults,
    is_concurrent,
    needs_lock_timeout,
)
from harness.checks.lint_columns import column_faults
from harness.checks.lint_files import encoding_fault, journal_faults, number_faults, plan_faults
from harness.checks.lint_model import Lint
from harness.checks.lint_reading import ReadSection, read_sections
from harness.checks.lint_squawk import LOCK_TIMEOUT, in_own_words, part_at
from harness.checks.lint_statements import StatementPart
from harness.database.declared import DeclaredStore
from harness.database.drizzle_folder import JournalEntry
from harness.database.migration_files import MigrationFile, Migrations

_OF_THE_COLUMN: Final = (
    "squawk/prefer-text-field",
    "squawk/adding-required-field",
    "squawk/adding-not-nullable-field",
    "squawk/adding-field-with-default",
    "squawk/changing-column-type",
    "squawk/disallowed-unique-constraint",
    "squawk/ban-char-field",
    "squawk/adding-foreign-key-constraint",
)
"""What squawk says of any column, where our own rule says what follows for this one."""


@dataclass(frozen=True, slots=True)
class RolloutFiles:
    """The files of a folder, and which of them belong to a rollout: those that name its column."""

    store: DeclaredStore
    migrations: Migrations
    ours: tuple[MigrationFile, ...]
    sections: Mapping[str, tuple[ReadSection, ...]]
    """Of ours, by the file's name."""

    @classmethod
    def of(cls, store: DeclaredStore, migrations: Migrations) -> "RolloutFiles":
        """Selects those of the rollout that declares a column."""
        column = store.column.name
        named = [file for file in migrations.files if column in file.text.lower()]
        read = {file.name: read_sections(file) for file in named}
        ours = tuple(file for file in named if _is_ours(column, read[file.name]))
        return cls(store, migrations, ours, {file.name: read[file.name] for file in ours})

    def describe(self) -> str:
        """What is looked at, in one line."""
        names = [f"{file.name} ({file.tool + ', ' if file.tool else ''}{file.sent})" for file in self.ours]
        others = len(self.migrations.files) - len(self.ours)
        looked_at = f"looked at {', '.join(names) or 'no file'}"
        return f"{looked_at}; {others} other files do not name {self.store.column.name}"


class Linted(NamedTuple):
    """What was looked at, and what there is to say of it."""

    files: RolloutFiles
    faults: tuple[Lint, ...]
    """By file and line."""
    not_judged: tuple[Lint, ...]
    """What no verdict was reached on."""
    remarks: tuple[str, ...]


def lint(
    folder: str,
    files: RolloutFiles,
    general: Sequence[Lint],
    journal: Sequence[JournalEntry] | None = None,
    recorded: Sequence[int] | None = None,
) -> Linted:
    """Everything to say of the files of the rollout in a folder.

    `general` is what squawk has against them, `journal` is drizzle's where the folder has one, and `recorded` are the
    times of the migrations that drizzle has recorded in a database, where one was looked at.
    """
    migrations, sections = files.migrations, files.sections
    read = [section for some in sections.values() for section in some]
    not_judged = [lint for section in read for lint in (*section.not_judged, *section.not_written)]
    for name, line, reason in migrations.foreign:
        not_judged.append(Lint(name, line, NOT_JUDGED, f"not judged: {reason}", ""))
    remarks = [f"{dump.name} is {dump.reason}: no tool runs it; not looked at" for dump in migrations.dumps]
    if not files.ours and not not_judged:
        message = f"no file names {files.store.column.name}"
        fault = Lint(folder, 0, "no-migration", message, "is this the folder of the migrations?")
        return Linted(files, (fault,), (), tuple(remarks))
    found = [*_of_files(files, journal, recorded), *_of_statements(files, general)]
    for file in files.ours:
        encoding, remark = encoding_fault(file)
        found += [encoding] if encoding else []
        remarks += [remark] if remark else []
        if file.tool == "Supabase" and any(map(is_concurrent, _parts(sections[file.name]))):
            remarks.append(
                f"{file.name}: Supabase's CLI before 2.109 sends a concurrent build in a pipeline (25001)"
            )
    not_judged += [lint for lint in found if lint.rule == NOT_JUDGED]
    faults = _in_order(lint for lint in found if lint.rule != NOT_JUDGED)
    return Linted(files, faults, _in_order(not_judged), tuple(remarks))


def _in_order(lints: Iterable[Lint]) -> tuple[Lint, ...]:
    return tuple(sorted(lints, key=lambda lint: (lint.file, lint.line, lint.rule)))


def _is_ours(column: str, sections: Sequence[ReadSection]) -> bool:
    """Whether a statement names the column, in code or in a text; a comment does not count."""
    judged = any(column in part.whole.lower() for part in _parts(sections))
    return judged or any(section.not_judged for section in sections)


def _parts(sections: Sequence[ReadSection]) -> Iterator[StatementPart]:
    return (part for section in sections for part in section.parts)


def _of_files(
    files: RolloutFiles, journal: Sequence[JournalEntry] | None, recorded: Sequence[int] | None
) -> Iterator[Lint]:
    lines = {name: next((part.line for part in _parts(some)), 1) for name, some in files.sections.items()}
    yield from number_faults(files.migrations.files, files.ours, lines)
    if files.migrations.planned is not None:
        yield from plan_faults(files.migrations.planned, files.ours, lines)
    if journal is not None:
        yield from journal_faults(journal, files.migrations.files, lines, recorded)


def _of_statements(files: RolloutFiles, general: Sequence[Lint]) -> list[Lint]:
    store, read = files.store, files.sections
    own = [*index_faults(store, {name: tuple(_parts(sections)) for name, sections in read.items()})]
    for name, sections in read.items():
        own += build_faults(store, name, sections)
        for part in _parts(sections):
            own += column_faults(store, name, part)
    lacking = {(lint.file, lint.line) for lint in own if lint.rule == NO_LOCK_TIMEOUT}
    columns = {(lint.file, lint.line) for lint in own if lint.rule == "another-column"}
    by_squawk, kept = set(), []
    for lint in in_own_words(general, read, build_remedy(store)):
        around = part_at(read[lint.file], lint.line)
        place = (lint.file, around.line if around else lint.line)
        if lint.rule in _OF_THE_COLUMN and place in columns:
            continue
        if lint.rule == LOCK_TIMEOUT:
            # It knows SET alone, and not what ends it; where our own session knows better, that counts.
            if around and needs_lock_timeout(store, around) and place not in lacking:
                continue
            by_squawk.add(place)
        kept.append(lint)
    # squawk says it of a file's first such statement alone; ours says it of the others.
    own = [lint for lint in own if lint.rule != NO_LOCK_TIMEOUT or (lint.file, lint.line) not in by_squawk]
    return [*own, *kept]
