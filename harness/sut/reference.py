"""A backend of ours: requests go to it at full rate over raw sockets, and its rows are there or given up."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness.clients import wire
from harness.clients.dispatch import Connections
from harness.clients.exchange import Address, Reply, Request
from harness.clients.extra_headers import NONE_GIVEN, ExtraHeaders
from harness.sut.observation import Exchange, ProbeGroup, Row
from harness.sut.rows import Rows, key_of

CONNECTIONS: Final = 8
TIMEOUT_S: Final = 60.0
"""A reply that a busy machine delays is none that the header changes; 10 s were too few with 20 processes a core."""

IN_TURN: Final = 8
"""So many requests are made, or answers read, before what is under way on the same loop has its turn."""

WireSender = Callable[[str, Sequence[Request]], Awaitable[list[Reply]]]
"""Sends requests to an origin (URL without a path); one reply for each, in order."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place to send to, and what is known of who answers there."""

    address: Address
    served_by: str
    """The backend version that answers: `before` or `after`."""
    stage: str
    """The stage in words."""
    lost: Callable[[], set[str]] = set
    """Upstream ids whose rows are known to be given up, so that nobody waits for them."""
    given: ExtraHeaders = NONE_GIVEN
    """Sent with every request."""


@dataclass(frozen=True, slots=True)
class FullRate:
    """Sends as fast as the connections allow; exchanges are in the order of the requests."""

    endpoint: Endpoint
    connections: int = CONNECTIONS
    timeout_s: float = TIMEOUT_S
    _shared: Connections = field(init=False)

    def __post_init__(self) -> None:
        """What is sent at once goes over the same connections."""
        object.__setattr__(self, "_shared", Connections(self.connections))

    async def note(self, probe_groups: Sequence[ProbeGroup]) -> None:
        """Nothing: a backend of ours goes with what was sent to it."""

    async def send(
        self, probe_groups: Sequence[ProbeGroup], handed_out: Callable[[], None] | None = None
    ) -> AsyncGenerator[Exchange, None]:
        """Each request with its reply, once all have ended."""

        def units() -> Iterator[Request | list[Request]]:
            for each in probe_groups:
                yield from _units(each)
            if handed_out is not None:
                handed_out()

        probes = [probe for each in probe_groups for probe in each.probes]
        replies = await wire.send_and_wait(
            self.endpoint.address,
            units(),
            connections=self.connections,
            timeout_s=self.timeout_s,
            given=self.endpoint.given,
            shared=self._shared,
        )
        ended = asyncio.get_running_loop().time()
        for number, (probe, reply) in enumerate(zip(probes, replies, strict=True)):
            if number % IN_TURN == 0:
                await asyncio.sleep(0)  # the next requests are under way on the same loop
            yield Exchange(probe, reply, ended)


@dataclass(frozen=True, slots=True)
class OwnRows:
    """Reads the rows of a backend of ours, at most `wait_s` a look."""

    rows: Rows
    lost: Callable[[], set[str]]
    wait_s: float

    async def now(self) -> datetime:
        """The database's clock."""
        return await self.rows.now()

    async def read(
        self, exchanges: Sequence[Exchange], since: datetime, wait_s: float | None = None
    ) -> list[tuple[Row, ...]]:
        """The rows of each exchange, once they are there or given up."""
        keys = [key_of(exchange.probe, exchange.reply) for exchange in exchanges]
        patience = self.wait_s if wait_s is None else wait_s
        return await self.rows.arrived(keys, since, wait_s=patience, lost=self.lost)


async def send_over_wire(origin: str, requests: Sequence[Request]) -> list[Reply]:
    """One reply for each request, in their order; `origin` is `http://host:port`."""
    host, _, port = origin.rpartition("//")[2].rpartition(":")
    return await wire.send_and_wait((host, int(port)), requests)


def _units(probe_group: ProbeGroup) -> list[Request | list[Request]]:
    requests = [probe.request for probe in probe_group.probes]
    return [requests] if probe_group.together and len(requests) > 1 else [*requests]
