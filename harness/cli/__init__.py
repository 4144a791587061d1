"""The command line: arguments, streams, exit codes; nothing else.

A command's module is imported when the command is called, and what a command starts when it runs: `--help` is quick.
"""

import importlib
import os
import signal
import sys
from types import FrameType
from typing import Final

import click

from harness.errors import UnavailableError, UsageError

INTERRUPTED: Final = 130

COMMANDS: Final = {
    "accept": ("accept", "Say whether a release may go on by the verdict that another pipeline has stored."),
    "check": ("check", "Judge the plan's files in a checkout, before anything is deployed."),
    "clean": ("gate", "Delete the rows that a run of the gate, fuzz or replay left."),
    "coverage": ("coverage", "Show how many requests carry a value of the header."),
    "doctor": ("doctor", "Tell what this machine, a backend and a database have of what is needed."),
    "fuzz": ("fuzz", "Hunt for a header that is treated otherwise than the rule says."),
    "gate": ("gate", "Judge a deployed backend by its URL and its database."),
    "keys new": ("accept", "Make a pair of keys: one to sign verdicts, one to verify them."),
    "migrate": ("migrate", "Bring a database to a state of the rollout, or back."),
    "prove": ("prove", "Run the rollout on real servers and judge every claim."),
    "rehearse": ("rehearse", "Run the migration in every way on a big table, and measure what writers wait."),
    "replay": ("fuzz", "Send a find again and say whether it still fails."),
    "report": ("report", "Render a stored report again, in any format."),
    "report diff": (
        "report",
        "Tell what differs between two stored reports, and whether anything got worse.",
    ),
    "report merge": ("report", "Make one verdict of the reports of all shards of a run."),
    "rollout": ("rollout", "Show what follows from a rollout's file, or write a new one."),
    "schema": ("schema", "Compare a database and migration files with what the plan declares."),
    "selftest": ("selftest", "Show that every known defect is caught by the claim meant for it."),
    "serve": ("serve", "Serve the reference stack and show what each request did."),
    "upstream": ("gate", "Serve a model that costs nothing, for a staging backend to ask."),
}
"""The module of each command, and what `harness --help` says of it; some have two words."""


class Commands(click.Group):
    """The commands, each imported when it is called."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; None where there is none of that name."""
        if super().get_command(ctx, cmd_name) is None:
            return None
        module = importlib.import_module(f"harness.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace(" ", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but two words go before one: `report diff`, while `report ./diff` renders that file."""
        if " ".join(args[:2]) in COMMANDS:
            args = [" ".join(args[:2]), *args[2:]]
        elif args[0] not in COMMANDS and (
            longer := [name for name in COMMANDS if name.startswith(f"{args[0]} ")]
        ):
            ctx.fail(f"'{args[0]}' alone is no command; there is {', '.join(longer)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes a line for each command, and imports none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from harness.report.document import harness_version

        click.echo(f"harness, version {harness_version()}")
        ctx.exit()


@click.group(
    cls=Commands,
    commands=[click.Command(name) for name in COMMANDS],  # their names, for a mistyped one; see get_command
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def app() -> None:
    """Proves that a header, a column and an index can be rolled out backend first.

    Exit codes: 0 the answer is good (GO), 1 it is bad and was reached (NO-GO), 2 the call is wrong, 3 there is no
    answer (inconclusive, the environment refuses, or an error that was not foreseen), 130 interrupted.
    """


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
    from harness.cli.streams import plain

    click.echo(f"harness: {plain(message)}", err=True)
    return code
