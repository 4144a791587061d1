"""What commands write to standard output and error, and the line they were called by."""

import contextlib
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import click
from msgspec import Struct, to_builtins
from msgspec.structs import replace

from harness.run.options.shared import Renderings

if TYPE_CHECKING:
    from harness.report.document import Report


TOLD_EVERY_S: Final = 30.0
_COMMAND: Final = re.compile(r"^(\s*)(?=::|##\[)", re.MULTILINE)
"""Where a line begins as one that GitHub's runner would carry out; it looks behind white space, too."""


def plain(text: str) -> str:
    """The text as a terminal or a CI log may have it: nothing in it is acted upon, and no secret is shown."""
    from harness.report.escape import masked

    return _inert(masked(text))


def print_line(line: str) -> None:
    """Writes a line to standard output, in escapes what would be acted upon."""
    click.echo(_inert(line))


def print_document(document: Struct, *, in_one_line: bool = False) -> None:
    """Writes a document of --json to standard output."""
    click.echo(document_text(document, in_one_line=in_one_line))


def document_text(document: Struct, *, in_one_line: bool = False) -> str:
    """A document as JSON in ASCII, so that nothing in it is acted upon; no secret is in it."""
    import json

    from harness.report.escape import masked

    def clean(value: object) -> object:
        if isinstance(value, dict):
            return {name: clean(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [clean(part) for part in value]
        return masked(value) if isinstance(value, str) else value

    builtins = clean(to_builtins(document, str_keys=True))
    return json.dumps(builtins, indent=None if in_one_line else 2)


def print_aside(line: str) -> None:
    """Writes a line to standard error, where standard output is a machine's."""
    click.echo(_inert(line), err=True)


def _inert(text: str) -> str:
    from harness.report.escape import visible

    return _COMMAND.sub(r"\1\\", visible(text))


@contextlib.contextmanager
def show_progress(words: str) -> Iterator[Callable[[str], None]]:
    """Shows on standard error what is going on: a changing line on a terminal, elsewhere plain ones, seldom."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(escape(plain(words))) as status:
            yield lambda more: status.update(escape(plain(f"{words}: {more}")))
    else:
        click.echo(plain(words), err=True)
        yield _told_now_and_then(words)


def _told_now_and_then(words: str) -> Callable[[str], None]:
    """Writes how far it is each half minute at the most: a log has no changing line."""
    told = time.monotonic()

    def show(more: str) -> None:
        nonlocal told
        if time.monotonic() - told >= TOLD_EVERY_S:
            told = time.monotonic()
            click.echo(plain(f"{words}: {more}"), err=True)

    return show


def write_report(report: "Report", outputs: Renderings, further: Callable[[], None] = lambda: None) -> int:
    """Prints a finished report, writes its files and the summary of a CI job; returns the exit code.

    `further` prints what belongs to it beside its claims.
    """
    from rich.console import Console

    from harness.report.text import print_report
    from harness.run.report import SUMMARY_VARIABLE, publish

    report = replace(report, label=outputs.label.strip() or report.label)
    print_report(report, Console(), further)
    publish(report, outputs, summary=os.environ.get(SUMMARY_VARIABLE))
    return report.verdict.exit_code


def command_line(*secrets: str) -> str:
    """The command as typed, secrets masked: those given, values of headers, and what looks like one."""
    from harness.report.escape import masked

    words: list[str] = []
    for word in sys.argv[1:]:
        is_value = bool(words) and words[-1] == "--request-header"
        if is_value or word.startswith("--request-header="):
            word = f"{word.partition(':')[0]}: ***"
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            word = word.replace(secret, "***")
        words.append(masked(word))  # before quotes of the shell come into it
    return masked(shlex.join(["harness", *words]))
