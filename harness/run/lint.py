"""The migration files of a folder: read, shown to squawk, and linted."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.checks.lint import RolloutFiles, lint
from harness.checks.lint_model import Lint
from harness.database.drizzle_folder import JOURNAL, read_journal
from harness.database.migration_files import read_migrations
from harness.database.squawk import ask_squawk


def lint_folder(path: Path, recorded: Sequence[int] | None = None) -> tuple[RolloutFiles, tuple[Lint, ...]]:
    """The files of the rollout in a folder, and everything wrong with them.

    `recorded` are the times of the migrations that drizzle has recorded in a database, where one was looked at.
    Raises UsageError when there is no such folder, or a file or the journal cannot be read; UnavailableError without
    squawk.
    """
    files = RolloutFiles.of(read_migrations(path))
    journal = read_journal(path) if files.ours and (path / JOURNAL).is_file() else None
    return files, lint(str(path), files, tuple(_general(files)), journal, recorded)


def _general(files: RolloutFiles) -> Iterator[Lint]:
    """What squawk has against the rollout's files; asked apart by whether they are sent in a transaction."""
    for in_transaction in (False, True):
        sent_so = [file for file in files.ours if files.is_in_transaction(file) is in_transaction]
        texts = [file.text for file in sent_so]
        for fault in ask_squawk(texts, in_transaction=in_transaction):
            yield Lint(sent_so[fault.text].name, fault.line, fault.rule, fault.message, fault.advice)
