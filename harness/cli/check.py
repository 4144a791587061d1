"""The command that judges the plan's files in checkouts."""

import os
from dataclasses import replace
from pathlib import Path

import click

from harness.cli.command import command
from harness.cli.streams import command_line, print_line, show_progress, write_report
from harness.run.options.check import CheckOptions
from harness.run.options.shared import Outputs


@command(good="GO", bad="NO-GO")
def check(options: CheckOptions, outputs: Outputs) -> int:
    """Judges the files of the plan as they are in a checkout, before anything is deployed: its migrations, applied to
    an empty database and to one from before the rollout; where the header's value is read, and every place that it
    passes on its way to the row; the handler itself, run under Node with what it needs stood in for, whose rows go to
    the gate's checks; and the extension's id and provider, run under Node through E1 to E12. Each fault has its file,
    line and the edit that mends it.

    Nothing of yours is started, no database but its own is written, and nothing is written into the checkout. In a
    GitHub workflow each finding is an annotation at its line.

    Example: harness check --backend ../cloud --extension ../kilocode --markdown check.md
    """
    from harness.report.places import annotations, to_sarif
    from harness.run.check import check
    from harness.run.check_prepare import NAMES, prepare

    if options.prepare:
        print_line(f"{NAMES} are in {prepare()}")
        return 0
    outputs.check()
    Outputs(html=options.sarif).check()
    report = check(replace(options, command=command_line()), print_line, show_progress)
    prefix = _below_here(options.backend)
    if options.sarif is not None:
        options.sarif.write_text(to_sarif(report, prefix), encoding="utf-8")
    code = write_report(report, outputs)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotations(report, prefix):
            click.echo(line)  # a command to the runner, on purpose; what it holds was made visible
    return code


def _below_here(checkout: Path | None) -> str:
    """The checkout's path below the working directory, as what comes before a file's name; empty where it is not."""
    here = Path.cwd().resolve()
    where = here if checkout is None else checkout.resolve()
    return f"{where.relative_to(here).as_posix()}/" if where != here and where.is_relative_to(here) else ""
