"""The command that tells how much of what is accounted carries a value."""

from typing import TYPE_CHECKING

from harness.cli.command import command
from harness.cli.streams import print_document
from harness.run.options.coverage import CoverageOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.run.coverage_queries import Coverage
    from harness.sut.client_versions import ClientDay


@command(good="at least --fail-under, if that is given", bad="under --fail-under")
def coverage(options: CoverageOptions) -> int:
    """Shows the share of requests that carry a value, of users whose rows hold the header's: in all, by day, by user;
    which values are shared by many users and which users have many; and how much comes from clients that never send the
    header. Values that the service which reads them refuses or cuts ([consumer] of the rollout) are told apart.

    With --watch also the share without an id by the client's version and by day; docs/day-after.md says which figure
    means to roll back. Only reads, a minute for a query at most. Where there was no request there is no answer.

    Example: harness coverage --database-url postgresql://reader@db.example.com/backend --days 7 --fail-under 60
    """
    if options.json_output:
        return _print_documents(options)
    from rich.console import Console

    from harness.cli.coverage_view import print_client_days, print_coverage
    from harness.run.coverage import coverage

    console = Console()

    def show(found: "Coverage") -> None:
        if options.watch:
            console.clear()
        print_coverage(found, console)

    def show_clients(found: "Sequence[ClientDay]") -> None:
        print_client_days(found, console)

    return coverage(options, show, show_clients).exit_code


def _print_documents(options: CoverageOptions) -> int:
    """One document, or with --watch one a line for each look."""
    from harness.run.coverage import coverage, coverage_document

    looks: list[Coverage] = []

    def show(found: "Coverage") -> None:
        looks[:] = [found]
        if not options.watch:
            print_document(coverage_document(found, options.fail_under))

    def show_clients(clients: "Sequence[ClientDay]") -> None:
        document = coverage_document(looks[0], options.fail_under, clients)
        print_document(document, in_one_line=True)

    return coverage(options, show, show_clients).exit_code
