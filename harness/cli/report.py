"""The command that renders a stored report again."""

from pathlib import Path

import click
from rich.console import Console

from harness.cli.options import report_options, tell
from harness.report.sections import tables
from harness.report.tables import print_table
from harness.run.report import Outputs, read_report


@click.command(short_help="Render a stored report again, in any format.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@report_options("html", "markdown", "junit")
def report(file: Path, outputs: Outputs) -> int:
    """Prints a report that --json has stored in FILE, and writes it in other formats; judges nothing.

    Exit code 0, whatever the verdict was. Example: harness report report.json --html report.html
    """
    found = read_report(file)
    for table in tables(found).values():
        print_table(table, Console())
    tell(found, outputs)
    return 0
