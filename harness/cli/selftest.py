"""The command that grades the harness itself."""

import click

from harness.cli.options import busy, command_line, policy_option, postgres_option, report_options, say, tell
from harness.run.report import Outputs


@click.command(short_help="Show that every known defect is caught by the claim meant for it.")
@postgres_option
@policy_option
@click.option(
    "--only",
    multiple=True,
    metavar="WORD",
    help="Run the trials only whose name holds this word; may be repeated. Example: --only limit-256",
)
@report_options()
def selftest(postgres: str, policy: str, only: tuple[str, ...], outputs: Outputs) -> int:
    """Judges faulty backends, migrations and plans, and harmless variants of each, and prints which claim caught what.

    Exit codes: 0 every defect is refuted by the claim meant for it and every variant is GO, 1 there is a hole or a
    false alarm, 3 could not run, or not all was run.

    Example: harness selftest --html selftest.html
    """
    from harness.run.selftest import SelftestOptions, selftest

    options = SelftestOptions(postgres, policy, only, command_line())
    return tell(selftest(options, say, busy), outputs)
