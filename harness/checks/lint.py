"""Lints a folder of migrations for this rollout: by squawk's general rules, and by those that only this rollout has.

Our own rules are the ones that squawk cannot have: drizzle's journal, and what a concurrent build must not be given.
Reads files only; knows no database.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlparse

from harness import plan
from harness.database.drizzle import JOURNAL, Folder
from harness.database.runners import Script, statements_of
from harness.errors import CannotRunError

SQUAWK_S_MAX: Final = 60.0

NOT_HERE: Final = {
    "prefer-robust-stmts": "it asks for IF NOT EXISTS, which passes over an invalid index and reports success",
    "require-statement-timeout": "one would end the concurrent build in its waits; the ALTER waits for its lock only",
}
"""Rules of squawk that are left out, each with its reason."""

_NUMBER: Final = re.compile(r"0*(\d+[a-z]?)_")
_BUILD: Final = re.compile(
    r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\b(?P<robust>\s+IF\s+NOT\s+EXISTS)?", re.I
)
_LOCK_TIMEOUT: Final = re.compile(r"SET\s+(?:LOCAL\s+|SESSION\s+)?lock_timeout\s*(?:=|TO)\s*'?(\w+)", re.I)


@dataclass(frozen=True, slots=True)
class Lint:
    """One thing that is wrong with a file. `rule` is stable; `line` counts from 1, 0 means the whole file."""

    file: str
    line: int
    rule: str
    message: str
    advice: str

    @property
    def words(self) -> str:
        """All of it in one line."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where} {self.rule}: {self.message}" + (f"; {self.advice}" if self.advice else "")


def lint(path: Path) -> tuple[Lint, ...]:
    """Everything wrong with the files of the rollout in a folder: those that name its column.

    Raises MisuseError when there is no such folder or its journal cannot be read, CannotRunError without squawk.
    """
    folder = Folder.read(path)
    journalled = (path / JOURNAL).is_file()
    ours = tuple(script for script in folder.files if plan.COLUMN in script.text)
    if not ours:
        message = f"no file names {plan.COLUMN}"
        return (Lint(str(path), 0, "no-migration", message, "is this the folder of the migrations?"),)
    found = [*_numbers(folder, ours), *_builds(ours)]
    if journalled:
        found += _journal(folder, ours)
    found += _squawk(path, ours, in_transaction=journalled)
    return tuple(sorted(found, key=lambda one: (one.file, one.line, one.rule)))


def _numbers(folder: Folder, ours: tuple[Script, ...]) -> Iterator[Lint]:
    for script in ours:
        number = _NUMBER.match(script.name)
        if number is None:
            yield Lint(script.name, 0, "no-number", "its name has no number", "name it NNNN_what_it_does.sql")
            continue
        same = [
            one.name for one in folder.files if (other := _NUMBER.match(one.name)) and other[1] == number[1]
        ]
        if len(same) > 1:
            others = ", ".join(name for name in same if name != script.name)
            message = f"number {number[0].rstrip('_')} is taken by {others}"
            yield Lint(script.name, 0, "number-taken", message, "take the next free one")


def _journal(folder: Folder, ours: tuple[Script, ...]) -> Iterator[Lint]:
    tags = {script.name.removesuffix(".sql") for script in ours}
    entries = {entry.tag for entry in folder.journal}
    for tag in sorted(tags - entries):
        message = f"not in {JOURNAL}: drizzle passes over it and reports success"
        yield Lint(f"{tag}.sql", 0, "not-journalled", message, "add an entry with the newest `when`")
    names = {script.name for script in folder.files}
    newest = 0
    for entry in folder.journal:
        if f"{entry.tag}.sql" not in names:
            message = f"names {entry.tag}, and there is no such file"
            yield Lint(JOURNAL, 0, "file-missing", message, "drizzle stops there, before any migration")
        if entry.tag in tags and entry.when <= newest:
            message = f"its `when` {entry.when} is not after {newest}, which an earlier entry has"
            advice = "drizzle passes over it where that one has run; give it a newer time"
            yield Lint(f"{entry.tag}.sql", 0, "older-when", message, advice)
        newest = max(newest, entry.when)


def _builds(ours: tuple[Script, ...]) -> Iterator[Lint]:
    """What a concurrent build must not be given; squawk recommends both."""
    for script in ours:
        timeout = "0"
        for line, text in _statements(script):
            timeout = found[1] if (found := _LOCK_TIMEOUT.match(text)) else timeout
            build = _BUILD.match(text)
            if build and build["robust"]:
                message = "IF NOT EXISTS passes over an invalid index and reports success"
                advice = "leave it out; after a failure: sql/recovery/drop_invalid_index.sql"
                yield Lint(script.name, line, "if-not-exists-on-build", message, advice)
            if build and timeout.strip("ms") not in ("0", "DEFAULT"):
                message = (
                    f"a lock_timeout of {timeout} ends the build in one of its waits; an invalid index stays"
                )
                yield Lint(
                    script.name, line, "lock-timeout-on-build", message, "SET lock_timeout = 0 before it"
                )


def _statements(script: Script) -> Iterator[tuple[int, str]]:
    """Each statement without comments, with the line it begins on."""
    begin = 0
    for statement in statements_of(script.text):
        at = script.text.index(statement.text, begin)
        begin = at + len(statement.text)
        text = sqlparse.format(statement.text, strip_comments=True).strip()
        if text:
            code = max(at, script.text.find(text.splitlines()[0], at))
            yield script.text.count("\n", 0, code) + 1, text


def _squawk(path: Path, ours: tuple[Script, ...], *, in_transaction: bool) -> list[Lint]:
    """Source: squawk, https://squawkhq.com/docs/rules."""
    program = Path(sys.executable).parent / "squawk"
    found = str(program) if program.is_file() else shutil.which("squawk")
    if found is None:
        raise CannotRunError("squawk is not installed; install the package squawk-cli with pip")
    command = [found, "--reporter", "json", "--config", "/dev/null"]
    command += [part for rule in NOT_HERE for part in ("--exclude", rule)]
    command += ["--assume-in-transaction"] if in_transaction else []
    done = subprocess.run(
        [*command, "--", *(str(path / script.name) for script in ours)],
        capture_output=True, text=True, encoding="utf-8", timeout=SQUAWK_S_MAX, check=False,
    )  # fmt: skip
    try:
        items = json.loads(done.stdout)
        return [
            Lint(
                Path(item["file"]).name,
                int(item["line"]) + 1,
                f"squawk/{item['rule_name']}",
                str(item["message"]).rstrip("."),
                str(item["help"] or "").rstrip("."),
            )
            for item in items
        ]
    except (ValueError, TypeError, KeyError) as error:
        said = " ".join((done.stderr or done.stdout).split())[:200]
        raise CannotRunError(f"squawk did not answer: {said or error}; run it by hand on {path}") from error
