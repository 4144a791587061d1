"""The command that renders a stored report again."""

from pathlib import Path
from typing import Final

import click
from rich.console import Console

from harness.cli.options import report_options, say, tell
from harness.errors import UsageError
from harness.report.document import Report
from harness.report.tables import print_table, tables_of
from harness.run.report import Outputs

ROWS_MAX: Final = 40
"""Rows of a table that are printed; longer ones are for the page."""


@click.command(short_help="Render a stored report again, in any format.")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@report_options("html", "markdown", "junit")
def report(file: Path, outputs: Outputs) -> int:
    """Prints a report that --json has stored in FILE, or that comes on standard input where FILE is -, and writes it in
    other formats; judges nothing, but refuses a report that does not hold together.

    Exit code 0, whatever the verdict was. Example: harness report report.json --html report.html
    """
    from harness.run.stored import read_report

    if any(output.resolve() == file.resolve() for output in outputs.files):
        raise UsageError(f"{file} is the report itself, which would be lost; name another file to write")
    found = read_report(file)
    tell(found, outputs, lambda: _print_tables(found, file))
    return 0


def _print_tables(found: Report, file: Path) -> None:
    for name, table in tables_of(found).items():
        if len(table.rows) <= ROWS_MAX:
            print_table(table, Console())
        else:
            say(f"{name}: {len(table.rows):,} rows, on the page and in {file}")
