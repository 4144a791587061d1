"""Takes a step while requests are in flight: held open at the upstream's gate, before their headers and mid-stream.

A replica that is replaced is also given continuous traffic, by a client that goes to the other replica when a
connection is refused, as a balancer does. What is observed is returned; whether it is safe is judged elsewhere.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from itertools import count
from typing import Any, Final

from harness.backend.upstream import HOLD_S_MAX
from harness.clients import wire
from harness.clients.exchange import NO_CONNECTION, Outcome, Reply, Request
from harness.clients.extension import ExtensionBuild
from harness.clients.shape import PLAIN
from harness.errors import UnavailableError
from harness.polling import POLL_S
from harness.probing.probe_factory import Caller
from harness.stages.environment import Environment, ServedRequest
from harness.stages.matrix import header_kinds, streaming
from harness.stages.paths import ConfigTransition
from harness.stages.runs import StepRefused, TransitionRun
from harness.stages.stack import Replica
from harness.stages.steps import Version
from harness.sut.observation import Probe

HOLD_POINTS: Final = (("hold", False), ("hold", True), ("hold_middle", True))
"""Where a request is held, and whether it streams: before any header, and after the first chunk of a stream."""

Probed = Callable[[Sequence[Version]], frozenset[int]]
"""Which replicas of a stage requests are sent to, counted from 0."""
TRAFFIC_CLIENTS: Final = 2
PACE_S: Final = 0.01
"""Pause of a client of the traffic between two requests."""


def every_replica(replicas: Sequence[Version]) -> frozenset[int]:
    """All of them."""
    return frozenset(range(len(replicas)))


def held_probes(caller: Caller, origin: Iterator[str], gate: str, *, released: bool) -> tuple[Probe, ...]:
    """One replica's requests to hold: what the field sends, at each hold point, anonymous and signed in."""
    kinds = header_kinds(caller)
    field = [(ExtensionBuild.BEFORE, "none")] + [(ExtensionBuild.AFTER, "valid")] * released
    return tuple(
        caller.probe(
            kinds[kind],
            PLAIN._replace(auth=auth, stream=stream),
            address=next(origin),
            kind=kind,
            extension=build,
            stub={point: gate},
        )
        for build, kind in field
        for point, stream in HOLD_POINTS
        if stream in streaming(caller)
        for auth in dict.fromkeys((caller.auths[0], caller.auths[-1]))
    )


async def run_transition(
    environment: Environment,
    transition: ConfigTransition,
    caller: Caller,
    origin: Iterator[str],
    traffic_origin: Iterator[str] | None = None,
    probed: Probed = every_replica,
) -> TransitionRun:
    """Takes the step with requests in flight on both replicas; their rows are looked for after it.

    Traffic has addresses of its own, since how many it needs depends on time.
    """
    description = f"{environment.stage}; in flight while: {transition.step}"
    since = await environment.now()
    gates = [f"{secrets.token_hex(8)}-{number}" for number in range(len(environment.replicas))]
    released = environment.stage.extension_released
    chosen = probed(environment.stage.replicas) | {transition.step.replica - 1}
    holding = [
        [
            asyncio.create_task(_hold(replica, each))
            for each in held_probes(caller, origin, gate, released=released)
            if number in chosen
        ]
        for number, (replica, gate) in enumerate(zip(environment.replicas, gates, strict=True))
    ]
    refusal: StepRefused | None = None
    traffic: list[ServedRequest] = []
    try:
        for gate, tasks in zip(gates, holding, strict=True):
            await await_held(environment, gate, 0, tasks)
        if transition.step.replica:
            own_gate = gates[transition.step.replica - 1]
            # Where there is no other replica nobody serves meanwhile: such traffic would show nothing.
            balanced = _traffic(environment, caller, traffic_origin or origin)
            async with balanced if len(environment.replicas) > 1 else nullcontext(traffic) as traffic:
                await environment.apply(transition, lambda: release(environment, own_gate))
        else:
            await environment.apply(transition)
    except StepRefused as error:
        refusal = error
    finally:
        for gate in (gate for gate, tasks in zip(gates, holding, strict=True) if tasks):
            await release(environment, gate)
        held = await asyncio.gather(*(task for tasks in holding for task in tasks))
    observations = await environment.account([*held, *traffic], since, description)
    return TransitionRun(
        transition, tuple(observations[: len(held)]), tuple(observations[len(held) :]), refusal
    )


