"""Many requests to one endpoint over raw sockets, each matched with its rows, in batches and in bounded memory.

While one batch is on the wire, the rows of the batch before it are read: by then they have had the time of a whole
batch to arrive, and a second row of a request to show itself.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from harness.clients import wire
from harness.clients.dispatch import Address
from harness.clients.exchange import Reply, Request
from harness.clients.given import NONE_GIVEN, GivenHeaders
from harness.sut.observation import Observation, Probe
from harness.sut.rows import WAIT_ROWS_S, Rows, key_of

BATCH: Final = 1000
"""Items sent before their rows are read; three batches are held at a time."""
CONNECTIONS: Final = 8
TIMEOUT_S: Final = 10.0

Sender = Callable[[str, Sequence[Request]], Awaitable[list[Reply]]]
"""Sends requests to an origin (URL without a path); one reply for each, in order."""

Item = Sequence[Probe]
"""Requests that go over one connection one after the other, with no other between them."""


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
    given: GivenHeaders = NONE_GIVEN
    """Sent with every request."""


@dataclass(frozen=True, slots=True)
class _Sent:
    probes: list[Probe]
    replies: list[Reply]
    since: datetime


async def observations(
    endpoint: Endpoint,
    rows: Rows,
    items: Iterable[Item],
    *,
    batch: int = BATCH,
    connections: int = CONNECTIONS,
    timeout_s: float = TIMEOUT_S,
    wait_s: float = WAIT_ROWS_S,
) -> AsyncGenerator[list[Observation], None]:
    """Sends everything and yields observations batch by batch, in the order sent; every probe comes out once.

    `items` is read as it is sent and may be endless. Rows are waited for at most `wait_s` a batch.
    Raises psycopg.Error when the database is away, and what `items` raises.
    """
    source = iter(items)
    waiting: deque[_Sent] = deque()
    while chunk := list(islice(source, batch)):
        sending = asyncio.create_task(
            _send(endpoint, rows, chunk, connections=connections, timeout_s=timeout_s)
        )
        try:
            if waiting:
                yield await _observe(endpoint, rows, waiting.popleft(), wait_s)
            waiting.append(await sending)
        finally:
            sending.cancel()
    while waiting:
        yield await _observe(endpoint, rows, waiting.popleft(), wait_s)


async def send_over_wire(origin: str, requests: Sequence[Request]) -> list[Reply]:
    """One reply for each request, in their order; `origin` is `http://host:port`."""
    host, _, port = origin.rpartition("//")[2].rpartition(":")
    replies: list[Reply | None] = [None] * len(requests)
    async for index, reply in wire.send_all((host, int(port)), requests):
        replies[index] = reply
    return [reply for reply in replies if reply is not None]


async def _send(
    endpoint: Endpoint, rows: Rows, chunk: list[Item], *, connections: int, timeout_s: float
) -> _Sent:
    since = await rows.now()
    probes = [probe for item in chunk for probe in item]
    replies: list[Reply | None] = [None] * len(probes)
    sent = wire.send_all(
        endpoint.address,
        _requests(chunk),
        connections=connections,
        timeout_s=timeout_s,
        given=endpoint.given,
    )
    async for index, reply in sent:
        replies[index] = reply
    return _Sent(probes, [reply for reply in replies if reply is not None], since)


def _requests(chunk: list[Item]) -> Iterator[Request | Sequence[Request]]:
    for item in chunk:
        yield item[0].request if len(item) == 1 else [probe.request for probe in item]


async def _observe(endpoint: Endpoint, rows: Rows, sent: _Sent, wait_s: float) -> list[Observation]:
    keys = list(map(key_of, sent.probes, sent.replies))
    found = await rows.arrived(keys, sent.since, wait_s=wait_s, lost=endpoint.lost)
    return [
        Observation(probe, reply, mine, endpoint.served_by, endpoint.stage, sent.since)
        for probe, reply, mine in zip(sent.probes, sent.replies, found, strict=True)
    ]
