"""The parts of a run of the gate in their order, and how the next is made while others are on the wire.

Shapes follow from what was refused before, so an array waits until the part that it follows from has ended. Another
part stands between them, so that the target has requests to answer meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final

from harness.probing.probe_factory import ProbeFactory
from harness.rule.level import Level
from harness.run.gate_suite import at_once, drawn, first, further, last, suite_alone
from harness.run.gate_values import Values
from harness.sut.external import CONNECTIONS
from harness.sut.observation import ProbeGroup

BATCH: Final = 500
"""Requests sent before their rows are looked for, about."""
BATCH_MAX: Final = 2_000
"""The same where some go over one connection one after the other: so many are sent beside them."""
STRENGTHS: Final = {Level.SMOKE: (2,), Level.STANDARD: (2, 3), Level.EXHAUSTIVE: (2, 3)}
"""How many factor values of a request are combined, in the order in which they are sent."""
COMPLETIONS_MAX: Final = 2
"""How often an array is completed after shapes were found that the target refuses for everybody."""
WHILE_PAIRS_ARE_MADE: Final = 800
WHILE_TRIPLES_ARE_MADE: Final = 1_000
"""Requests of the header rule's suite that are on the wire while an array is made."""

MakeArray = Callable[[int, int], Iterable[ProbeGroup]]
"""A covering array of a strength, or what completes it: the first time, the second."""


@dataclass(slots=True, eq=False)
class SuitePart:
    """Groups that are sent in batches of their own."""

    make: Callable[[], Iterable[ProbeGroup]]
    """Called on the event loop; what it returns is read on a thread."""
    after: "SuitePart | None" = None
    """What must have ended before it is called: this part and all before."""
    batches: int = 0
    """How many the run has by its end; known once all of it was read."""


def parts_of(
    factory: ProbeFactory,
    values: Values,
    level: Level,
    seed: int,
    share: Iterable[bytes],
    array: MakeArray,
    users: Collection[str] = (),
) -> Iterator[SuitePart]:
    """Every shape of requests, and what the level has beyond that; `users` are those whom rows of accounts name."""
    pairs, *triples = STRENGTHS[level]
    suite = suite_alone(factory, share, level) if triples else iter(())
    found = SuitePart(lambda: first(factory, values))
    yield found
    yield SuitePart(lambda: chain(further(factory, values, level), _some(suite, WHILE_PAIRS_ARE_MADE)))
    found = SuitePart(lambda: array(pairs, 0), after=found)
    yield found
    beside = chain(last(factory, values, users), at_once(factory, level))
    yield SuitePart(lambda: chain(beside, _some(suite, WHILE_TRIPLES_ARE_MADE)))
    completing = range(1, COMPLETIONS_MAX + 1)
    for number in completing:
        found = SuitePart(partial(array, pairs, number), after=found)
        yield found
    for strength in triples:
        found = SuitePart(partial(array, strength, 0), after=found)
        yield found
        yield SuitePart(lambda: chain(suite, drawn(factory, values, level, seed)))
        for number in completing:
            found = SuitePart(partial(array, strength, number), after=found)
            yield found


def _some(source: Iterator[ProbeGroup], requests: int) -> Iterator[ProbeGroup]:
    yield from next_batch(source, requests)


class Batches:
    """The batches of one part after the other."""

    def __init__(self, parts: Iterable[SuitePart], ended: Callable[[int], Awaitable[None]]) -> None:
        self._parts = iter(parts)
        self._ended = ended  # waits until so many batches have
        self._part: SuitePart | None = None
        self._groups: Iterator[ProbeGroup] = iter(())
        self._count = 0

    async def next(self, least: int) -> list[ProbeGroup]:
        """Groups to send at once, made on a thread: of one part alone; none when all is made."""
        while self._part is not None or await self._begin():
            if batch := await asyncio.to_thread(next_batch, self._groups, least):
                self._count += 1
                return batch
            assert self._part is not None
            self._part.batches, self._part = self._count, None
        return []

    async def _begin(self) -> bool:
        """Whether there is a part yet, which follows from what has ended."""
        self._part = next(self._parts, None)
        if self._part is None:
            return False
        if self._part.after is not None:
            await self._ended(self._part.after.batches)
        self._groups = iter(self._part.make())
        return True


def next_batch(source: Iterator[ProbeGroup], least: int = BATCH) -> list[ProbeGroup]:
    """Groups to send at once: as many as have so many requests, or what is left.

    What goes over one connection takes long, so it is sent beside as many as go over the others meanwhile.
    """
    batch: list[ProbeGroup] = []
    count = 0
    while count < least and (each := next(source, None)) is not None:
        batch.append(each)
        count += len(each.probes)
        if each.together:
            least = max(least, min(CONNECTIONS * len(each.probes), BATCH_MAX))
    return batch