async def _hold(replica: Replica, probe: Probe) -> ServedRequest:
    # Read now: after a swap, another replica stands at this place.
    version = replica.version
    # Thousands are sent in a run, here and below: over httpx each would cost ten times the time.
    reply = await wire.send(replica.address, probe.request, timeout_s=HOLD_S_MAX)
    return ServedRequest(probe, reply, version)


async def await_held(
    environment: Environment, gate: str, silent: int, holding: Sequence[asyncio.Task[Any]]
) -> None:
    """Waits until each request is held, or has ended: a replica may refuse it. `silent` ones have no task here.

    Raises UnavailableError when that takes too long.
    """
    deadline = time.monotonic() + HOLD_S_MAX
    while (left_s := deadline - time.monotonic()) > 0:
        not_ended = [task for task in holding if not task.done()]
        expected = silent + len(not_ended)
        if expected == 0:
            return
        look = asyncio.create_task(
            _send_to_upstream(environment, "GET", f"/stub/held?gate={gate}&count={expected}")
        )
        try:
            await asyncio.wait({look, *not_ended}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if look.done():
                if look.result().status == 200:
                    return
                await asyncio.sleep(POLL_S)
        finally:
            look.cancel()
    raise UnavailableError(
        f"{silent + len(holding)} requests should wait at the upstream's gate, and not all do after"
        f" {HOLD_S_MAX:.0f} s"
    )


async def release(environment: Environment, gate: str) -> None:
    """Opens a gate for good."""
    await _send_to_upstream(environment, "POST", f"/stub/release?gate={gate}")


async def _send_to_upstream(environment: Environment, method: str, path: str) -> Reply:
    address = ("127.0.0.1", environment.stack.upstream.port)
    return await wire.send(address, Request(path, (), b"", method=method), timeout_s=HOLD_S_MAX)


@asynccontextmanager
async def _traffic(
    environment: Environment, caller: Caller, origin: Iterator[str]
) -> AsyncIterator[list[ServedRequest]]:
    """Clients that send until the context ends; what they sent, complete once it has ended."""
    sent: list[ServedRequest] = []
    over = asyncio.Event()
    turns = count()
    probes = _traffic_probes(caller, origin, released=environment.stage.extension_released)

    async def send_until_over() -> None:
        while not over.is_set():
            sent.append(await _send_balanced(environment, next(probes), next(turns)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), PACE_S)

    clients = [asyncio.create_task(send_until_over()) for _ in range(TRAFFIC_CLIENTS)]
    try:
        yield sent
    finally:
        over.set()
        await asyncio.gather(*clients)


def _traffic_probes(caller: Caller, origin: Iterator[str], *, released: bool) -> Iterator[Probe]:
    kinds, auths, streams = header_kinds(caller), caller.auths, streaming(caller)
    for number in count():
        build = ExtensionBuild.AFTER if released and number % 2 else ExtensionBuild.BEFORE
        kind = "valid" if build is ExtensionBuild.AFTER else "none"
        shape = PLAIN._replace(auth=auths[number % len(auths)], stream=number % 3 == 0 and streams[-1])
        yield caller.probe(kinds[kind], shape, address=next(origin), kind=kind, extension=build)


async def _send_balanced(environment: Environment, probe: Probe, turn: int) -> ServedRequest:
    """To the replicas in rotation, by turns; what a refused connection carried goes to the next one."""
    version = environment.replicas[0].version
    reply = Reply(Outcome.REFUSED, 0, reason="no replica in rotation")
    in_rotation = sorted(environment.rotation)
    first = turn % len(in_rotation)
    for number in in_rotation[first:] + in_rotation[:first]:
        replica = environment.replicas[number]
        version = replica.version
        reply = await wire.send(replica.address, probe.request)
        # A balancer tries the next replica only where no connection was made: a request that a replica has read, and
        # then reset, may have been served.
        if not (reply.outcome is Outcome.REFUSED and reply.reason.startswith(NO_CONNECTION)):
            break
    return ServedRequest(probe, reply, version)
