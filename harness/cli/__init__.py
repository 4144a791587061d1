"""The command line: arguments, streams, exit codes; nothing else.

A command's module is imported when the command is called, and what a command starts when it runs: `--help` is quick.
"""

import importlib
import os
import shutil
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Final

import click

from harness.cli.exit_codes import SENTENCE, ExitCode
from harness.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

NARROW: Final = 50
"""Columns of a terminal below which click would let lines of `--help` run over its edge."""

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
    "rollout new": ("rollout", "Write the folder of a new rollout."),
    "rollout show": ("rollout", "Check a rollout's file, and show what follows from it."),
    "schema": ("schema", "Compare a database and migration files with what the plan declares."),
    "selftest": ("selftest", "Show that every known defect is caught by the claim meant for it."),
    "serve": ("serve", "Serve the reference stack and show what each request did."),
    "upstream": ("gate", "Serve a model that costs nothing, for a staging backend to ask."),
}
"""The module of each command, and what `harness --help` says of it; some have two words."""


def second_words(first: str) -> list[str]:
    """What may stand behind the first word of a command of two."""
    return [name.removeprefix(f"{first} ") for name in COMMANDS if name.startswith(f"{first} ")]


class SecondWords(click.Group):
    """The commands of two words that share the first one, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """The second words."""
        return second_words(self.name or "")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command; None where there is none of that name."""
        return imported(f"{self.name} {cmd_name}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes a line for each command, and imports none."""
        _write_commands([f"{self.name} {word}" for word in self.list_commands(ctx)], formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """The second words that begin so, and options."""
        return [*_items(self.name or "", incomplete), *click.Command.shell_complete(self, ctx, incomplete)]


class Commands(click.Group):
    """The commands, each imported when it is called."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command, or those of two words that begin so; None where there is none of that name."""
        found = imported(cmd_name)
        if found is None and (words := second_words(cmd_name)):
            names = ", ".join(f"harness {cmd_name} {word}" for word in words)
            found = SecondWords(cmd_name, help=f"Commands: {names}.", epilog=SENTENCE)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but two words go before one: `report diff`, while `report ./diff` renders that file."""
        if " ".join(args[:2]) in COMMANDS:
            args = [" ".join(args[:2]), *args[2:]]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes a line for each command, and imports none."""
        _write_commands(self.list_commands(ctx), formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """The first words that begin so, and options."""
        return [*_items("", incomplete), *click.Command.shell_complete(self, ctx, incomplete)]


def imported(name: str) -> click.Command | None:
    """A command by its words; None where there is none."""
    if name not in COMMANDS:
        return None
    module = importlib.import_module(f"harness.cli.{COMMANDS[name][0]}")
    command: click.Command = getattr(module, name.replace(" ", "_"))
    return command


def _write_commands(names: list[str], formatter: click.HelpFormatter) -> None:
    with formatter.section("Commands"):
        formatter.write_dl([(name, COMMANDS[name][1]) for name in names])


def _items(first: str, incomplete: str) -> "list[CompletionItem]":
    """What may come behind a first word, or as one: a word with what it does."""
    from click.shell_completion import CompletionItem

    if first:
        words = {word: COMMANDS[f"{first} {word}"][1] for word in second_words(first)}
    else:
        words = {name.partition(" ")[0]: text for name, (_, text) in reversed(COMMANDS.items())}
    return [CompletionItem(word, help=words[word]) for word in sorted(words) if word.startswith(incomplete)]


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from harness.report.document import harness_version

        click.echo(f"harness, version {harness_version()}")
        ctx.exit()


@click.group(
    cls=Commands,
    epilog=SENTENCE,
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

    To begin: harness doctor says what this machine lacks, harness prove --level smoke proves the plan that comes with
    it in some seconds, harness rollout new writes the folder of a rollout of your own, and harness gate judges a
    backend that is deployed.
    """


def main() -> None:
    """Runs the command line and exits with its code; a mistake or a refusing environment is one line on stderr."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        columns = shutil.get_terminal_size().columns
        width = max(columns - 1, 20) if columns < NARROW + 2 else None
        code = app.main(standalone_mode=False, terminal_width=width)
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = _fail("interrupted; everything that was started has been stopped", ExitCode.INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = ExitCode.MISUSE
    except click.UsageError as error:
        hint = f"; see {error.ctx.command_path} --help" if error.ctx else ""
        code = _fail(error.format_message().rstrip(".") + hint, ExitCode.MISUSE)
    except click.ClickException as error:
        code = _fail(error.format_message(), ExitCode.MISUSE)
    except UsageError as error:
        code = _fail(str(error), ExitCode.MISUSE)
    except UnavailableError as error:
        code = _fail(str(error), ExitCode.NO_ANSWER)
    except BrokenPipeError:  # the reader of our output has gone: there is nobody to tell
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the exit's flush needs it
        code = ExitCode.NO_ANSWER
    except Exception as error:
        from harness.cli.unforeseen import message_of

        code = _fail(message_of(error), ExitCode.NO_ANSWER)
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a script's `&` starts it so
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)  # asyncio turns that one into an orderly end


def _fail(message: str, code: int) -> int:
    from harness.cli.streams import plain

    click.echo(f"harness: {plain(message)}", err=True)
    return code
