"""The command that tells how much of anonymous usage carries an id."""

import click
from rich.console import Console

from harness.cli.gate import database_option
from harness.cli.values import Count, Finite


@click.command(short_help="Show how much of anonymous usage carries an id.")
@database_option
@click.option("--days", type=Count(1, 366), default=7, show_default=True, help="How many days to look back.")
@click.option(
    "--fail-under",
    type=Finite(0, 100),
    metavar="PCT",
    help="End with code 1 when less of the requests carry an id, with 3 when there were none. Example: --fail-under 60",
)
@click.option("--watch", is_flag=True, help="Look again every ten seconds until Ctrl-C.")
def coverage(database_url: str, days: int, fail_under: float | None, watch: bool) -> int:
    """Shows the share of anonymous requests that carry an id: in all, by day, by user; which ids are shared by many
    addresses and which addresses have many ids; and how much comes from clients that never send the header. Ids that
    lead to no person in PostHog are told apart: those that it takes for nobody's (anonymous, null, 0 and the like), and
    those of more than 200 characters, which it cuts.

    Only reads, a minute for a query at most. Exit codes: 0, 1 under --fail-under, 3 nothing to tell.

    Example: harness coverage --database-url postgresql://reader@db.example.com/backend --days 7 --fail-under 60
    """
    from harness.checks.queries import Coverage
    from harness.cli.coverage_view import print_coverage
    from harness.run.coverage import coverage

    console = Console()

    def show(found: Coverage) -> None:
        if watch:
            console.clear()
        print_coverage(found, console)

    return coverage(database_url, days, fail_under, show, watch=watch).exit_code
