"""What is measured of writers while a table is migrated. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.rehearsal.approaches import Approach


@dataclass(frozen=True, slots=True)
class Rate:
    """How much is sent. Half of the writers, and none of the readers, change build when asked to."""

    writers: int = 4
    """Connections that write."""
    writes_per_s: float = 200.0
    """Of all writers together."""
    readers: int = 1
    reads_per_s: float = 25.0


USUAL_RATE: Final = Rate()


@dataclass(frozen=True, slots=True)
class Sample:
    """One statement. Times are in milliseconds since the traffic began."""

    scheduled_ms: float
    done_ms: float
    write: bool
    sqlstate: str | None
    """None when it was accepted; '' when it failed with no SQLSTATE, as when the connection broke."""

    @property
    def latency_ms(self) -> float:
        """From the scheduled time to the answer."""
        return self.done_ms - self.scheduled_ms


@dataclass(frozen=True, slots=True)
class Span:
    """One statement sent. Times are in milliseconds since the traffic began."""

    statement: str
    """Its first line."""
    began_ms: float
    ended_ms: float
    lock_wait_ms: float
    """How long it waited for locks or for others' transactions, seen every 5 ms."""
    sqlstate: str | None
    """None when it was accepted."""
    message: str = ""
    """What the server said where it was refused."""

    @property
    def duration_ms(self) -> float:
        """From sending it to its answer."""
        return self.ended_ms - self.began_ms

    def stall_ms_max(self, samples: Sequence[Sample]) -> float:
        """The longest that a write which was due was left waiting while this statement ran; 0 when there was none."""
        waits = (
            min(sample.done_ms, self.ended_ms) - max(sample.scheduled_ms, self.began_ms)
            for sample in samples
            if sample.write
        )
        return max(0.0, max(waits, default=0.0))


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency of the writes of one phase, in milliseconds; all 0 when there was none."""

    writes: int
    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Latency":
        """Percentiles by nearest rank."""
        if not values:
            return cls(0, 0.0, 0.0, 0.0)
        ordered = sorted(values)
        count = len(ordered)
        return cls(count, ordered[-(-count // 2) - 1], ordered[-(-count * 99 // 100) - 1], ordered[-1])


@dataclass(frozen=True, slots=True)
class Measured:
    """What one approach did to the writers, and what it left."""

    approach: Approach
    rows: int
    spans: tuple[Span, ...]
    samples: tuple[Sample, ...]
    index_bytes: int
    """Of the index that is asked after; 0 when it was not built."""

    @property
    def began_ms(self) -> float:
        """When its first statement was sent."""
        return self.spans[0].began_ms

    @property
    def ended_ms(self) -> float:
        """When its last statement was answered."""
        return self.spans[-1].ended_ms

    @property
    def refused(self) -> Span | None:
        """The statement that was refused for good; None without one."""
        last = self.spans[-1]
        return last if last.sqlstate is not None else None

    @property
    def stall_ms_max(self) -> float:
        """The longest latency of a write that was due or under way while the migration ran."""
        return self.phases()["during"].max_ms

    @property
    def build_ms(self) -> float:
        """How long the index took; 0 when none was built."""
        return sum(
            span.duration_ms
            for span in self.spans
            if "INDEX" in span.statement.upper() and span.sqlstate is None
        )

    @property
    def rows_per_s(self) -> float:
        """Rows that the build got through in a second."""
        return self.rows / self.build_ms * 1000 if self.build_ms else 0.0

    @property
    def errors(self) -> int:
        """Statements of the traffic that failed."""
        return sum(sample.sqlstate is not None for sample in self.samples)

    def phases(self) -> dict[str, Latency]:
        """Write latency before, during and after the migration, by when each write was due or under way."""
        writes = [sample for sample in self.samples if sample.write]
        before = [sample.latency_ms for sample in writes if sample.done_ms < self.began_ms]
        after = [sample.latency_ms for sample in writes if sample.scheduled_ms > self.ended_ms]
        during = [
            sample.latency_ms
            for sample in writes
            if sample.done_ms >= self.began_ms and sample.scheduled_ms <= self.ended_ms
        ]
        return {"before": Latency.of(before), "during": Latency.of(during), "after": Latency.of(after)}
