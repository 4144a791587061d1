"""The migration files of a folder: read, shown to squawk, and linted."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.checks.lint import Linted, RolloutFiles, lint
from harness.checks.lint_model import Lint
from harness.database.declared import DeclaredStore, plan_store
from harness.database.drizzle_folder import JOURNAL, read_journal
from harness.database.migration_files import read_migrations
from harness.database.squawk import run_squawk


def lint_folder(
    path: Path, recorded: Sequence[int] | None = None, store: DeclaredStore | None = None
) -> Linted:
    """The files of the rollout in a folder, and everything to say of them.

    `recorded` are the times of the migrations that drizzle has recorded in a database, where one was looked at;
    `store` is what another rollout than the plan's declares.
    Raises UsageError when there is no such folder, or a file or the journal cannot be read; UnavailableError without
    squawk.
    """
    store = store or plan_store()
    files = RolloutFiles.of(store, read_migrations(path, store.column.name))
    journal = read_journal(path) if files.ours and (path / JOURNAL).is_file() else None
    return lint(str(path), files, tuple(_general(files)), journal, recorded)


def _general(files: RolloutFiles) -> Iterator[Lint]:
    """What squawk has against the rollout's files; asked apart by whether they are sent in a transaction."""
    sections = [(name, section) for name, some in files.sections.items() for section in some]
    for in_transaction in (False, True):
        sent_so = [
            (name, section) for name, section in sections if section.is_in_transaction is in_transaction
        ]
        for fault in run_squawk([section.text for _, section in sent_so], in_transaction=in_transaction):
            yield Lint(sent_so[fault.text][0], fault.line, fault.rule, fault.message, fault.advice)
