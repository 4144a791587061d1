"""Waits of the watchdog, each of which ends when the harness does."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Final

HARNESS: Final = 0
"""The descriptor that the harness holds the other end of."""

_POLL_SECONDS: Final = 0.004


class HarnessGoneError(Exception):
    """Nobody wants the server any more."""


class Watch:
    """Waits for children and for the harness at once, without polling."""

    def __init__(self) -> None:
        # A process that the harness forked may hold the other end of the pipe after it; Linux can watch itself.
        self._harness = os.pidfd_open(os.getppid()) if sys.platform == "linux" else HARNESS
        self._bell, ringer = os.pipe()
        os.set_blocking(ringer, False)
        signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)

    def wait(self, done: Callable[[], bool], seconds: float | None, *, harness: bool = True) -> bool:
        """Until `done`, tried whenever a child ends; False when the time is up before.

        Raises HarnessGoneError when the harness goes first, unless it no longer matters.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        watched = [self._bell, HARNESS, self._harness] if harness else [self._bell]
        while not done():
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            readable = select.select(watched, [], [], left)[0]
            if self._bell in readable:
                os.read(self._bell, 4096)
            elif readable:
                raise HarnessGoneError
        return True
