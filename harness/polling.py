"""The one bounded poll, for what tells nobody when it changes: a view of the server, a closed port, a row to come."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

POLL_S: Final = 0.005
"""Between two looks at something near by."""

BACKLOG_S_MAX: Final = 600.0
"""How long a busy machine may work off what it owes."""

T = TypeVar("T")


class Backlog:
    """How long work is waited for that goes on: as long as some of it ends in time, and for ten minutes at most."""

    def __init__(self, quiet_s_max: float) -> None:
        """`quiet_s_max` may pass from one end to the next."""
        self._quiet_s_max = quiet_s_max
        self._began = self._latest = time.monotonic()

    def ended(self) -> None:
        """Some of it has ended."""
        self._latest = time.monotonic()

    @property
    def waited_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    @property
    def quiet_s(self) -> float:
        """Since some of it ended."""
        return time.monotonic() - self._latest

    @property
    def left_s(self) -> float:
        """How long it is still waited for if nothing ends; 0 when it is no longer."""
        return max(min(self._quiet_s_max - self.quiet_s, BACKLOG_S_MAX - self.waited_s), 0.0)


def poll_until(
    look: Callable[[], T], seconds_max: float, *, pause_s: float = POLL_S, pause_s_max: float = 0.0
) -> T:
    """What `look` returns as soon as that is true; when the time is up, what the last look returned.

    There is always one look, and the last one begins when the time is up. Pauses are of `pause_s` seconds, each twice
    as long as the one before up to `pause_s_max`. What `look` raises ends the poll.
    """
    for pause in _pauses(seconds_max, pause_s, pause_s_max):
        if found := look():
            return found
        time.sleep(pause)
    return look()


async def apoll_until(
    look: Callable[[], Awaitable[T]],
    seconds_max: float,
    *,
    pause_s: float = POLL_S,
    pause_s_max: float = 0.0,
    pause_looks: float = 0.0,
) -> T:
    """`poll_until` for a coroutine function; a pause is at least `pause_looks` times as long as the look before it."""
    for pause in _pauses(seconds_max, pause_s, pause_s_max):
        began = time.monotonic()
        if found := await look():
            return found
        await asyncio.sleep(max(pause, pause_looks * (time.monotonic() - began)))
    return await look()


def _pauses(seconds_max: float, pause_s: float, pause_s_max: float) -> Iterator[float]:
    deadline = time.monotonic() + seconds_max
    while (left := deadline - time.monotonic()) > 0:
        yield min(pause_s, left)
        pause_s = max(pause_s, min(2 * pause_s, pause_s_max))
