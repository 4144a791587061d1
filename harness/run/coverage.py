"""What `harness coverage` does: reads the coverage once, or again and again, and says whether it is enough."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from harness.database.dsn import check_dsn
from harness.rollout import default_folder, load_rollout
from harness.run.coverage_queries import Coverage, read_coverage
from harness.run.options.coverage import CoverageOptions
from harness.sut.client_versions import ClientDay, read_client_days
from harness.verdict import Verdict

EVERY_S: Final = 10.0
"""Between two looks."""

Show = Callable[[Coverage], None]
ShowClients = Callable[[Sequence[ClientDay]], None]


class CoverageDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.coverage/1"):
    """The share of requests that carry a value; with --watch one a line, for each look."""

    verdict: Verdict
    """GO, NO-GO under --fail-under, INCONCLUSIVE where there was no request."""
    fail_under: float | None
    percent: float | None
    """Share of the requests that carry a value; null where there was no request."""
    reachable_percent: float | None
    """What it would be if every user that ever sent a value always did."""
    requests: int
    with_id: int
    """Requests that carry a value."""
    coverage: Coverage
    clients: tuple[ClientDay, ...] = ()
    """With --watch: by the client's version and by day."""


def coverage_document(
    found: Coverage, fail_under: float | None, clients: Sequence[ClientDay] = ()
) -> CoverageDocument:
    """One look as a document."""
    return CoverageDocument(
        verdict=judged(found, fail_under),
        fail_under=fail_under,
        percent=found.percent,
        reachable_percent=found.reachable_percent,
        requests=found.requests,
        with_id=found.with_id,
        coverage=found,
        clients=tuple(clients),
    )


def coverage(options: CoverageOptions, show: Show, show_clients: ShowClients = lambda _: None) -> Verdict:
    """Shows the coverage; with `watch` until it is interrupted, and by the clients' versions, too.

    NO-GO when less than `fail_under` percent of the requests carry a value, INCONCLUSIVE when there were none.
    Raises UnavailableError when the database cannot be asked, UsageError for a DSN or a rollout that cannot be read.
    """
    check_dsn(options.database_url)
    rollout = load_rollout(options.rollout)
    while True:
        found = read_coverage(options.database_url, options.days, rollout)
        show(found)
        if not options.watch:
            return judged(found, options.fail_under)
        # Where clients say their version is known of the plan's backend alone.
        is_plans = rollout.folders[0].resolve() == default_folder().resolve()
        show_clients(read_client_days(options.database_url, options.days) if is_plans else ())
        time.sleep(EVERY_S)  # a person looks on; Ctrl-C ends it


def judged(found: Coverage, fail_under: float | None) -> Verdict:
    """Whether that is enough: without a limit anything is, but for no request at all."""
    if found.percent is None:
        return Verdict.INCONCLUSIVE
    return Verdict.GO if fail_under is None or found.percent >= fail_under else Verdict.NO_GO
