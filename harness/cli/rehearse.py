"""The command that rehearses the migration."""

from pathlib import Path

import click
from rich.console import Console

from harness.cli.options import (
    busy,
    command_line,
    postgres_option,
    report_options,
    say,
    session_pooler_option,
    tell,
)
from harness.cli.values import Count, Finite
from harness.errors import UsageError
from harness.run.report import Outputs


@click.command(short_help="Run the migration in every way on a big table, and measure what writers wait.")
@click.option(
    "--rows",
    type=Count(),
    default=200_000,
    show_default=True,
    help="Rows of the table that is migrated; a million takes some 400 MB.",
)
@click.option(
    "--part",
    "parts",
    type=click.Choice(["matrix", "locks", "traps", "stalls", "claims"]),
    multiple=True,
    help="Rehearse only this; may be given several times. Default: all. Example: --part matrix",
)
@click.option(
    "--migration",
    default="corrected",
    show_default=True,
    metavar="NAME",
    help="The migration to judge, each statement sent by itself: sql/corrected, another harmless layout, or a defect "
    "of sql/defects. "
    "Example: --migration plain-index",
)
@click.option(
    "--max-stall-ms",
    type=Finite(0, 1e6, min_open=True),
    metavar="MS",
    help="The longest that a write may be held up, in milliseconds; without it stalls are measured, not judged, "
    "and --part stalls alone ends in 3. "
    "Example: --max-stall-ms 100",
)
@click.option(
    "--compare/--no-compare",
    default=True,
    show_default=True,
    help="Measure stalls of the other ways to migrate in the same run.",
)
@click.option(
    "--rate",
    type=Finite(10, 2000),
    default=200.0,
    show_default=True,
    metavar="N",
    help="Writes per second while stalls are measured, on four connections.",
)
@postgres_option
@session_pooler_option
@click.option(
    "--require-npm",
    is_flag=True,
    envvar="HARNESS_REQUIRE_NPM",
    show_envvar=True,
    help="Without the real drizzle migrator (npm) the result is inconclusive, not waived.",
)
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the timeline of write latency as SVG. Example: --svg stalls.svg",
)
@report_options()
def rehearse(
    rows: int,
    parts: tuple[str, ...],
    migration: str,
    max_stall_ms: float | None,
    compare: bool,
    rate: float,
    postgres: str,
    session_pooler: bool,
    require_npm: bool,
    svg: Path | None,
    outputs: Outputs,
) -> int:
    """Runs the migration on a table as big as yours, in every way that it could be run, under live writers.

    Example: harness rehearse --rows 1000000 --max-stall-ms 100 --svg stalls.svg
    """
    from harness.report.tables import print_table
    from harness.run.rehearse import Part, RehearseOptions, rehearse

    Outputs(html=svg).check()
    if svg is not None and parts and "stalls" not in parts:
        raise UsageError("the timeline is drawn of the part stalls; add --part stalls, or leave out --svg")
    console = Console()
    options = RehearseOptions(
        rows=rows,
        parts=frozenset(map(Part, parts)) or frozenset(Part),
        migration=migration,
        max_stall_ms=max_stall_ms,
        compare=compare,
        writes_per_s=rate,
        postgres=postgres,
        session_pooler=session_pooler,
        require_npm=require_npm,
        command=command_line(),
    )
    report = rehearse(options, say, lambda table: print_table(table, console), busy)
    if svg is not None and report.sections.timeline:
        svg.write_text(report.sections.timeline, encoding="utf-8")
    return tell(report, outputs)
