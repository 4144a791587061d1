"""Lints a folder of migrations for this rollout: by squawk's general rules, and by those that only this rollout has.

Our own rules are the ones that squawk cannot have: drizzle's journal, and what a concurrent build must not be given.
Reads files only; knows no database but by what its migrator has recorded.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import plan
from harness.checks.lint_builds import build_faults, index_faults, is_concurrent
from harness.checks.lint_model import Lint
from harness.checks.lint_statements import Part, statements
from harness.database.drizzle_folder import JOURNAL, JournalEntry, read_journal
from harness.database.migration_files import MigrationFile, Sent, read_migrations
from harness.errors import UnavailableError

SQUAWK_S_MAX: Final = 60.0

NOT_HERE: Final = {
    "prefer-robust-stmts": "it asks for IF NOT EXISTS, which passes over an invalid index and reports success",
    "require-statement-timeout": "one would end the concurrent build in its waits; the ALTER waits for its lock only",
    "ban-concurrent-index-creation-in-transaction": "it overlooks a build that is alone; our own rule does not",
}
"""Rules of squawk that are left out, each with its reason."""
_NOT_OF_BUILDS: Final = ("squawk/require-lock-timeout",)
"""Rules of squawk that ask for what a concurrent build must not be given."""


@dataclass(frozen=True, slots=True)
class Linted:
    """What was looked at, and what is wrong with it."""

    files: tuple[MigrationFile, ...]
    """Those of this rollout."""
    others: int
    faults: tuple[Lint, ...]

    @property
    def words(self) -> str:
        """What was looked at, in one line."""
        told = [f"{file.name} ({file.tool + ', ' if file.tool else ''}{file.sent})" for file in self.files]
        return (
            f"looked at {', '.join(told) or 'no file'}; {self.others} other files do not name {plan.COLUMN}"
        )


def lint(path: Path, recorded: Sequence[int] | None = None) -> Linted:
    """Everything wrong with the files of the rollout in a folder: those that name its column.

    `recorded` are the times of the migrations that drizzle has recorded in a database, where one was looked at.
    Raises UsageError when there is no such folder, or a file or the journal cannot be read; UnavailableError without
    squawk.
    """
    files = read_migrations(path)
    parts = {file.name: tuple(statements(file.text)) for file in files if plan.COLUMN in file.text.lower()}
    ours = tuple(file for file in files if any(map(_is_ours, parts.get(file.name, ()))))
    if not ours:
        message = f"no file names {plan.COLUMN}"
        fault = Lint(str(path), 0, "no-migration", message, "is this the folder of the migrations?")
        return Linted((), len(files), (fault,))
    found = [
        *_encodings(ours),
        *_numbers(files, ours),
        *index_faults({file.name: parts[file.name] for file in ours}),
    ]
    for file in ours:
        its_parts = parts[file.name]
        found += build_faults(file.name, its_parts, in_transaction=_is_in_transaction(file, its_parts))
    if (path / JOURNAL).is_file():
        found += _journal(read_journal(path), files, ours, recorded)
    found += _squawk(ours, parts)
    faults = tuple(sorted(found, key=lambda one: (one.file, one.line, one.rule)))
    return Linted(ours, len(files) - len(ours), faults)


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
        same = [each.name for each in files if each.version == file.version and each.name != file.name]
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


def _squawk(ours: Sequence[MigrationFile], parts: dict[str, tuple[Part, ...]]) -> Iterator[Lint]:
    for in_transaction in (False, True):
        some = [file for file in ours if _is_in_transaction(file, parts[file.name]) is in_transaction]
        for fault in _asked(some, in_transaction=in_transaction) if some else ():
            built = {part.line for part in parts[fault.file] if is_concurrent(part)}
            if fault.rule not in _NOT_OF_BUILDS or fault.line not in built:
                yield fault


def _is_in_transaction(file: MigrationFile, parts: Sequence[Part]) -> bool:
    return file.sent is Sent.TRANSACTION or (file.sent is Sent.AT_ONCE and len(parts) > 1)


def _asked(files: Sequence[MigrationFile], *, in_transaction: bool) -> list[Lint]:
    """What squawk says of what each file does going up. Source: squawk, https://squawkhq.com/docs/rules."""
    program = Path(sys.executable).parent / "squawk"
    found = str(program) if program.is_file() else shutil.which("squawk")
    if found is None:
        raise UnavailableError("squawk is not installed; install the package squawk-cli with pip")
    command = [found, "--reporter", "json", "--config", "/dev/null"]
    command += [part for rule in NOT_HERE for part in ("--exclude", rule)]
    command += ["--assume-in-transaction"] if in_transaction else []
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(files):
            (Path(folder) / f"{number}.sql").write_text(file.text, encoding="utf-8")
        written = [str(Path(folder) / f"{number}.sql") for number in range(len(files))]
        done = subprocess.run(
            [*command, "--", *written],
            capture_output=True, text=True, encoding="utf-8", timeout=SQUAWK_S_MAX, check=False,
        )  # fmt: skip
    try:
        items = json.loads(done.stdout)
        return [
            Lint(
                files[int(Path(item["file"]).stem)].name,
                int(item["line"]) + 1,
                f"squawk/{item['rule_name']}",
                str(item["message"]).rstrip("."),
                str(item["help"] or "").rstrip("."),
            )
            for item in items
        ]
    except (ValueError, TypeError, KeyError) as error:
        said = " ".join((done.stderr or done.stdout).split())[:200]
        raise UnavailableError(
            f"squawk did not answer: {said or error}; run it by hand on the files"
        ) from error
