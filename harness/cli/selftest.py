"""The command that grades the harness itself."""

from dataclasses import replace

from harness.cli.command import command
from harness.cli.streams import command_line, print_line, show_progress, write_report
from harness.run.options.selftest import SelftestOptions
from harness.run.options.shared import Outputs


@command(good="each defect is caught and no variant punished", bad="a hole or a false alarm")
def selftest(options: SelftestOptions, outputs: Outputs) -> int:
    """Judges faulty backends, migrations and plans, and harmless variants of each, and prints which claim caught what.

    Every defect must be refuted by the claim meant for it, and every variant be GO; where not all was run there is no
    answer.

    Example: harness selftest --html selftest.html
    """
    from harness.run.selftest import selftest

    outputs.check()
    return write_report(
        selftest(replace(options, command=command_line()), print_line, show_progress), outputs
    )
