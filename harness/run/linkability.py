"""Sends installations' requests and events, and looks whether the id in the row leads to the events.

Installations send one request each through a running environment, with the header that Node builds for them, and an
event each with the official analytics package.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from harness.checks.linkability import LINKED, LINKED_PLANNED, EventsUnder, Linking, row_leads_to_the_events
from harness.checks.registry import run_check
from harness.clients import analytics
from harness.clients.analytics import Analytics, SentEvents
from harness.clients.devices import fleet
from harness.clients.extension import plan_header
from harness.clients.extension_code import ExtensionCode, WindowStart, planned
from harness.clients.extension_host import extension_host
from harness.clients.id_client import IdClient
from harness.errors import UnavailableError
from harness.probing.probe_factory import plan_caller
from harness.stages.environment import Environment
from harness.stages.steps import Version
from harness.sut.observation import Observation, Probe
from harness.verdict import Results

EVENT: Final = "Task Created"


async def judge_linkability(
    results: Results,
    environment: Environment,
    origin: Iterator[str],
    *,
    seed: int,
    audited: EventsUnder = EventsUnder.DEVICE_ID,
    code: ExtensionCode | None = None,
    events: SentEvents | None = None,
) -> list[Observation]:
    """Judges E6 and the audit's E8 on a stage with an `after` replica; returns the requests it sent.

    `origin` gives each request an address of its own, `seed` each installation a machine, and `audited` is how
    events are captured for E8; `events` makes `linking_calls` where others are made beside them. Both claims are
    unknown where Node or the analytics package cannot run, or where no replica is `after`. Raises UnavailableError
    when the analytics stand-in cannot listen.
    """
    code = code or planned()
    if events is None:
        async with analytics.sent_events(code.client, linking_calls(code.client, seed, audited)) as own:
            return await judge_linkability(
                results, environment, origin, seed=seed, audited=audited, code=code, events=own
            )
    cases = _cases(audited)
    machines = _machines(code.client, seed)
    sent, replied = await asyncio.gather(
        events.sending,
        _observe(environment, code, machines, origin),
        return_exceptions=True,  # requests that went out are returned even when the events did not
    )
    for outcome in (sent, replied):
        if isinstance(outcome, UnavailableError):
            for claim in (LINKED, LINKED_PLANNED):
                results.inconclusive(claim, str(outcome))
        elif isinstance(outcome, BaseException):
            raise outcome
    observed = replied if isinstance(replied, list) else []
    if len(observed) == len(cases) and sent is None:
        for (claim, under), device_id, observation in zip(cases, machines, observed, strict=True):
            linking = _linking(events.server, code.client, under, device_id, observation)
            run_check(results, row_leads_to_the_events, claim, linking)
    return observed


def linking_calls(
    client: IdClient, seed: int, audited: EventsUnder = EventsUnder.DEVICE_ID
) -> list[dict[str, Any]]:
    """What the installations of `judge_linkability` ask of their analytics package."""
    machines = zip(_cases(audited), _machines(client, seed), strict=True)
    return [call for (_, under), device_id in machines for call in _calls(client, under, device_id)]


def _cases(audited: EventsUnder) -> list[tuple[str, EventsUnder]]:
    return [(LINKED_PLANNED, audited), (LINKED, EventsUnder.DERIVED_ID), (LINKED, EventsUnder.ALIASED)]


def _machines(client: IdClient, seed: int) -> Sequence[str]:
    """An installation for each case."""
    return fleet(client.derived, seed, ordinary=len(_cases(EventsUnder.DEVICE_ID)), shared=0)


def _calls(client: IdClient, under: EventsUnder, device_id: str) -> list[dict[str, Any]]:
    """What an installation asks of its analytics package; the one place where the three differ."""
    derived = client.derived_id(device_id)
    own = derived if under is EventsUnder.DERIVED_ID else device_id
    joined = [analytics.alias(device_id, derived)] if under is EventsUnder.ALIASED else []
    return [*joined, analytics.capture(EVENT, own)]


def _linking(
    server: Analytics, client: IdClient, under: EventsUnder, device_id: str, observation: Observation
) -> Linking:
    arrived = {
        event.subject_id
        for own in (device_id, client.derived_id(device_id))
        for event in server.events_of(own)
    }
    linking = Linking(under, observation, tuple(sorted(arrived)), leads_to_events=False)
    value = linking.stored
    return linking if value is None else replace(linking, leads_to_events=bool(server.events_of(value)))


def _headers(code: ExtensionCode, machines: Sequence[str]) -> list[str | None]:
    with extension_host() as host:
        return [
            host.run_scenario(code, ((WindowStart(device_id),),)).restarts[0][0].header
            for device_id in machines
        ]


def _probe(header: str | None, address: str) -> Probe:
    if header is None:
        return plan_caller().probe((), address=address)
    return plan_caller().probe(plan_header(header), address=address, kind="the id that Node derives")


async def observe(environment: Environment, probes: Sequence[Probe]) -> list[Observation]:
    """The probes sent to the stage's first `after` replica. Raises UnavailableError where there is none."""
    versions = [replica.version for replica in environment.replicas]
    number = versions.index(Version.AFTER) if Version.AFTER in versions else None
    if number is None:
        raise UnavailableError(f"nothing stores an id on the stage {environment.stage}; swap a replica first")
    return await environment.observe(
        [probes if at == number else () for at in range(len(environment.replicas))]
    )


async def _observe(
    environment: Environment, code: ExtensionCode, machines: Sequence[str], origin: Iterator[str]
) -> list[Observation]:
    headers = await asyncio.to_thread(_headers, code, machines)
    probes = [_probe(header, next(origin)) for header in headers]
    return await observe(environment, probes)
