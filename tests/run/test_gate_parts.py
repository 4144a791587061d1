"""The parts of a run of the gate: what follows from another waits for its end, and long sequences have company."""

import asyncio

from harness.probing.probe_factory import ProbeFactory, plan_caller
from harness.rule.level import Level
from harness.run.gate_parts import BATCH, Batches, SuitePart, next_batch, parts_of
from harness.run.gate_values import Values
from harness.sut.external import CONNECTIONS
from harness.sut.observation import ProbeGroup


def groups(count: int, size: int = 1, *, together: bool = False) -> list[ProbeGroup]:
    factory = ProbeFactory(plan_caller(), run=1)
    return [
        ProbeGroup(tuple(factory.control() for _ in range(size)), together=together) for _ in range(count)
    ]


async def test_a_part_is_made_when_that_before_has_ended() -> None:
    ended = asyncio.Event()
    asked: list[int] = []

    async def until_ended(batches: int) -> None:
        asked.append(batches)
        await ended.wait()

    source = SuitePart(lambda: groups(3))
    parts = [source, SuitePart(lambda: groups(1)), SuitePart(lambda: groups(1), after=source)]
    batches = Batches(parts, until_ended)
    sizes = [len(await batches.next(2)) for _ in range(3)]
    assert sizes == [2, 1, 1], "a batch is of one part"
    following = asyncio.create_task(batches.next(2))
    await asyncio.sleep(0)
    assert not following.done()
    ended.set()
    assert len(await following) == 1
    assert asked == [2], "it waits for the batches of the part it follows from, and for no other"
    assert await batches.next(2) == []


async def test_a_part_of_nothing_is_passed_over() -> None:
    batches = Batches([SuitePart(tuple), SuitePart(lambda: groups(1))], lambda _: asyncio.sleep(0))
    assert len(await batches.next(2)) == 1


def test_others_are_sent_beside_a_long_sequence() -> None:
    batch = next_batch(iter([*groups(1, 100, together=True), *groups(2000)]))
    assert sum(len(group.probes) for group in batch) == CONNECTIONS * 100
    assert len(next_batch(iter(groups(2000)))) == BATCH


def test_an_array_is_made_while_others_are_sent() -> None:
    factory = ProbeFactory(plan_caller(), run=1)
    parts = list(parts_of(factory, Values(factory.caller), Level.STANDARD, 0, (), lambda *_: ()))
    assert any(part.after for part in parts)
    for part in parts:
        completes = part.after is not None and parts.index(part) - parts.index(part.after) == 1
        assert not completes or not list(part.make()), "the target is idle while it is made"
