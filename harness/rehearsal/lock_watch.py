"""How long a process waits for locks or for others' transactions, seen from another session."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from harness.database.runners import connect

POLL_MS: Final = 5.0
"""Resolution of what is seen."""

Clock = Callable[[], float]
"""Milliseconds since some moment."""


@dataclass(slots=True)
class LockWatch:
    """Polls what one process waits for: there is no other way to see it from outside. Made by `lock_watch`."""

    waits: list[tuple[float, float]] = field(default_factory=list)
    """Pairs of times between which the process was seen waiting, at both ends."""
    _ended: threading.Event = field(default_factory=threading.Event)

    def between(self, began_ms: float, ended_ms: float) -> float:
        """Milliseconds of waiting seen in an interval."""
        return sum(max(0.0, min(end, ended_ms) - max(begin, began_ms)) for begin, end in tuple(self.waits))

    def _run(self, dsn: str, pid: int, now_ms: Clock) -> None:
        query = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
        with connect(dsn) as connection:
            last = (0.0, False)
            while not self._ended.wait(POLL_MS / 1000):
                found = connection.execute(query, [pid], prepare=True).fetchone()
                now = (now_ms(), bool(found and found[0]))
                if last[1] and now[1]:
                    self.waits.append((last[0], now[0]))
                last = now


@contextmanager
def lock_watch(dsn: str, pid: int, now_ms: Clock) -> Iterator[LockWatch]:
    """Watches a process for as long as the context lasts, by the clock given."""
    watch = LockWatch()
    thread = threading.Thread(target=watch._run, args=(dsn, pid, now_ms), name="lock watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch._ended.set()
        thread.join()
