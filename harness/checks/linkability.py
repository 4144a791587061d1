"""Judges the plan's goal: does the id in the row lead to the extension's events? Real requests, rows and events.

Installations send one request each through a standing backend, with the header that Node builds for them, and an
event each with the official analytics package.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from harness import plan
from harness.checks.evidence import describe_value, finding
from harness.checks.persistence import WORKAROUNDS
from harness.clients import analytics
from harness.clients.analytics import Analytics
from harness.clients.extension import Auth, ExtensionBuild, Installation, derived_id, plan_header, request
from harness.clients.extension_code import ExtensionCode, WindowStart, planned
from harness.clients.extension_host import extension_host
from harness.clients.machines import fleet
from harness.errors import UnavailableError
from harness.stages.model import Version
from harness.stages.stage import Stand
from harness.sut import Observation, Probe
from harness.verdict import Results

LINKED: Final = "E6"
LINKED_PLANNED: Final = "E8"
EVENT: Final = "Task Created"


class EventsUnder(StrEnum):
    """Under which id the extension's events are captured."""

    MACHINE_ID = "under the machineId, as planned"
    DERIVED_ID = "under the derived id"
    ALIASED = "under the machineId, with the derived id aliased to it once"

    def calls(self, machine_id: str) -> list[dict[str, Any]]:
        """What an installation asks of its analytics package; the one place where the three differ."""
        derived = derived_id(machine_id)
        own = derived if self is EventsUnder.DERIVED_ID else machine_id
        joined = [analytics.alias(machine_id, derived)] if self is EventsUnder.ALIASED else []
        return [*joined, analytics.capture(EVENT, own)]


@dataclass(frozen=True, slots=True)
class Linking:
    """One installation, what it was asked to do with its events, and its request."""

    under: EventsUnder
    machine_id: str
    seen: Observation


async def judge_linkability(
    results: Results,
    standing: Stand,
    origin: Iterator[str],
    *,
    seed: int,
    audited: EventsUnder = EventsUnder.MACHINE_ID,
    code: ExtensionCode | None = None,
) -> list[Observation]:
    """Judges E6 and the audit's E8 on a stage with an `after` replica; returns the requests it sent.

    `origin` gives each request an address of its own, `seed` each installation a machine, and `audited` is how
    events are captured for E8. Both claims are unknown where Node or the analytics package cannot run, or where no
    replica is `after`. Raises UnavailableError when the analytics stand-in cannot listen.
    """
    cases = [(LINKED_PLANNED, audited), (LINKED, EventsUnder.DERIVED_ID), (LINKED, EventsUnder.ALIASED)]
    machines = fleet(seed, ordinary=len(cases), shared=0)
    calls = [call for (_, under), one in zip(cases, machines, strict=True) for call in under.calls(one)]
    async with analytics.analytics() as server:
        sent, seen = await asyncio.gather(
            analytics.send(server.origin, calls),
            _observe(standing, code or planned(), machines, origin),
            return_exceptions=True,  # requests that went out are returned even when the events did not
        )
    for outcome in (sent, seen):
        if isinstance(outcome, UnavailableError):
            for claim in (LINKED, LINKED_PLANNED):
                results.inconclusive(claim, str(outcome))
        elif isinstance(outcome, BaseException):
            raise outcome
    observed = seen if isinstance(seen, list) else []
    if len(observed) == len(cases) and sent is None:
        for (claim, under), machine_id, one in zip(cases, machines, observed, strict=True):
            judge_linking(results, claim, server, Linking(under, machine_id, one))
    return observed


def judge_linking(results: Results, claim: str, server: Analytics, linking: Linking) -> None:
    """Judges one installation: events must have arrived, and those of the row's id must be among them."""
    rows = [row for row in linking.seen.rows if row.whole]
    ids = (linking.machine_id, derived_id(linking.machine_id))
    arrived = sorted({event.distinct_id for one in ids for event in server.events_of(one)})
    if not rows or not arrived:
        results.inconclusive(
            claim, f"of one installation {len(rows)} rows and events under {len(arrived)} ids arrived"
        )
        return
    results.observed(claim)
    results.detail(claim, f"events {linking.under}")
    value = rows[0].value
    if value is None or not server.events_of(value):
        effect = f"the row holds {describe_value(value)}; the events arrived under {', '.join(arrived)}"
        results.refute(finding(claim, linking.seen, effect, WORKAROUNDS.get(claim, "")))


def _headers(code: ExtensionCode, machines: Sequence[str]) -> list[str | None]:
    with extension_host() as host:
        return [host.run_scenario(code, ((WindowStart(one),),)).restarts[0][0].header for one in machines]


def _probe(machine_id: str, header: str | None, address: str) -> Probe:
    sent = () if header is None else plan_header(header)
    return Probe(
        request=request(Installation(machine_id), ExtensionBuild.AFTER, address=address, header=sent),
        kind="none" if header is None else "the id that Node derives",
        extension=ExtensionBuild.AFTER,
        auth=Auth.ANONYMOUS,
        stream=False,
        user=plan.ANONYMOUS_PREFIX + address,
        email=None,
    )


async def observe(standing: Stand, probes: Sequence[Probe]) -> list[Observation]:
    """The probes sent to the stage's first `after` replica. Raises UnavailableError where there is none."""
    number = next((at for at, one in enumerate(standing.replicas) if one.version is Version.AFTER), None)
    if number is None:
        raise UnavailableError(
            f"nothing stores an id on the stage {standing.stage.words}; swap a replica first"
        )
    return await standing.observe([probes if at == number else () for at in range(len(standing.replicas))])


async def _observe(
    standing: Stand, code: ExtensionCode, machines: Sequence[str], origin: Iterator[str]
) -> list[Observation]:
    headers = await asyncio.to_thread(_headers, code, machines)
    probes = [_probe(one, header, next(origin)) for one, header in zip(machines, headers, strict=True)]
    return await observe(standing, probes)
