"""The command that proves the rollout."""

from pathlib import Path

import click
from rich.console import Console

from harness.cli.options import (
    busy,
    check_writable,
    command_line,
    level_option,
    policy_option,
    postgres_option,
    say,
    seed_option,
)


@click.command(short_help="Run the rollout on real servers and judge every claim.")
@level_option
@policy_option
@postgres_option
@seed_option
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the whole report as JSON (harness.report/1). Example: --json report.json",
)
def prove(level: str, policy: str, postgres: str, seed: int, json_file: Path | None) -> int:
    """Runs the rollout on real servers and judges every claim of the plan.

    Example: harness prove --level smoke --json report.json
    """
    from harness.headers.suite import Level
    from harness.report.document import to_json
    from harness.report.text import print_report
    from harness.run.prove import ProveOptions, prove

    check_writable(json_file)
    options = ProveOptions(Level(level), policy, postgres, seed, command=command_line())
    report = prove(options, say, busy)
    if json_file is not None:
        json_file.write_text(to_json(report), encoding="utf-8")
    print_report(report, Console())
    return report.verdict.exit_code
