"""The command that grades the harness itself."""

from dataclasses import replace

from harness.cli.command import command
from harness.cli.streams import command_line, print_line, show_progress, write_report
from harness.run.options.selftest import SelftestOptions
from harness.run.options.shared import Outputs


@command
def selftest(options: SelftestOptions, outputs: Outputs) -> int:
    """Judges faulty backends, migrations and plans, and harmless variants of each, and prints which claim caught what.

    Exit codes: 0 every defect is refuted by the claim meant for it and every variant is GO, 1 there is a hole or a
    false alarm, 3 could not run, or not all was run.

    Example: harness selftest --html selftest.html
    """
    from harness.run.selftest import selftest

    outputs.check()
    return write_report(
        selftest(replace(options, command=command_line()), print_line, show_progress), outputs
    )
