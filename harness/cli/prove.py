"""The command that proves the rollout."""

import gc
from dataclasses import replace

from harness.cli.command import command
from harness.cli.streams import command_line, print_line, show_progress, write_report
from harness.run.options.prove import ProveOptions
from harness.run.options.shared import Outputs


@command(good="GO", bad="NO-GO")
def prove(options: ProveOptions, outputs: Outputs) -> int:
    """Runs the rollout on real servers and judges every claim of the plan.

    Example: harness prove --level smoke --json report.json --html report.html
    """
    gc.set_threshold(200_000)  # what is imported is no garbage, and prove sets a threshold of its own
    from harness.checks.user_checks import load_checks
    from harness.run.prove import prove

    outputs.check()
    load_checks(options.checks)
    return write_report(prove(replace(options, command=command_line()), print_line, show_progress), outputs)
