"""Options that several commands share, and the streams they write to."""

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.errors import MisuseError
from harness.report.escape import masked

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

postgres_option: Decorator = click.option(
    "--postgres",
    envvar="HARNESS_POSTGRES",
    default="embedded",
    show_default=True,
    show_envvar=True,
    metavar="SERVER",
    help="Postgres to use: embedded (16), embedded:18, docker, docker:IMAGE, or a postgresql:// URL whose role may "
    "create databases. Example: --postgres docker:postgres:16",
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
    type=click.IntRange(0),
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


def check_writable(file: Path | None) -> None:
    """Raises MisuseError before the work rather than after it when a report could not be written."""
    if file is not None and not (
        file.parent.is_dir() and os.access(file if file.exists() else file.parent, os.W_OK)
    ):
        raise MisuseError(
            f"cannot write {file}: its folder is missing or not writable; create it, or name another file"
        )


def command_line() -> str:
    """The command as typed, secrets masked."""
    return masked(shlex.join(["harness", *sys.argv[1:]]))
