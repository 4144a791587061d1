"""Options that several commands share, and the streams they write to."""

import contextlib
import functools
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click
from msgspec import structs
from rich.console import Console

from harness.cli.values import Count, Place, PlaceOption
from harness.report.document import Report
from harness.report.escape import masked
from harness.report.text import print_report
from harness.run.report import SUMMARY_VARIABLE, Outputs, publish

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

postgres_option: Decorator = click.option(
    "--postgres",
    cls=PlaceOption,
    type=Place(),
    envvar="HARNESS_POSTGRES",
    default="embedded",
    show_default=True,
    show_envvar=True,
    metavar="SERVER",
    help="Postgres to use: embedded (16), embedded:18, docker, docker:IMAGE, or a postgresql:// URL whose role may "
    "create databases. Example: --postgres docker:postgres:16",
)
session_pooler_option: Decorator = click.option(
    "--session-pooler",
    is_flag=True,
    help="Go on through a pooler in session mode. One in transaction mode is always refused.",
)
policy_option: Decorator = click.option(
    "--policy",
    type=click.Choice(["strict", "length-only"]),
    default="strict",
    show_default=True,
    help="The header rule: the plan's, or its later revision.",
)
seed_option: Decorator = click.option(
    "--seed",
    type=Count(0, 2**64 - 1),
    default=0,
    show_default=True,
    help="Seed of everything random; the same seed repeats a run.",
)
level_option: Decorator = click.option(
    "--level",
    type=click.Choice(["smoke", "standard", "exhaustive"]),
    default="standard",
    show_default=True,
    help="How much is sent.",
)


class _Line(click.types.StringParamType):
    """A header line; in the environment there is one a line."""

    name = "line"
    envvar_list_splitter = "\n"


def _given_headers(context: click.Context, parameter: click.Parameter, lines: tuple[str, ...]) -> Any:
    """The lines of the command line, and those of the environment whose names it does not give."""
    from harness.clients.given import GivenHeaders

    given = GivenHeaders.read(lines)
    if context.get_parameter_source(parameter.name or "") is not click.core.ParameterSource.COMMANDLINE:
        return given
    named = {name.lower() for name, _ in given.lines}
    others = GivenHeaders.read(os.environ.get(HEADERS_VARIABLE, "").split("\n"))
    more = [line for line in others.lines if line[0].lower() not in named]
    return GivenHeaders((*given.lines, *more))


HEADERS_VARIABLE: Final = "HARNESS_REQUEST_HEADERS"
request_header_option: Decorator = click.option(
    "--request-header",
    "request_headers",
    type=_Line(),
    multiple=True,
    envvar=HEADERS_VARIABLE,
    show_envvar=True,
    callback=_given_headers,
    metavar="'NAME: VALUE'",
    help="Send this with every request, for a site that is protected; may be repeated, in the environment one a line. "
    "The value is printed and stored nowhere. Example: --request-header 'x-vercel-protection-bypass: ...'",
)


def say(line: str) -> None:
    """Writes a line to standard output."""
    click.echo(line)


@contextlib.contextmanager
def busy(words: str) -> Iterator[Callable[[str], None]]:
    """Shows on standard error what is going on: a changing line on a terminal, one plain line elsewhere."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(words) as status:
            yield lambda more: status.update(f"{words}: {more}")
    else:
        click.echo(words, err=True)
        yield lambda _: None


def report_options(*formats: str) -> Decorator:
    """Gives a command an option for each format of the report; they come to it as one `outputs`, known to be writable.

    Without names all four: json, html, markdown, junit.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_outputs(**given: Any) -> Any:
            label = (given.pop("label") or "").strip()
            outputs = Outputs(**{name: given.pop(f"{name}_file") for name in chosen}, label=label)
            outputs.check()
            return command(outputs=outputs, **given)

        decorated: Callable[..., Any] = label_option(with_outputs)
        for name in reversed(chosen):
            decorated = _FORMATS[name](decorated)
        return decorated

    chosen = formats or tuple(_FORMATS)
    return decorate


def _format_option(name: str, file: str, words: str) -> Decorator:
    return click.option(
        f"--{name}",
        f"{name}_file",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help=f"{words} Example: --{name} {file}",
    )


label_option: Decorator = click.option(
    "--label",
    metavar="TEXT",
    help="Words of your own that every report shows first. Example: --label 'release 4.141'",
)
_FORMATS: Final = {
    "json": _format_option("json", "report.json", "Write the whole report as JSON (harness.report/1)."),
    "html": _format_option("html", "report.html", "Write the report as one page that needs no network."),
    "markdown": _format_option("markdown", "report.md", "Write the report as Markdown for a job summary."),
    "junit": _format_option("junit", "report.xml", "Write the claims as JUnit XML for a CI server."),
}


def tell(report: Report, outputs: Outputs, further: Callable[[], None] = lambda: None) -> int:
    """Prints a finished report, writes its files and the summary of a CI job; returns the exit code.

    `further` prints what belongs to it beside its claims.
    """
    report = structs.replace(report, label=outputs.label or report.label)
    print_report(report, Console(), further)
    publish(report, outputs, summary=os.environ.get(SUMMARY_VARIABLE))
    return report.verdict.exit_code


def command_line(*secrets: str) -> str:
    """The command as typed, secrets masked: those given, values of headers, and what looks like one."""
    words: list[str] = []
    for word in sys.argv[1:]:
        is_value = bool(words) and words[-1] == "--request-header"
        if is_value or word.startswith("--request-header="):
            word = f"{word.partition(':')[0]}: ***"
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            word = word.replace(secret, "***")
        words.append(masked(word))  # before quotes of the shell come into it
    return masked(shlex.join(["harness", *words]))
