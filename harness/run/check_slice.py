"""Where a handler cannot be run: what it makes of the header, cut out and run by itself, goes to the gate's checks."""

from datetime import UTC, datetime
from typing import Final

from harness.checkout.served_modules import NotRunnableError
from harness.checkout.slice_run import slice_values
from harness.checks.checkout_claims import HANDLER_CLAIMS, VALUE_CLAIMS
from harness.checks.row_checks import judge_rows
from harness.clients.exchange import Outcome, Reply
from harness.probing.judge import Aspect
from harness.rollout import Rollout
from harness.run.check_backend import ReadBackend
from harness.run.check_suite import batches, caller_of
from harness.sut.observation import Observation, Row
from harness.verdict import Results

MADE: Final = "(no row: the value that is made of the header)"


def check_slice(results: Results, rollout: Rollout, read: ReadBackend, reason: str) -> list[str]:
    """Judges what is made of the header of the usual caller's requests; returns remarks.

    All that takes a row is unknown, for the reason why the handler cannot be run; where the slice cannot be run
    either, everything is.
    """
    why = f"the handler cannot be run: {reason}"
    caller = caller_of(rollout)
    probes = [probe for batch in batches(caller) for probe in batch if not probe.refused]
    probes = [probe for probe in probes if caller.shows_values(probe.shape)]
    try:
        if read.source is None or read.way.slice_of is None:
            raise NotRunnableError("what is made of the header cannot be cut out")
        requests = [probe.request.headers for probe in probes]
        values = slice_values(read.source, *read.way.slice_of, requests, caller.parameters)
    except NotRunnableError as error:
        for claim in filter(results.__contains__, HANDLER_CLAIMS):
            results.inconclusive(claim, f"{why}; nor its reading of the header: {error}")
        return []
    at = read.way.made_from[-1].where if read.way.made_from else read.way.set_at
    since = datetime.now(UTC)
    judge_rows(
        results,
        (
            Observation(
                probe,
                Reply(Outcome.REPLY, 200),
                (Row(MADE, None, MADE, None, value),),
                "after",
                f"{at}: the reading of the header, run under Node by itself",
                since,
            )
            for probe, value in zip(probes, values, strict=True)
        ),
        caller.policy,
        (Aspect.VALUE,),
    )
    for claim in filter(results.__contains__, HANDLER_CLAIMS):
        if claim in VALUE_CLAIMS:
            results.detail(
                claim, f"{why}; its reading of the header was run by itself, {len(probes):,} times"
            )
        else:
            results.inconclusive(claim, why)
    return []
