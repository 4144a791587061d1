"""Who ends waits for accounting as long as it goes on, and not for one that stands still."""

import asyncio
from itertools import count
from types import SimpleNamespace

import pytest

from harness import polling
from harness.backend import usage
from harness.backend.usage import Accounts


class Owed(Accounts):
    """Accounts that owe some work and no database."""

    def __init__(self, works: list[asyncio.Event]) -> None:
        self._pending: set[asyncio.Task[None]] = set()
        self._ended = 0
        for work in works:
            self._start(self._wait(work))

    async def _wait(self, work: asyncio.Event) -> None:
        await work.wait()


async def test_what_is_still_answered_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    works = [asyncio.Event() for _ in range(20)]
    accounts, left, looks, told = Owed(works), list(works), count(1), list[int]()

    def clock() -> float:
        """A second more at each look; one work in three seconds ends."""
        look = next(looks)
        if look % 3 == 0 and left:
            left.pop().set()
        return float(look)

    monkeypatch.setattr(usage, "LOOK_S", 0.01)
    monkeypatch.setattr(polling, "time", SimpleNamespace(monotonic=clock))
    await accounts.drain(told.append)
    assert not accounts._pending
    assert len(told) > 3
    assert told == sorted(told, reverse=True)


async def test_what_stands_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "DRAIN_S_MAX", 0.2)
    work = asyncio.Event()
    accounts = Owed([work])
    await asyncio.wait_for(accounts.drain(), 60)
    assert len(accounts._pending) == 1
    work.set()
    await accounts.drain()
    assert not accounts._pending
