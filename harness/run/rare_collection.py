"""How often the collector of garbage runs while a command keeps thousands of requests that are no garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

THRESHOLD: Final = 50_000
"""Objects that are made before the youngest are looked at: Python's own 700 is a dozen requests."""

_lock: Final = Lock()
_under_way: Final[list[tuple[tuple[int, int, int], bool]]] = []
"""For each run, also those on other threads, the thresholds before the first of them, and whether it found something
set aside."""


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Sets aside what is there from the collector of garbage and lets it run more rarely, until the end.

    What a run keeps of its requests is held to its end; the collector had walked it, and all that is imported, again
    and again: a fifth of the CPU time of the gate. Somebody else's settings are as they were afterwards.
    """
    with _lock:
        before = _under_way[0] if _under_way else (gc.get_threshold(), gc.get_freeze_count() > 0)
        _under_way.append(before)
        gc.freeze()
        gc.set_threshold(THRESHOLD, *before[0][1:])
    try:
        yield
    finally:
        with _lock:
            (thresholds, was_frozen), is_last = _under_way.pop(), not _under_way
            if is_last:
                gc.set_threshold(*thresholds)
            if is_last and not was_frozen:  # else who set something aside wants it to stay so
                gc.unfreeze()
