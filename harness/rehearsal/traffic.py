"""Live writers and readers at a set rate, and the latency of each of their statements.

The loop is open: every statement has its scheduled time, and its latency counts from there. A writer that is held up
sends what it owes as soon as it can, and each of those writes shows how late it was; none is left out.
"""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from harness import plan
from harness.errors import UnavailableError
from harness.polling import Backlog
from harness.rehearsal.accounting import ACCOUNTING
from harness.rehearsal.measurements import USUAL_RATE, Rate, Sample
from harness.rehearsal.workload import Send, Workload

WAIT_S_MAX: Final = 60.0
RECONNECT_S_MAX: Final = 2
"""A writer whose server has gone tries again soon."""


@dataclass(slots=True)
class Traffic:
    """Running traffic; made by `traffic`. Samples may be read at any time, and are complete once it has stopped."""

    prefix: str
    """What the message_id of every write begins with."""
    _began: float
    _samples: list[Sample] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _swapped: bool = False
    _deployed: bool = False
    _under_way: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    """Writes that are under way, by whether they are of the backend `after`."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    last_statement: float = float("inf")
    """No statement is scheduled after this time."""

    def now_ms(self) -> float:
        """Milliseconds since the traffic began."""
        return (time.perf_counter() - self._began) * 1000

    def samples(self) -> tuple[Sample, ...]:
        """What has been answered so far, in the order of the answers."""
        with self._changed:
            return tuple(self._samples)

    def accepted(self) -> int:
        """Writes that the server has accepted so far."""
        return sum(sample.write and sample.sqlstate is None for sample in self.samples())

    def swap(self, *, back: bool = False) -> None:
        """From now on half of the writers are the backend `after`, for which the column must be there; or no longer.

        On the way back it waits for the writes of `after` that are under way. Raises UnavailableError when they are not
        answered within a minute.
        """
        with self._changed:
            self._swapped = not back
            if back:
                self._wait_for_the_end(after=True)

    def deploy(self) -> None:
        """From now on every writer is the backend `after`; waits for the writes of `before` that are under way.

        Raises UnavailableError when they are not answered within a minute.
        """
        with self._changed:
            self._swapped = self._deployed = True
            self._wait_for_the_end(after=False)

    def _wait_for_the_end(self, *, after: bool) -> None:
        if not self._changed.wait_for(lambda: self._under_way[after] == 0, WAIT_S_MAX):
            raise UnavailableError(
                f"{self._under_way[after]} writes were not answered within {WAIT_S_MAX:.0f} s"
            )

    def pass_by(self, writes: int) -> None:
        """Waits until so many writes that fall due from now on are answered.

        Raises UnavailableError when no write is answered for a minute, or they are not within ten.
        """
        now_ms, looked_at, passed = self.now_ms(), len(self._samples), 0
        backlog = Backlog(WAIT_S_MAX)
        with self._changed:
            while passed < writes:
                new = [sample for sample in self._samples[looked_at:] if sample.write]
                looked_at = len(self._samples)
                passed += sum(sample.scheduled_ms >= now_ms for sample in new)
                # On a busy machine writers owe much: as long as they are answered, what falls due now has its turn.
                if new:
                    backlog.ended()
                if passed < writes and not self._changed.wait(backlog.left_s):
                    raise UnavailableError(
                        f"{passed} of {writes} writes were answered that fell due {backlog.waited_s:.0f} s ago or "
                        f"later; the last write of any was answered {backlog.quiet_s:.0f} s ago"
                    )

    def stop(self) -> None:
        """No further statement is scheduled; those that are owed are still sent before the context ends."""
        self.last_statement = min(self.last_statement, time.perf_counter())
        self._stopping.set()

    def _enter(self, swaps: bool, write: bool) -> bool:
        """Whether the next statement of a connection is of the backend `after`."""
        with self._changed:
            after = (swaps or self._deployed) and self._swapped
            self._under_way[after] += write
        return after

    def _add(self, scheduled: float, write: bool, after: bool, sqlstate: str | None) -> None:
        done = time.perf_counter()
        sample = Sample((scheduled - self._began) * 1000, (done - self._began) * 1000, write, sqlstate)
        with self._changed:
            self._under_way[after] -= write
            self._samples.append(sample)
            self._changed.notify_all()


@contextmanager
def traffic(dsn: str, rate: Rate = USUAL_RATE, workload: Workload = ACCOUNTING) -> Iterator[Traffic]:
    """Writers and readers until the context ends; by default the reference's own INSERT, build `before`.

    All are connected and warm when it begins. Raises psycopg.Error when a statement is refused already then.
    """
    running = Traffic(f"traffic-{secrets.token_hex(4)}-", 0.0)
    senders = [
        _Sender(dsn, running, workload.write, True, number, rate.writers, rate.writes_per_s)
        for number in range(rate.writers)
    ]
    senders += [
        _Sender(dsn, running, workload.read, False, number, rate.readers, rate.reads_per_s)
        for number in range(rate.readers)
    ]
    threads = [threading.Thread(target=sender.run, name="traffic", daemon=True) for sender in senders]
    with ExitStack() as stack:
        for sender in senders:
            stack.callback(sender.close)
            sender.warm()
        running._began = time.perf_counter()
        for thread in threads:
            thread.start()
        try:
            yield running
        finally:
            running.stop()
            for thread in threads:
                thread.join(WAIT_S_MAX)


@dataclass(slots=True)
class _Sender:
    """One connection and its schedule; `number` of `count` that share a rate."""

    dsn: str
    running: Traffic
    send: Send
    writes: bool
    number: int
    count: int
    per_s: float
    connection: psycopg.Connection[Any] | None = None

    def warm(self) -> None:
        """Connects, and lets the server see the statement once."""
        self.connection = self._connect()
        self.send(self.connection, f"warm-{self.running.prefix}{self.number}", False, None)

    def run(self) -> None:
        """Sends on schedule until the traffic stops."""
        interval = self.count / self.per_s
        scheduled = self.running._began + interval * self.number / self.count
        sent = 0
        while True:
            self.running._stopping.wait(max(0.0, scheduled - time.perf_counter()))
            if scheduled > self.running.last_statement:
                return
            after = self.running._enter(self.number % 2 == 1, self.writes)
            name = f"{self.running.prefix}{self.number}-{sent}"
            # An installation sends one id all the time; every other request here has none.
            value = f"{plan.DERIVED_PREFIX}{self.number:016x}" if sent % 2 else None
            self.running._add(scheduled, self.writes, after, self._try(name, after, value))
            scheduled += interval
            sent += 1

    def close(self) -> None:
        """Closes the connection."""
        if self.connection is not None:
            self.connection.close()

    def _try(self, name: str, swapped: bool, value: str | None) -> str | None:
        try:
            if self.connection is None or self.connection.closed:
                self.connection = self._connect()
            self.send(self.connection, name, swapped, value)
        except psycopg.Error as error:
            return error.sqlstate or ""
        return None

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.dsn, autocommit=True, connect_timeout=RECONNECT_S_MAX)
