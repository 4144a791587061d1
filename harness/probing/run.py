"""The probe run: probes go out batch by batch, and the rows of one batch are read while the next is on its way.

By then they have had the time of a whole batch to arrive, and a second row of a request to show itself. Who sends, at
full rate or paced, and who reads is given; what differs and which claim that breaks is for others to say. Memory is
bounded: two batches are held.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import datetime
from itertools import compress, islice
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from harness.clients.exchange import Outcome
from harness.probing.record import ProbeRecord
from harness.sut.observation import Exchange, Observation, Probe, ProbeGroup, Row
from harness.sut.reference import CONNECTIONS, IN_TURN, TIMEOUT_S, Endpoint, FullRate, OwnRows
from harness.sut.rows import WAIT_ROWS_S, Rows

BATCH: Final = 1000
"""Groups sent before their rows are read."""

ANSWERED_IN_TURN: Final = 4
"""Answers that are judged before others have their turn."""

T = TypeVar("T")
Batch = list[ProbeGroup]
Matched = list[tuple[Row, ...]]
"""Rows of each exchange, in their order."""
Circumstances = tuple[str, str, str, bool]
"""Stage and build that served a request, who asked, and whether for a stream."""
KnownControls = dict[Circumstances, Observation]
Item = Sequence[Probe]
"""Requests that go over one connection one after the other, with no other between them."""


class ProbeSender(Protocol):
    """Sends at its own pace."""

    async def note(self, probe_groups: Sequence[ProbeGroup]) -> None:
        """Notes what will be sent, where that is to be known before it is; `send` notes what is not noted yet."""

    def send(
        self, probe_groups: Sequence[ProbeGroup], handed_out: Callable[[], None] | None = None
    ) -> AsyncGenerator[Exchange, None]:
        """What has ended; what was not sent any more has no exchange.

        One that can send further groups beside the last of these calls `handed_out` when these have left.
        """


class RowReader(Protocol):
    """Reads rows of exchanges."""

    async def now(self) -> datetime:
        """A moment before whatever is sent next."""

    async def read(
        self, exchanges: Sequence[Exchange], since: datetime, wait_s: float | None = None
    ) -> Matched:
        """Waits for the rows at most so long, or as long as it thinks right."""


class SentProbes(NamedTuple):
    """Answers to requests that were sent after a moment."""

    exchanges: tuple[Exchange, ...]
    since: datetime


class ProbeRun:
    """One sender and one reader, and a record of requests where it matters which of them were seen."""

    def __init__(
        self,
        sender: ProbeSender,
        reader: RowReader,
        record: ProbeRecord | None = None,
        on_exchange: Callable[[Exchange], None] = lambda _: None,
        on_rows: Callable[[Exchange, tuple[Row, ...]], None] = lambda *_: None,
    ) -> None:
        self._sender = sender
        self._reader = reader
        self._record = record
        self._on_exchange = on_exchange  # is told of each as it ends
        self._on_rows = on_rows
        self._under_way: dict[int, asyncio.Task[SentProbes]] = {}  # by the number of the batch, from 1
        self._begun = 0
        self._another = asyncio.Event()

    async def send(
        self, probe_groups: Sequence[ProbeGroup], handed_out: Callable[[], None] | None = None
    ) -> SentProbes:
        """Sends, and looks for no rows yet."""
        since = await self._reader.now()
        exchanges: list[Exchange] = []
        async with aclosing(self._sender.send(probe_groups, handed_out)) as sending:
            async for exchange in sending:
                if self._record is not None:
                    self._record.enter(exchange)
                self._on_exchange(exchange)
                exchanges.append(exchange)
        return SentProbes(tuple(exchanges), since)

    async def read(self, sent: SentProbes, wait_s: float | None = None) -> Matched:
        """Rows of each exchange; none of one whose rows tell nothing."""
        record = self._record
        if record is None:
            return await self._reader.read(*sent, wait_s)
        is_wanted = [record.is_wanted(exchange) for exchange in sent.exchanges]
        wanted = list(compress(sent.exchanges, is_wanted))
        found = iter(await self._reader.read(wanted, sent.since, wait_s))
        return [next(found) if each else () for each in is_wanted]

    async def note(self, probe_groups: Sequence[ProbeGroup]) -> None:
        """Lets the sender note what will be sent, while others are on the wire."""
        await self._sender.note(probe_groups)

    async def judge(self, batches: AsyncGenerator[Batch, None]) -> None:
        """As `stream`; `on_rows` is told of one exchange after the other with its rows."""
        async with aclosing(self.stream(batches)) as parts:
            async for sent, found in parts:
                for number, answer in enumerate(zip(sent.exchanges, found, strict=True)):
                    if number % ANSWERED_IN_TURN == 0:  # as `in_turn`
                        await asyncio.sleep(0)
                    self._on_rows(*answer)

    async def ended(self, count: int) -> None:
        """Waits until every request of the first so many batches has ended. Raises what a sender has raised."""
        while self._begun < count:
            self._another.clear()
            await self._another.wait()
        await asyncio.gather(*(task for number, task in self._under_way.items() if number <= count))

    async def stream(
        self, batches: AsyncGenerator[Batch, None]
    ) -> AsyncGenerator[tuple[SentProbes, Matched], None]:
        """Sends batch after batch, and yields each with its rows; the next is asked for when the one before has left.

        Raises what the sender, the reader or `batches` raises, whichever is first; to stop early, close it.
        """
        waiting: asyncio.Task[SentProbes] | None = None
        try:
            async with aclosing(batches):
                async for batch in batches:
                    handed_out = asyncio.Event()
                    sending = self._begin(batch, handed_out)
                    if waiting is not None:
                        yield await self._read_beside(waiting, sending)
                    await _first_of(handed_out.wait(), sending)
                    waiting = sending
            if waiting is not None:
                sent = await waiting
                yield sent, await self.read(sent)
        finally:
            under_way = [*self._under_way.values()]
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    def _begin(self, batch: Batch, handed_out: asyncio.Event) -> asyncio.Task[SentProbes]:
        number = self._begun = self._begun + 1
        sending = self._under_way[number] = asyncio.create_task(self._send(batch, handed_out))
        sending.add_done_callback(lambda _: self._under_way.pop(number))
        self._another.set()
        return sending

    async def _send(self, batch: Batch, handed_out: asyncio.Event) -> SentProbes:
        try:
            return await self.send(batch, handed_out.set)
        finally:
            handed_out.set()

    async def _read_beside(
        self, waiting: asyncio.Task[SentProbes], sending: asyncio.Task[SentProbes]
    ) -> tuple[SentProbes, Matched]:
        """Rows of a batch; a sender that fails meanwhile ends the reading, which may have long to wait."""

        async def read() -> tuple[SentProbes, Matched]:
            sent = await waiting
            return sent, await self.read(sent)

        return await _first_of(read(), sending)


async def _first_of(wanted: Coroutine[Any, Any, T], sending: asyncio.Task[SentProbes]) -> T:
    """What a coroutine returns, or at once what a sender raises that fails meanwhile."""
    task = asyncio.create_task(wanted)
    try:
        await asyncio.wait({task, sending}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


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


async def in_turn(batch: Sequence[T]) -> AsyncGenerator[Sequence[T], None]:
    """A few at a time: requests are under way on the same loop, and the target is not to wait for us."""
    for at in range(0, len(batch), IN_TURN):
        await asyncio.sleep(0)
        yield batch[at : at + IN_TURN]


async def _batches(items: Iterable[Item], size: int) -> AsyncGenerator[Batch, None]:
    """Each batch is made while the one before is on the wire."""
    source = iter(items)
    following = asyncio.create_task(_made(source, size))
    try:
        while batch := await following:
            following = asyncio.create_task(_made(source, size))
            yield batch
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _made(source: Iterator[Item], size: int) -> Batch:
    batch: Batch = []
    while len(batch) < size and (some := list(islice(source, min(IN_TURN, size - len(batch))))):
        batch += [ProbeGroup(tuple(item), together=True) for item in some]
        await asyncio.sleep(0)  # as `in_turn`
    return batch


def beside_controls(
    observations: Sequence[Observation], known: KnownControls | None = None
) -> Iterator[tuple[Observation, Observation | None]]:
    """Each with the first one without a header in its circumstances, to whose reply its own is held.

    None where that was not answered, for that one itself, and for what HTTP refuses. `known` are those of batches
    before, and takes up more.
    """
    known = {} if known is None else known
    for observation in observations:
        if not observation.probe.header:
            known.setdefault(_circumstances(observation), observation)
    for observation in observations:
        control = known.get(_circumstances(observation))
        if control is observation or observation.probe.refused:
            control = None
        yield observation, control if control and control.reply.outcome is Outcome.REPLY else None


def _circumstances(observation: Observation) -> Circumstances:
    return (observation.stage, observation.served_by, observation.probe.auth, observation.probe.stream)
