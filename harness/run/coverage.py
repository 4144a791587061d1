"""What `harness coverage` does: reads the coverage once, or again and again, and says whether it is enough."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from harness.rollout import default_folder, load_rollout
from harness.run.coverage_queries import Coverage, read_coverage
from harness.run.options.coverage import CoverageOptions
from harness.sut.client_versions import ClientDay, read_client_days
from harness.sut.foreign_rows import check_dsn
from harness.verdict import Verdict

EVERY_S: Final = 10.0
"""Between two looks."""

Show = Callable[[Coverage], None]
ShowClients = Callable[[Sequence[ClientDay]], None]


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
        if rollout.folders[0].resolve() == default_folder().resolve():
            show_clients(read_client_days(options.database_url, options.days))
        time.sleep(EVERY_S)  # a person looks on; Ctrl-C ends it


def judged(found: Coverage, fail_under: float | None) -> Verdict:
    """Whether that is enough: without a limit anything is, but for no request at all."""
    if found.percent is None:
        return Verdict.INCONCLUSIVE
    return Verdict.GO if fail_under is None or found.percent >= fail_under else Verdict.NO_GO
