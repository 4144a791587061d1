"""The command that rehearses the migration."""

from dataclasses import replace

from harness.cli.command import command
from harness.cli.streams import command_line, print_line, show_progress, write_report
from harness.errors import UsageError
from harness.run.options.rehearse import RehearsalPart, RehearseOptions
from harness.run.options.shared import Outputs


@command(good="GO", bad="NO-GO")
def rehearse(options: RehearseOptions, outputs: Outputs) -> int:
    """Runs the migration on a table as big as yours, in every way that it could be run, under live writers.

    Example: harness rehearse --rows 1000000 --max-stall-ms 100 --svg stalls.svg
    """
    from rich.console import Console

    from harness.report.tables import print_table
    from harness.run.rehearse import rehearse

    outputs.check()
    Outputs(html=options.svg).check()
    if options.svg is not None and RehearsalPart.STALLS not in options.parts:
        raise UsageError("the timeline is drawn of the part stalls; add --part stalls, or leave out --svg")
    console = Console()
    report = rehearse(
        replace(options, command=command_line()),
        print_line,
        lambda table: print_table(table, console),
        show_progress,
    )
    if options.svg is not None and report.sections.timeline:
        options.svg.write_text(report.sections.timeline, encoding="utf-8")
    return write_report(report, outputs)
