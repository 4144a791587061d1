"""One request of an exploration: what must become of it, and what has."""

import asyncio
from dataclasses import dataclass, field

from harness.backend.upstream import HOLD_S_MAX
from harness.clients.exchange import Reply
from harness.errors import UnavailableError
from harness.probing.judge import Aspect, counted, expect, judge
from harness.rule.policy import Policy
from harness.stages.exploration_stats import Discrepancy
from harness.stages.faults import OUTCOMES, RequestPlan
from harness.stages.stack import Replica
from harness.stages.steps import Version
from harness.sut.observation import Probe, Row


@dataclass(slots=True)
class PendingRequest:
    """One request, the replica that has it, and, once it has ended, what must have become of it."""

    plan: RequestPlan
    probe: Probe
    replica: Replica
    version: Version
    reply: Reply | None = None
    rows: int = 0
    kept: bool = True
    """Whether the column is still the one that its value went into; one rolled back takes its values with it."""
    why: str = ""
    """Why it leaves no row; empty when it leaves one."""

    def __str__(self) -> str:
        """The request in one line."""
        how = "streaming" if self.plan.streams else "not streaming"
        return f"{self.plan.extension} extension, {how}, served by `{self.version}`; fault: {self.plan.fault}"


@dataclass(slots=True)
class HeldBatch:
    """Requests held together at one gate."""

    gate: str
    replica: Replica
    requests: list[PendingRequest] = field(default_factory=list)
    replies: list[asyncio.Task[Reply]] = field(default_factory=list)
    """Of the requests whose client stays, in their order."""
    disconnecting: list[asyncio.Task[None]] = field(default_factory=list)
    """Of the clients that leave: a task that is cancelled closes its connection."""


def discrepancy(request: PendingRequest, rows: tuple[Row, ...], policy: Policy) -> Discrepancy | None:
    """What is wrong with the reply or the rows of a request; None when nothing is."""
    status = OUTCOMES[request.plan.fault].status
    if request.reply is not None and request.reply.status != status:
        reason = f" ({request.reply.reason})" if request.reply.reason else ""
        return Discrepancy(str(request), f"the reply is {request.reply.status}{reason}, expected {status}")
    served_by = (
        request.version if request.kept else Version.BEFORE
    )  # a column that is dropped takes its values along
    expected = expect(request.probe, str(served_by), policy)._replace(pairs=request.rows)
    for difference in judge(rows, expected):
        if difference.row is None:
            because = f", because {request.why}" if request.why else ""
            return Discrepancy(str(request), f"{counted(rows)} rows, expected {request.rows}{because}")
        stored = difference.row.user if difference.kind is Aspect.USER else difference.row.value
        return Discrepancy(str(request), f"stored {stored!r}, expected {difference.expected[0]!r}")
    return None


async def open_to_disconnect(request: PendingRequest) -> asyncio.Task[None]:
    """A request whose client will leave: sent, and read as far as the first chunk if it is held mid-stream."""
    begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    reading = asyncio.create_task(_read(request, begun))
    if request.plan.hold_point == "hold_middle":
        await asyncio.wait({reading, begun}, timeout=HOLD_S_MAX, return_when=asyncio.FIRST_COMPLETED)
        if not begun.done():
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            raise UnavailableError("a replica ended a stream that the upstream holds open")
    return reading


async def _read(request: PendingRequest, begun: asyncio.Future[None]) -> None:
    """Reads the reply until it ends or the task is cancelled; `begun` is done with its first chunk."""
    from harness.clients import http  # httpx: only where clients are to leave

    sending = http.chunks(request.replica.address, request.probe.request, timeout_s=HOLD_S_MAX)
    async with sending as chunks:
        async for _ in chunks:
            if not begun.done():
                begun.set_result(None)
