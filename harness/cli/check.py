"""The command that judges the plan's files in checkouts."""

from dataclasses import replace

from harness.cli.command import command
from harness.cli.streams import command_line, print_line, show_progress, write_report
from harness.run.options.check import CheckOptions
from harness.run.options.shared import Outputs


@command
def check(options: CheckOptions, outputs: Outputs) -> int:
    """Judges the files of the plan as they are in a checkout, before anything is deployed: its migrations, applied to
    an empty database and to one from before the rollout; where the header's value is read, and every place that it
    passes on its way to the row. Each fault has its file, line and the edit that mends it.

    Nothing of yours is started, no database but its own is written, and nothing is written into the checkout. Exit
    codes: 0 GO, 1 NO-GO, 2 misuse, 3 inconclusive.

    Example: harness check --backend ../cloud --markdown check.md
    """
    from harness.run.check import check

    outputs.check()
    return write_report(check(replace(options, command=command_line()), print_line, show_progress), outputs)
