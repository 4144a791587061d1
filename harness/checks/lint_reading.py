"""A migration file's sections, read into the statements that can be judged and those that cannot. Pure."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from harness.checks.lint_model import Lint
from harness.checks.lint_placeholders import stood_in, unjudged
from harness.checks.lint_statements import StatementPart, statements
from harness.database.migration_files import MigrationFile, Section, SentAs

_PSQL_RUNS: Final = ("", "psql", "sqitch")
"""Tools that give a file to psql; without a known one each statement is sent as psql does."""
_META: Final = re.compile(r"(?m)^[ \t]*\\(?P<command>[a-zA-Z!?]\w*)(?P<rest>[^\n]*)$")
_INCLUDES: Final = ("i", "ir", "include", "include_relative")
_COPIED: Final = re.compile(r"(?im)(^COPY\b[^;]*\bFROM\s+STDIN\b[^;]*;)(.*?^\\\.$)", re.DOTALL)
"""Rows behind a COPY, which are no SQL."""


_IN_PYTHON: Final = re.compile(
    r"(?im)^--[ \t]*(?:THIS OPERATION|MIGRATION NOW PERFORMS OPERATION THAT) CANNOT BE WRITTEN AS SQL"
)
"""What Django's sqlmigrate writes in the place of a step in Python."""


class ReadSection(NamedTuple):
    """A section of a file."""

    text: str
    """With a name for each placeholder, and blanks for what is not judged."""
    sent: SentAs
    parts: tuple[StatementPart, ...]
    """The statements that can be judged."""
    not_judged: tuple[Lint, ...]
    not_written: tuple[Lint, ...] = ()
    """Steps that the file only tells of: they are in another language."""

    @property
    def is_in_transaction(self) -> bool:
        """Whether its tool sends it in one."""
        return self.sent is SentAs.TRANSACTION or (self.sent is SentAs.AT_ONCE and len(self.parts) > 1)


def read_sections(file: MigrationFile) -> tuple[ReadSection, ...]:
    """Each section of a file."""
    return tuple(_read(file, section) for section in file.sections)


def _read(file: MigrationFile, section: Section) -> ReadSection:
    text, not_judged = section.text, []
    if file.tool in _PSQL_RUNS:
        for match in _META.finditer(text):
            if match["command"] in _INCLUDES:
                line = text.count("\n", 0, match.start()) + 1
                message = f"not judged: {match['rest'].strip()}, which psql reads here, is not looked at"
                advice = "write its statements here, or lint its folder"
                not_judged.append(Lint(file.name, line, "not-judged", message, advice))
        text = _COPIED.sub(lambda match: match[1] + _blank(match[2]), text)
        text = _META.sub(lambda match: " " * len(match[0]), text)
    text, placeholders = stood_in(text, file.replaces)
    parts = []
    for part in statements(text):
        placeholder = unjudged(part, placeholders)
        if placeholder is None:
            parts.append(part)
            continue
        if part.code.upper().startswith("SET "):
            parts.append(part)  # what it sets has a value, though not a known one
        else:
            text = text[: part.begin] + _blank(text[part.begin : part.end]) + text[part.end :]
        filled = (
            f"is filled in by {file.tool}, with what is not known here"
            if placeholder.is_known
            else (
                f"{file.tool or 'no known tool'} is not known to fill it in, and PostgreSQL refuses it (42601)"
            )
        )
        message = f"not judged: placeholder: {placeholder.written} {filled}"
        advice = "lint the file with its value written out"
        not_judged.append(Lint(file.name, part.line, "not-judged", message, advice))
    return ReadSection(
        text, section.sent, tuple(parts), tuple(not_judged), tuple(_in_python(file.name, section.text))
    )


def _in_python(name: str, text: str) -> Iterator[Lint]:
    for match in _IN_PYTHON.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        message = "not judged: a step in Python, which sqlmigrate cannot write as SQL, runs here"
        yield Lint(name, line, "not-judged", message, "look at what it writes, and for how long it locks it")


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
