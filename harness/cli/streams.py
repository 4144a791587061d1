"""What commands write to standard output and error, and the line they were called by."""

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from harness.run.options.shared import Renderings

if TYPE_CHECKING:
    from harness.report.document import Report


def say(line: str) -> None:
    """Writes a line to standard output."""
    click.echo(line)


@contextlib.contextmanager
def busy(words: str) -> Iterator[Callable[[str], None]]:
    """Shows on standard error what is going on: a changing line on a terminal, one plain line elsewhere."""
    from rich.console import Console

    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(words) as status:
            yield lambda more: status.update(f"{words}: {more}")
    else:
        click.echo(words, err=True)
        yield lambda _: None


def tell(report: "Report", outputs: Renderings, further: Callable[[], None] = lambda: None) -> int:
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
