"""One request of an exploration: what must become of it, and what has. Knows nothing of the actions around it."""

import asyncio
from dataclasses import dataclass, field

from harness.clients import wire
from harness.clients.exchange import Reply
from harness.errors import UnavailableError
from harness.rule.policy import Policy
from harness.stages.mishaps import OUTCOMES, Errand
from harness.stages.model import Version
from harness.stages.passage import HELD_TIMEOUT_S
from harness.stages.stack import Replica
from harness.sut import Probe, Row


@dataclass(slots=True)
class Case:
    """One request, who has it, and, once it has ended, what must have become of it."""

    errand: Errand
    probe: Probe
    replica: Replica
    version: Version
    reply: Reply | None = None
    rows: int = 0
    kept: bool = True
    """Whether the column is still the one that its value went into; one rolled back takes its values with it."""
    why: str = ""
    """Why it leaves no row; empty when it leaves one."""

    @property
    def words(self) -> str:
        """The request in one line."""
        how = "streaming" if self.errand.streams else "not streaming"
        who = f"{self.errand.extension} extension, {how}, served by `{self.version}`"
        return f"{who}; what goes wrong: {self.errand.mishap}"


@dataclass(slots=True)
class Group:
    """Requests held together at one gate."""

    gate: str
    replica: Replica
    cases: list[Case] = field(default_factory=list)
    replies: list[asyncio.Task[Reply]] = field(default_factory=list)
    """Of the cases whose client stays, in their order."""
    leavers: list[asyncio.StreamWriter] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A request that did not leave what the backend as it was would have left."""

    case: str
    effect: str


def discrepancy(case: Case, rows: tuple[Row, ...], policy: Policy) -> Discrepancy | None:
    """What is wrong with what a request left; None when nothing is."""
    status = OUTCOMES[case.errand.mishap].status
    if case.reply is not None and case.reply.status != status:
        reason = f" ({case.reply.reason})" if case.reply.reason else ""
        return Discrepancy(case.words, f"the reply is {case.reply.status}{reason}, expected {status}")
    if len(rows) != case.rows or not all(row.whole for row in rows):
        because = f", because {case.why}" if case.why else ""
        return Discrepancy(case.words, f"{len(rows)} rows, expected {case.rows}{because}")
    stored = case.version is Version.AFTER and case.kept
    value = policy.stored(case.probe.lines) if stored else None
    if any(row.value != value for row in rows):
        return Discrepancy(case.words, f"stored {rows[0].value!r}, expected {value!r}")
    return None


async def open_to_leave(case: Case) -> asyncio.StreamWriter:
    """A request whose client will leave: sent, and read as far as the first chunk if it is held mid-stream."""
    host, port = case.replica.address
    async with asyncio.timeout(HELD_TIMEOUT_S):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(wire.request_bytes(case.probe.request, f"{host}:{port}"))
        if case.errand.place == "hold_middle":
            try:
                await reader.readuntil(b"data:")
            except asyncio.IncompleteReadError:
                writer.transport.abort()
                raise UnavailableError("a replica ended a stream that the upstream holds open") from None
    return writer
