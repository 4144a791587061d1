"""Sends ids that the service keeps for nobody, or cuts, with a request and an event each.

Each goes out with a request through a running environment, and an event is captured under it with the official
package.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from harness.checks.persons import CUT, NOBODYS, stored_id, stored_ids_lead_to_their_events
from harness.checks.registry import run_check
from harness.clients import analytics
from harness.clients.analytics import Analytics, SentEvents
from harness.clients.extension import plan_header
from harness.clients.id_client import IdClient, plans_client
from harness.errors import UnavailableError
from harness.probing.probe_factory import plan_caller
from harness.rule.policy import STRICT
from harness.run.linkability import EVENT, observe
from harness.stages.environment import Environment
from harness.sut.observation import Observation
from harness.verdict import Results

CONTROL: Final = "the longest id that leads to a person"


class SampleIds(NamedTuple):
    """Ids that the rule accepts, at the limits of the service that reads them."""

    control: str
    """The longest that an event keeps whole: what is asked here is unknown where it does not lead to its event."""
    longer: tuple[str, ...]
    nobodys: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """In the order in which they are sent."""
        return (self.control, *self.longer, *self.nobodys)


def sample_ids(client: IdClient) -> SampleIds:
    """Those of a client's consumer, whose file says what it keeps and refuses."""
    take = client.consumer.take or STRICT.length_max
    longer = ("b" * (take + 1), "c" * STRICT.length_max)
    return SampleIds("a" * take, longer, tuple(filter(STRICT.accepted, client.consumer.refuses)))


async def judge_persons(
    results: Results, environment: Environment, origin: Iterator[str], events: SentEvents | None = None
) -> list[Observation]:
    """Judges the audit's E13 and E14 on a stage with an `after` replica; returns its requests where events went out.

    `origin` gives each request an address of its own; `events` is what makes `person_calls` where others are made
    beside them. Both are unknown where the analytics package cannot run, where
    no replica is `after`, or where the longest good id does not lead to its event. Raises UnavailableError when the
    analytics stand-in cannot listen.
    """
    client = plans_client()
    if events is None:
        async with analytics.sent_events(client, person_calls(client)) as own:
            return await judge_persons(results, environment, origin, own)
    ids = sample_ids(client)
    take, cut = len(ids.control), 1 + len(ids.longer)
    kinds = [CONTROL, *["an id that leads to no person"] * len(ids.all)]
    probes = [
        plan_caller().probe(plan_header(value), address=next(origin), kind=kind)
        for value, kind in zip(ids.all, kinds, strict=False)
    ]
    try:
        observations = await observe(environment, probes)
        await events.sending
    except UnavailableError as error:
        for claim in (NOBODYS, CUT):
            results.inconclusive(claim, str(error))
        return []
    reached = _reached(events.server, observations)
    if stored_id(observations[0]) not in reached:
        for claim in (NOBODYS, CUT):
            results.inconclusive(claim, f"an id of {take} characters did not lead to its event either")
        return observations
    run_check(results, stored_ids_lead_to_their_events, NOBODYS, observations[cut:], reached, take)
    run_check(results, stored_ids_lead_to_their_events, CUT, observations[1:cut], reached, take)
    return observations


def person_calls(client: IdClient) -> list[dict[str, Any]]:
    """An event under each id."""
    return [analytics.capture(EVENT, value) for value in sample_ids(client).all]


def _reached(server: Analytics, observations: Sequence[Observation]) -> frozenset[str]:
    """The stored ids that lead to their events."""
    stored = {value for observation in observations if (value := stored_id(observation)) is not None}
    return frozenset(value for value in stored if server.events_of(value))
