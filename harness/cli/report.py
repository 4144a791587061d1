"""The command that renders a stored report again."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.cli.command import command
from harness.cli.streams import print_line, write_report
from harness.errors import UsageError
from harness.run.options.report import ReportOptions
from harness.run.options.shared import Renderings

if TYPE_CHECKING:
    from harness.report.document import Report

ROWS_MAX: Final = 40
"""Rows of a table that are printed; longer ones are for the page."""


@command
def report(options: ReportOptions, outputs: Renderings) -> int:
    """Prints a report that --json has stored in FILE, or that comes on standard input where FILE is -, and writes it in
    other formats; judges nothing, but refuses a report that does not hold together.

    Exit code 0, whatever the verdict was. Example: harness report report.json --html report.html
    """
    from harness.run.stored import read_report

    outputs.check()
    if any(output.resolve() == options.file.resolve() for output in outputs.files):
        raise UsageError(
            f"{options.file} is the report itself, which would be lost; name another file to write"
        )
    found = read_report(options.file)
    write_report(found, outputs, lambda: _print_tables(found, options.file))
    return 0


def _print_tables(found: "Report", file: Path) -> None:
    from rich.console import Console

    from harness.report.tables import print_table, tables_of

    for name, table in tables_of(found).items():
        if len(table.rows) <= ROWS_MAX:
            print_table(table, Console())
        else:
            print_line(f"{name}: {len(table.rows):,} rows, on the page and in {file}")
