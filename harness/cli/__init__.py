"""The command line: arguments, streams, exit codes; nothing else."""

import os
import signal
import sys
from types import FrameType
from typing import Final

import click

from harness.cli.coverage import coverage
from harness.cli.fuzz import fuzz, replay
from harness.cli.gate import clean, gate, upstream
from harness.cli.migrate import migrate
from harness.cli.prove import prove
from harness.cli.rehearse import rehearse
from harness.cli.report import report
from harness.cli.schema import schema
from harness.cli.selftest import selftest
from harness.cli.serve import serve
from harness.errors import UnavailableError, UsageError
from harness.report.document import harness_version
from harness.report.escape import masked

INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(harness_version(), prog_name="harness")
def app() -> None:
    """Proves that a header, a column and an index can be rolled out backend first.

    Exit codes: 0 GO, 1 NO-GO, 2 misuse, 3 inconclusive, the environment refuses, or an error that was not foreseen.
    """


for command in (
    prove,
    fuzz,
    replay,
    migrate,
    rehearse,
    schema,
    report,
    serve,
    gate,
    clean,
    coverage,
    upstream,
    selftest,
):
    app.add_command(command)


def main() -> None:
    """Runs the command line and exits with its code; a mistake or a refusing environment is one line on stderr."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = _fail("interrupted; everything that was started has been stopped", INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = 2
    except click.UsageError as error:
        hint = f"; see {error.ctx.command_path} --help" if error.ctx else ""
        code = _fail(error.format_message().rstrip(".") + hint, 2)
    except click.ClickException as error:
        code = _fail(error.format_message(), 2)
    except UsageError as error:
        code = _fail(str(error), 2)
    except UnavailableError as error:
        code = _fail(str(error), 3)
    except BrokenPipeError:  # the reader of our output has gone: there is nobody to tell
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the exit's flush needs it
        code = 3
    except Exception as error:
        from harness.cli.unforeseen import told

        code = _fail(told(error), 3)
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)  # asyncio turns that one into an orderly end


def _fail(message: str, code: int) -> int:
    click.echo(f"harness: {masked(message)}", err=True)
    return code
