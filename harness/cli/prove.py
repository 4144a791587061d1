"""The command that proves the rollout."""

import click

from harness.cli.options import (
    busy,
    command_line,
    level_option,
    policy_option,
    postgres_option,
    report_options,
    say,
    seed_option,
    session_pooler_option,
    tell,
)
from harness.run.report import Outputs


@click.command(short_help="Run the rollout on real servers and judge every claim.")
@level_option
@policy_option
@postgres_option
@session_pooler_option
@seed_option
@report_options()
def prove(level: str, policy: str, postgres: str, session_pooler: bool, seed: int, outputs: Outputs) -> int:
    """Runs the rollout on real servers and judges every claim of the plan.

    Example: harness prove --level smoke --json report.json --html report.html
    """
    from harness.rule.suite import Level
    from harness.run.prove import ProveOptions, prove

    options = ProveOptions(
        Level(level), policy, postgres, seed, session_pooler=session_pooler, command=command_line()
    )
    return tell(prove(options, say, busy), outputs)
