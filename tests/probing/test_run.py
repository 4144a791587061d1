"""A probe run sends a batch while it reads the rows of the batch before, whoever sends and whoever reads."""

import ast
import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import harness.probing
from harness.clients.exchange import Outcome, Reply
from harness.probing.probe_factory import ProbeFactory, plan_caller
from harness.probing.run import Batch, ProbeRun, _batches
from harness.sut.observation import Exchange, Probe, ProbeGroup, Row

REPLY = Reply(Outcome.REPLY, 200)
ROW = Row("1", "anon:a", "1", "m", None)


class Log:
    """A sender and a reader that note what they do; each step waits for what `after` names to have happened."""

    def __init__(self, after: dict[str, str] | None = None, fails: str = "", *, early: bool = False) -> None:
        self.lines: list[str] = []
        self._early = early  # whether the next may be sent before these have ended
        self._after = after or {}
        self._fails = fails
        self._changed = asyncio.Condition()

    async def _do(self, line: str) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: self._after.get(line, line) in [line, *self.lines])
            self.lines.append(line)
            self._changed.notify_all()
        if line == self._fails:
            raise ConnectionError(line)

    async def note(self, probe_groups: Sequence[ProbeGroup]) -> None:
        raise AssertionError(probe_groups)

    async def send(
        self, probe_groups: Sequence[ProbeGroup], handed_out: Callable[[], None] | None = None
    ) -> AsyncGenerator[Exchange, None]:
        probes = [probe for each in probe_groups for probe in each.probes]
        if self._early and handed_out is not None:
            handed_out()
        await self._do(f"send {probes[0].number}")
        for probe in probes:
            yield Exchange(probe, REPLY, 0.0)

    async def now(self) -> datetime:
        return datetime.now(UTC)

    async def read(
        self, exchanges: Sequence[Exchange], since: datetime, wait_s: float | None = None
    ) -> list[tuple[Row, ...]]:
        assert wait_s is None
        assert since <= datetime.now(UTC)
        await self._do(f"read {exchanges[0].probe.number}")
        return [(ROW,) for _ in exchanges]


async def batches(log: Log, count: int) -> AsyncGenerator[Batch, None]:
    """So many batches of one probe; each is noted as it is asked for."""
    factory = ProbeFactory(plan_caller(), run=1)
    try:
        for number in range(1, count + 1):
            log.lines.append(f"made {number}")
            yield [ProbeGroup((factory.control(),))]
    finally:
        log.lines.append("closed")


async def numbers(log: Log, count: int) -> list[int]:
    run = ProbeRun(log, log)
    async with aclosing(run.stream(batches(log, count))) as parts:
        return [sent.exchanges[0].probe.number async for sent, found in parts if found == [(ROW,)]]


async def test_rows_are_read_while_the_next_batch_is_sent() -> None:
    log = Log(after={"read 1": "send 2", "read 2": "send 3"})  # else it would never end
    assert await numbers(log, 3) == [1, 2, 3]
    assert log.lines.index("made 2") > log.lines.index("send 1"), "asked for before the one before was sent"
    assert log.lines[-1] == "read 3"


async def test_a_batch_leaves_while_the_last_of_the_one_before_ends() -> None:
    log = Log(after={"send 1": "send 2", "send 2": "send 3"}, early=True)  # else it would never end
    with pytest.raises(TimeoutError):
        await numbers(log, 3)  # two are under way at most
    log = Log(after={"send 1": "send 2"}, early=True)
    assert await numbers(log, 3) == [1, 2, 3]


async def test_who_makes_batches_can_wait_for_all_before() -> None:
    log = Log(after={"send 1": "made 1"}, early=True)
    run = ProbeRun(log, log, on_exchange=lambda exchange: log.lines.append(f"told {exchange.probe.number}"))

    async def after_all() -> AsyncGenerator[Batch, None]:
        async with aclosing(batches(log, 2)) as made:
            async for batch in made:
                yield batch
                await run.ended(log.lines.count("made 1") + log.lines.count("made 2"))

    async with aclosing(run.stream(after_all())) as parts:
        assert [len(sent.exchanges) async for sent, _ in parts] == [1, 1]
    assert log.lines.index("told 1") < log.lines.index("made 2")


async def test_nothing_to_send_reads_nothing() -> None:
    log = Log()
    assert await numbers(log, 0) == []
    assert log.lines == ["closed"]


@pytest.mark.parametrize(
    ("fails", "after"),
    [("send 2", {"read 1": "never"}), ("read 1", {"send 2": "never"})],
    ids=["sender", "reader"],
)
async def test_what_fails_first_ends_the_other(fails: str, after: dict[str, str]) -> None:
    log = Log(after, fails)
    with pytest.raises(ConnectionError, match=fails):
        await numbers(log, 3)
    assert log.lines[-1] == "closed"


def test_a_run_knows_neither_command_nor_level() -> None:
    folder = Path(harness.probing.__file__).parent
    names = {
        name
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in (getattr(node, "id", None), getattr(node, "arg", None), getattr(node, "attr", None))
    }
    assert not names & {"level", "Level", "command", "is_prove", "is_gate"}
    assert len(inspect.signature(ProbeRun).parameters) <= 6


async def test_the_next_batch_is_made_while_one_is_on_the_wire() -> None:
    made, is_made = 0, asyncio.Event()

    def items() -> Iterator[Sequence[Probe]]:
        nonlocal made
        factory = ProbeFactory(plan_caller(), run=1)
        for made in range(1, 5):  # noqa: B007 - told to the test
            yield [factory.control()]
        is_made.set()
        raise LookupError("the source's own")

    batches = _batches(items(), 2)
    assert len(await anext(batches)) == 2
    async with asyncio.timeout(5):
        assert len(await anext(batches)) == 2
        await is_made.wait()  # as the second is sent
    assert made == 4
    with pytest.raises(LookupError, match="the source's own"):
        await anext(batches)
