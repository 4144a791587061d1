"""The command that tells how much of anonymous usage carries an id."""

from typing import TYPE_CHECKING

from harness.cli.command import command
from harness.run.options.coverage import CoverageOptions

if TYPE_CHECKING:
    from harness.checks.queries import Coverage


@command
def coverage(options: CoverageOptions) -> int:
    """Shows the share of anonymous requests that carry an id: in all, by day, by user; which ids are shared by many
    addresses and which addresses have many ids; and how much comes from clients that never send the header. Ids that
    lead to no person in PostHog are told apart: those that it takes for nobody's (anonymous, null, 0 and the like), and
    those of more than 200 characters, which it cuts.

    Only reads, a minute for a query at most. Exit codes: 0, 1 under --fail-under, 3 nothing to tell.

    Example: harness coverage --database-url postgresql://reader@db.example.com/backend --days 7 --fail-under 60
    """
    from rich.console import Console

    from harness.cli.coverage_view import print_coverage
    from harness.run.coverage import coverage

    console = Console()

    def show(found: "Coverage") -> None:
        if options.watch:
            console.clear()
        print_coverage(found, console)

    return coverage(options, show).exit_code
