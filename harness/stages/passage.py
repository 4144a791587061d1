"""Takes a step while requests are in flight: held open at the upstream's gate, before their headers and mid-stream.

A replica that is replaced is also given continuous traffic, by a client that goes to the other replica when a
connection is refused, as a balancer does. Knows how to do it and what came of it, not whether that is safe.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from harness.clients import wire
from harness.clients.exchange import Outcome, Reply, Request
from harness.clients.extension import Auth, ExtensionBuild
from harness.errors import UnavailableError
from harness.stages.itinerary import Crossing
from harness.stages.matrix import SignedIn, header_kinds, probe
from harness.stages.schema import StepRefused
from harness.stages.stack import POLL_S, Replica
from harness.stages.stage import TO_VERSION, Sent, Stand
from harness.sut import Observation, Probe

PLACES: Final = (("hold", False), ("hold", True), ("hold_middle", True))
"""Where a request is held, and whether it streams: before any header, and after the first chunk of a stream."""

HELD_TIMEOUT_S: Final = 60.0
TRAFFIC_CLIENTS: Final = 2
PACE_S: Final = 0.01
"""Pause of a client of the traffic between two requests."""
REFUSED_CONNECTION: Final = "no connection"


@dataclass(frozen=True, slots=True)
class Passage:
    """A step taken while requests were in flight, and what became of them."""

    crossing: Crossing
    held: tuple[Observation, ...]
    """Requests that were open when the step began, and ended after it (a replaced replica's: within it)."""
    traffic: tuple[Observation, ...]
    """Requests sent while a replica was replaced; none for other steps."""
    refusal: StepRefused | None


def held_probes(
    signed_in: SignedIn, origin: Iterator[str], gate: str, *, released: bool
) -> tuple[Probe, ...]:
    """One replica's requests to hold: what the field sends, in each place, anonymous and signed in."""
    kinds = header_kinds()
    field = [(ExtensionBuild.BEFORE, "none")] + [(ExtensionBuild.AFTER, "valid")] * released
    return tuple(
        probe(
            signed_in,
            next(origin),
            build,
            auth,
            kind=kind,
            lines=kinds[kind],
            stream=stream,
            stub={place: gate},
        )
        for build, kind in field
        for place, stream in PLACES
        for auth in (Auth.ANONYMOUS, Auth.SIGNED_IN)
    )


async def pass_through(
    standing: Stand,
    crossing: Crossing,
    signed_in: SignedIn,
    origin: Iterator[str],
    traffic_origin: Iterator[str] | None = None,
) -> Passage:
    """Takes the step with requests in flight on both replicas; their rows are looked for after it.

    Traffic has addresses of its own, since nobody knows how many it will need.
    """
    words = f"{standing.stage.words}; in flight while: {crossing.step}"
    since = await standing.now()
    gates = [f"{secrets.token_hex(8)}-{number}" for number in range(len(standing.replicas))]
    probes = [
        held_probes(signed_in, origin, gate, released=standing.stage.extension_released) for gate in gates
    ]
    holding = [
        [asyncio.create_task(_hold(standing.replicas[number], one)) for one in mine]
        for number, mine in enumerate(probes)
    ]
    refusal: StepRefused | None = None
    traffic: list[Sent] = []
    try:
        for gate, mine in zip(gates, holding, strict=True):
            await await_held(standing, gate, 0, mine)
        if crossing.step in TO_VERSION:
            own = gates[TO_VERSION[crossing.step][0]]
            async with _traffic(standing, signed_in, traffic_origin or origin) as traffic:
                await standing.cross(crossing, lambda: release(standing, own))
        else:
            await standing.cross(crossing)
    except StepRefused as error:
        refusal = error
    finally:
        for gate in gates:
            await release(standing, gate)
        sent = await asyncio.gather(*(task for mine in holding for task in mine))
    seen = await standing.account([*sent, *traffic], since, words)
    return Passage(crossing, tuple(seen[: len(sent)]), tuple(seen[len(sent) :]), refusal)


async def _hold(replica: Replica, one: Probe) -> Sent:
    version = replica.version
    return Sent(one, await wire.send(replica.address, one.request, timeout_s=HELD_TIMEOUT_S), version)


async def await_held(standing: Stand, gate: str, silent: int, holding: Sequence[asyncio.Task[Any]]) -> None:
    """Waits until each request is held, or has ended: a replica may refuse it. `silent` ones nobody waits for.

    Raises UnavailableError when that takes too long.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + HELD_TIMEOUT_S
    expected = silent + len(holding)
    held = 0
    while loop.time() < deadline:
        ended = sum(task.done() for task in holding)
        reply = await _ask_upstream(standing, "GET", f"/stub/held?gate={gate}&count=0")
        held = json.loads(reply.body)["held"] if reply.status == 200 else 0
        if held + ended >= expected:
            return
        await asyncio.sleep(POLL_S)  # both must be looked at; bounded by the deadline
    raise UnavailableError(
        f"{expected} requests should wait at the upstream's gate, and {held} do after {HELD_TIMEOUT_S:.0f} s"
    )


async def release(standing: Stand, gate: str) -> None:
    """Opens a gate for good."""
    await _ask_upstream(standing, "POST", f"/stub/release?gate={gate}")


async def _ask_upstream(standing: Stand, method: str, path: str) -> Reply:
    address = ("127.0.0.1", standing.stack.upstream.port)
    return await wire.send(address, Request(path, (), b"", method=method), timeout_s=HELD_TIMEOUT_S)


@asynccontextmanager
async def _traffic(standing: Stand, signed_in: SignedIn, origin: Iterator[str]) -> AsyncIterator[list[Sent]]:
    """Clients that go on sending until the context ends; what they sent, complete once it has ended."""
    sent: list[Sent] = []
    over = asyncio.Event()
    turns = count()
    probes = _traffic_probes(signed_in, origin, released=standing.stage.extension_released)

    async def go_on() -> None:
        while not over.is_set():
            sent.append(await _send_balanced(standing, next(probes), next(turns)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), PACE_S)

    clients = [asyncio.create_task(go_on()) for _ in range(TRAFFIC_CLIENTS)]
    try:
        yield sent
    finally:
        over.set()
        await asyncio.gather(*clients)


def _traffic_probes(signed_in: SignedIn, origin: Iterator[str], *, released: bool) -> Iterator[Probe]:
    kinds = header_kinds()
    for number in count():
        build = ExtensionBuild.AFTER if released and number % 2 else ExtensionBuild.BEFORE
        kind = "valid" if build is ExtensionBuild.AFTER else "none"
        auth = tuple(Auth)[number % len(Auth)]
        yield probe(
            signed_in, next(origin), build, auth, kind=kind, lines=kinds[kind], stream=number % 3 == 0
        )


async def _send_balanced(standing: Stand, one: Probe, turn: int) -> Sent:
    """To the replicas in rotation, by turns; what a refused connection carried goes to the next one."""
    version, reply = standing.replicas[0].version, Reply(Outcome.REFUSED, 0, reason="no replica in rotation")
    chosen = sorted(standing.rotation)
    for number in chosen[turn % len(chosen) :] + chosen[: turn % len(chosen)]:
        replica = standing.replicas[number]
        version = replica.version
        reply = await wire.send(replica.address, one.request)
        if not (reply.outcome is Outcome.REFUSED and reply.reason.startswith(REFUSED_CONNECTION)):
            break
    return Sent(one, reply, version)
