"""The command line: arguments, streams, exit codes; nothing else."""

import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import click
from rich.console import Console

from harness.errors import CannotRunError, MisuseError
from harness.report.document import harness_version
from harness.report.escape import masked

INTERRUPTED: Final = 130

POSTGRES_HELP: Final = (
    "Postgres to use: embedded (16), embedded:18, docker, docker:IMAGE, or a postgresql:// URL whose role may create "
    "databases. Example: --postgres docker:postgres:16"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(harness_version(), prog_name="harness")
def app() -> None:
    """Proves that a header, a column and an index can be rolled out backend first.

    Exit codes: 0 GO, 1 NO-GO, 2 misuse, 3 inconclusive or the environment refuses.
    """


@app.command(short_help="Run the rollout on real servers and judge every claim.")
@click.option(
    "--level",
    type=click.Choice(["smoke", "standard", "exhaustive"]),
    default="standard",
    show_default=True,
    help="How much is sent.",
)
@click.option(
    "--policy",
    type=click.Choice(["strict", "length-only"]),
    default="strict",
    show_default=True,
    help="The header rule: the plan's, or its later revision.",
)
@click.option(
    "--postgres",
    envvar="HARNESS_POSTGRES",
    default="embedded",
    show_default=True,
    show_envvar=True,
    metavar="SERVER",
    help=POSTGRES_HELP,
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of everything random; the same seed repeats a run.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the whole report as JSON (harness.report/1). Example: --json report.json",
)
def prove(level: str, policy: str, postgres: str, seed: int, json_file: Path | None) -> int:
    """Runs the rollout on real servers and judges every claim of the plan.

    Example: harness prove --level smoke --json report.json
    """
    from harness.headers.suite import Level
    from harness.report.document import to_json
    from harness.report.text import print_report
    from harness.run.prove import ProveOptions, prove

    check_writable(json_file)
    options = ProveOptions(Level(level), policy, postgres, seed, command=command_line())
    report = prove(options, _say, _busy)
    if json_file is not None:
        json_file.write_text(to_json(report), encoding="utf-8")
    print_report(report, Console(soft_wrap=False))
    return report.verdict.exit_code


@app.command(short_help="Bring a database to a state of the rollout, or back.")
@click.option(
    "--database-url",
    required=True,
    metavar="DSN",
    help="The database to migrate. Example: postgresql://me@localhost/backend",
)
@click.option(
    "--to", "to", required=True, type=click.Choice(["base", "column", "ready"]), help="State to bring it to."
)
@click.option(
    "--runner",
    type=click.Choice(["statements", "psql"]),
    default="statements",
    show_default=True,
    help="Who applies the files: this program, statement by statement, or the psql on PATH.",
)
@click.option(
    "--rollback", is_flag=True, help="Go back to the state; the column's values go with the column."
)
def migrate(database_url: str, to: str, runner: str, rollback: bool) -> int:
    """Brings a database to a state of the rollout with the corrected migration, or back.

    Example: harness migrate --database-url postgresql://me@localhost/backend --to ready
    """
    from harness.database.migrations import SchemaState
    from harness.database.runners import Runner
    from harness.run.migrate import run_migrate

    run_migrate(database_url, SchemaState(to), Runner(runner), click.echo, back=rollback)
    return 0


def main() -> None:
    """Runs the command line and exits with its code; a mistake or a refusing environment is one line on stderr."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app.main(standalone_mode=False)
    except click.exceptions.Abort:
        code = _fail("interrupted; everything that was started has been stopped", INTERRUPTED)
    except KeyboardInterrupt:
        code = _fail("interrupted; everything that was started has been stopped", INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = 2
    except click.ClickException as error:
        hint = (
            f"; see {error.ctx.command_path} --help"
            if isinstance(error, click.UsageError) and error.ctx
            else ""
        )
        code = _fail(error.format_message().rstrip(".") + hint, 2)
    except MisuseError as error:
        code = _fail(str(error), 2)
    except CannotRunError as error:
        code = _fail(str(error), 3)
    except BrokenPipeError:  # the reader of our output has gone: there is nobody to tell
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the exit's flush needs it
        code = 3
    sys.exit(code)


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


def _say(line: str) -> None:
    click.echo(line)


@contextlib.contextmanager
def _busy(words: str) -> Iterator[Callable[[str], None]]:
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(words) as status:
            yield lambda more: status.update(f"{words}: {more}")
    else:
        click.echo(words, err=True)
        yield lambda _: None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)  # asyncio turns that one into an orderly end


def _fail(message: str, code: int) -> int:
    click.echo(f"harness: {masked(message)}", err=True)
    return code
