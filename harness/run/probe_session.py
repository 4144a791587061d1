"""Requests go to a target beside their controls, and each is matched with its rows and judged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness.checks.gate import TargetJudge
from harness.probing.record import ProbeRecord
from harness.probing.run import ProbeRun, SentProbes
from harness.sut.external import Sending
from harness.sut.foreign_rows import ForeignRows, our_clock
from harness.sut.observation import Exchange, Probe, ProbeGroup, Row
from harness.sut.rows import FoundRows, RowKey

AT_END_S: Final = 10.0
"""Beside the time for rows, what is left for the end of a run."""


@dataclass(slots=True)
class ProbeSession:
    """Who sends, who reads and who judges. Raises DatabaseUnavailableError when the database goes away."""

    sending: Sending
    rows: ForeignRows
    judge: TargetJudge
    halves_before: frozenset[str | None] = frozenset()
    """Usage rows of the signed-in user that had no metadata when the suite began: of somebody else, or another run."""
    began: datetime = field(default_factory=our_clock)
    record: ProbeRecord = field(init=False)
    """What was asked and seen so far."""
    run: ProbeRun = field(init=False)

    def __post_init__(self) -> None:
        """What is sent is entered in the judge's record."""
        self.record = self.judge.record
        self.run = ProbeRun(self.sending, self.rows, self.record, self.judge.compare, self.judge.match)

    async def send(self, probe_groups: Sequence[ProbeGroup]) -> SentProbes:
        """Sends requests and compares replies; rows are not looked for yet."""
        return await self.run.send(probe_groups)

    async def send_over_http2(self, probes: Sequence[Probe]) -> SentProbes:
        """The same over HTTP/2; without answers where the target does not offer it."""
        since = our_clock()
        exchanges = await self.sending.send_over_http2(probes)
        self.record.plan([exchange.probe for exchange in exchanges])
        for exchange in exchanges:
            self.record.enter(exchange)
            self.judge.compare(exchange)
        return SentProbes(tuple(exchanges), since)

    async def match_rows(
        self, sent_probes: SentProbes, wait_s: float | None = None
    ) -> dict[int, tuple[Row, ...]]:
        """Waits for rows and judges them; by their request's number."""
        found = await self.run.read(sent_probes, wait_s)
        answers = list(zip(sent_probes.exchanges, found, strict=True))
        for answer in answers:
            self.judge.match(*answer)
        return {exchange.probe.number: rows for exchange, rows in answers}

    async def look_at_both_sides(
        self, exchanges: Sequence[Exchange], values: Sequence[str] = (), users: Sequence[str] = ()
    ) -> tuple[FoundRows, list[tuple[Row, ...]]]:
        """Rows of these answers from both tables, whole or not; what holds one of the values, what is of a user."""
        keys = [self.rows.key_of(exchange) for exchange in exchanges]
        of_users = [RowKey(None, user) for user in users]
        found = await self.rows.both_sides([*keys, *of_users], self.began, values)
        return found, [found.of(key) for key in keys]

    async def usage_halves(self, user: str) -> list[Row]:
        """Usage rows of a user without metadata, those of the last minutes before the run among them."""
        found = await self.rows.both_sides([RowKey(None, user)], self.began)
        return [row for row in found.by_user.get(user, ()) if row.metadata_id is None]
