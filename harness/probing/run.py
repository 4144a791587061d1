"""The probe run: probes go out batch by batch, and the rows of one batch are read while the next is on its way.

By then they have had the time of a whole batch to arrive, and a second row of a request to show itself. Who sends, at
full rate or paced, and who reads is given; what differs and which claim that breaks is for others to say. Memory is
bounded: two batches are held.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple, Protocol

from harness.sut.observation import Exchange, Observation, Probe, ProbeGroup, Row
from harness.sut.reference import CONNECTIONS, TIMEOUT_S, Endpoint, FullRate, OwnRows
from harness.sut.rows import WAIT_ROWS_S, Rows

BATCH: Final = 1000
"""Groups sent before their rows are read."""

Batch = list[ProbeGroup]
Matched = list[tuple[Row, ...]]
"""Rows of each exchange, in their order."""
Item = Sequence[Probe]
"""Requests that go over one connection one after the other, with no other between them."""


class ProbeSender(Protocol):
    """Sends at its own pace."""

    def send(self, probe_groups: Sequence[ProbeGroup]) -> AsyncGenerator[Exchange, None]:
        """What has ended; what was not sent any more has no exchange."""


class RowReader(Protocol):
    """Reads rows of exchanges."""

    async def now(self) -> datetime:
        """A moment before whatever is sent next."""

    async def read(self, exchanges: Sequence[Exchange], since: datetime) -> Matched:
        """Waits for the rows as long as it thinks right."""


class SentProbes(NamedTuple):
    """Answers to requests that were sent after a moment."""

    exchanges: tuple[Exchange, ...]
    since: datetime


class ProbeRun:
    """One sender and one reader; `ended` is told of each exchange as it ends."""

    def __init__(
        self,
        sender: ProbeSender,
        reader: RowReader,
        *,
        ended: Callable[[Exchange], None] = lambda _: None,
    ) -> None:
        self._sender = sender
        self._reader = reader
        self._ended = ended

    async def send(self, probe_groups: Sequence[ProbeGroup]) -> SentProbes:
        """Sends, and looks for no rows yet."""
        since = await self._reader.now()
        exchanges: list[Exchange] = []
        async with aclosing(self._sender.send(probe_groups)) as sending:
            async for exchange in sending:
                self._ended(exchange)
                exchanges.append(exchange)
        return SentProbes(tuple(exchanges), since)

    async def stream(
        self, batches: AsyncGenerator[Batch, None]
    ) -> AsyncGenerator[tuple[SentProbes, Matched], None]:
        """Sends batch after batch, and yields each with its rows; the next is asked for when the one before was sent.

        Raises what the sender, the reader or `batches` raises, whichever is first; to stop early, close it.
        """
        waiting: SentProbes | None = None
        async with aclosing(batches):
            async for batch in batches:
                sending = asyncio.create_task(self.send(batch))
                try:
                    if waiting is not None:
                        yield waiting, await self._read_beside(waiting, sending)
                    waiting = await sending
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
        if waiting is not None:
            yield waiting, await self._reader.read(*waiting)

    async def _read_beside(self, waiting: SentProbes, sending: asyncio.Task[SentProbes]) -> Matched:
        """Rows of a batch; a sender that fails meanwhile ends the reading, which may have long to wait."""
        reading = asyncio.create_task(self._reader.read(*waiting))
        try:
            await asyncio.wait({reading, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
            return await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


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
    """Sends everything to a backend of ours, and yields observations batch by batch, in the order of `items`.

    `items` is read as it is sent and may be endless. Rows are waited for at most `wait_s` a batch.
    Raises psycopg.Error when the database is away, and what `items` raises.
    """
    run = ProbeRun(FullRate(endpoint, connections, timeout_s), OwnRows(rows, endpoint.lost, wait_s))
    async with aclosing(run.stream(_batches(items, batch))) as parts:
        async for sent, found in parts:
            yield [
                Observation(
                    exchange.probe, exchange.reply, its_rows, endpoint.served_by, endpoint.stage, sent.since
                )
                for exchange, its_rows in zip(sent.exchanges, found, strict=True)
            ]


async def _batches(items: Iterable[Item], size: int) -> AsyncGenerator[Batch, None]:
    source = iter(items)
    while batch := [ProbeGroup(tuple(item), together=True) for item in islice(source, size)]:
        yield batch
