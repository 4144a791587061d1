"""The commands about stored reports: render one again, tell what differs between two."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.cli.command import command
from harness.cli.streams import command_line, plain, print_document, print_line, write_report
from harness.errors import UsageError
from harness.run.options.gate import SigningOptions
from harness.run.options.report import ReportDiffOptions, ReportMergeOptions, ReportOptions
from harness.run.options.shared import Outputs, Renderings, check_writable

if TYPE_CHECKING:
    from harness.report.document import Report

ROWS_MAX: Final = 40
"""Rows of a table that are printed; longer ones are for the page."""


@command(good="rendered, whatever the verdict was")
def report(options: ReportOptions, outputs: Renderings) -> int:
    """Prints a report that --json has stored in FILE, or that comes on standard input where FILE is -, and writes it in
    other formats; judges nothing, but refuses a report that does not hold together.

    harness report diff compares two; a file of that name is ./diff. Example:
    harness report report.json --html report.html
    """
    from harness.run.report_reading import read_report

    outputs.check()
    if any(output.resolve() == options.file.resolve() for output in outputs.files):
        raise UsageError(
            f"{options.file} is the report itself, which would be lost; name another file to write"
        )
    found = read_report(options.file)
    write_report(found, outputs, lambda: _print_tables(found, options.file))
    return 0


@command(good="nothing got worse", bad="something got worse")
def report_diff(options: ReportDiffOptions) -> int:
    """Tells what differs between the stored reports OLD and NEW: claims that changed, are new or gone, and figures that
    moved beyond their noise: counts by more than three standard deviations, times more than twofold.

    Worse is a claim that stands worse or is gone, weaker evidence, and a longer write stall.

    Example: harness report diff last-week.json today.json --html diff.html
    """
    from harness.report.diff import report_diff
    from harness.run.report import publish_diff
    from harness.run.report_reading import read_report

    check_writable([] if options.html is None else [options.html])
    old, new = read_report(options.old), read_report(options.new)
    found = report_diff(old, new)
    if options.json_output:
        print_document(found)
    else:
        for line in found.context:
            print_line(plain(f"not the same: {line}"))
        for difference in found.differences:
            print_line(plain(str(difference)))
        print_line("something got worse" if found.worse else "nothing got worse")
    if options.html is not None:
        publish_diff(old, new, found, options.html)
    return 1 if found.worse else 0


@command(good="GO", bad="NO-GO")
def report_merge(options: ReportMergeOptions, outputs: Outputs, signing: SigningOptions) -> int:
    """Makes one verdict of the stored reports FILES, which prove or gate have written with --shard, one for each shard.

    A claim is refuted if one shard refutes it, and proven only if all shards that looked at it could judge it and saw
    enough together. A shard that is missing, or is there twice, another seed, digest, level, policy or target, and
    headers that are not a shard's own make it inconclusive, with the reason. --sign signs the whole as gate does.

    Example: harness report merge shard-*.json --json report.json
    """
    from harness.run.merge import merge
    from harness.run.sign import check_signing, sign_report

    outputs.check()
    keys = check_signing(signing)
    report = merge(options.files, command_line(), options.rollout)
    code = write_report(report, outputs)
    if signing.sign is not None:
        print_line(sign_report(report, signing.sign, keys, outputs.label))
    return code


def _print_tables(found: "Report", file: Path) -> None:
    from rich.console import Console

    from harness.report.tables import print_table, tables_of

    for name, table in tables_of(found).items():
        if len(table.rows) <= ROWS_MAX:
            print_table(table, Console())
        else:
            print_line(f"{name}: {len(table.rows):,} rows, on the page and in {file}")
