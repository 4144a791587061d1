"""Sends ids that PostHog keeps for nobody, or cuts, with a request and an event each.

Each goes out with a request through a running environment, and an event is captured under it with the official
package.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from harness import plan
from harness.checks.persons import CUT, NOBODYS, SentIds, stored_id
from harness.checks.registry import run_checks
from harness.clients import analytics
from harness.clients.analytics import Analytics
from harness.clients.extension import plan_header
from harness.clients.persons import ID_LENGTH_MAX, NOBODY
from harness.errors import UnavailableError
from harness.probing.probe_factory import plan_caller
from harness.rule.policy import STRICT
from harness.run.linkability import EVENT, observe
from harness.stages.environment import Environment
from harness.sut.observation import Observation, Probe
from harness.verdict import Results

CONTROL: Final = "a" * ID_LENGTH_MAX
"""The longest id that an event keeps whole: what is asked here is unknown where this one does not lead to its event."""
LONGER: Final = ("b" * (ID_LENGTH_MAX + 1), "c" * plan.LENGTH_MAX)
NOBODYS_VALID: Final = tuple(value for value in NOBODY if STRICT.accepted(value))


async def judge_persons(
    results: Results, environment: Environment, origin: Iterator[str]
) -> list[Observation]:
    """Judges the audit's E13 and E14 on a stage with an `after` replica; returns its requests where events went out.

    `origin` gives each request an address of its own. Both are unknown where the analytics package cannot run, where
    no replica is `after`, or where the longest good id does not lead to its event. Raises UnavailableError when the
    analytics stand-in cannot listen.
    """
    ids = (CONTROL, *LONGER, *NOBODYS_VALID)
    probes = [_probe(value, next(origin)) for value in ids]
    async with analytics.analytics() as server:
        try:
            observations = await observe(environment, probes)
            await analytics.send(server.origin, [analytics.capture(EVENT, value) for value in ids])
        except UnavailableError as error:
            for claim in (NOBODYS, CUT):
                results.inconclusive(claim, str(error))
            return []
        reached = _reached(server, observations)
        if stored_id(observations[0]) not in reached:
            for claim in (NOBODYS, CUT):
                results.inconclusive(
                    claim, f"an id of {ID_LENGTH_MAX} characters did not lead to its event either"
                )
            return observations
    run_checks(results, [SentIds(NOBODYS, observations[1 + len(LONGER) :], reached)])
    run_checks(results, [SentIds(CUT, observations[1 : 1 + len(LONGER)], reached)])
    return observations


def _reached(server: Analytics, observations: Sequence[Observation]) -> frozenset[str]:
    """The stored ids that lead to their events."""
    stored = {value for observation in observations if (value := stored_id(observation)) is not None}
    return frozenset(value for value in stored if server.events_of(value))


def _probe(value: str, address: str) -> Probe:
    kind = "an id that leads to no person" if value != CONTROL else "the longest id that leads to a person"
    return plan_caller().probe(plan_header(value), address=address, kind=kind)
