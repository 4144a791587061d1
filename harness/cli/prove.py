"""The command that proves the rollout."""

from dataclasses import replace

from harness.cli.command import command
from harness.cli.streams import busy, command_line, say, tell
from harness.run.options.prove import ProveOptions
from harness.run.options.shared import Outputs


@command
def prove(options: ProveOptions, outputs: Outputs) -> int:
    """Runs the rollout on real servers and judges every claim of the plan.

    Example: harness prove --level smoke --json report.json --html report.html
    """
    from harness.run.prove import prove

    outputs.check()
    return tell(prove(replace(options, command=command_line()), say, busy), outputs)
