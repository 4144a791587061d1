"""Looks for the rows of requests that have been answered, and judges them by the gate's own checks.

Rows are read from the database, never taken from what the proxy says of itself; a row that is not there after a
while is missing.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from harness import plan
from harness.backend.usage import MISSING_ID
from harness.checks.row_checks import judge_rows
from harness.polling import apoll_until
from harness.probing.judge import expect
from harness.rule.policy import Policy
from harness.run.live.request_log import LoggedRequest, RequestLog, State
from harness.run.live.row_claims import Claimant, RowClaims
from harness.sut.observation import Observation, Row
from harness.sut.rows import Rows, key_of
from harness.verdict import Results

POLL_S: Final = 0.01
LOOKS_S_MAX: Final = 3600.0
"""So long are rows looked for before it is asked anew whether any is pending."""
SECOND_ROW_S: Final = 1.0
"""How long a second row is looked for after the first."""


@dataclass(frozen=True, slots=True)
class PendingRow:
    """An answered request whose rows are looked for."""

    number: int
    observation: Observation
    """The request as the checks take it; its rows are still to come."""
    started: float
    """When it came, on the monotonic clock, seconds."""
    answered: float = field(default_factory=time.monotonic)
    seen: float | None = None
    """When its row was first seen."""

    @property
    def nameless(self) -> bool:
        """Whether its reply carries no id by which its rows could be found."""
        return self.observation.reply.upstream_id == MISSING_ID


@dataclass(slots=True)
class RowPoller:
    """Completes logged requests with their rows."""

    log: RequestLog
    policy: Policy
    wait_s: float
    """A row that is not there so long after the reply is missing."""
    stamp: datetime
    """The database's clock at the last look, or before."""
    _pending: dict[int, PendingRow] = field(default_factory=dict)
    _missing: dict[int, PendingRow] = field(default_factory=dict)
    _claims: RowClaims = field(default_factory=RowClaims)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: bool = False
    _ended: bool = False
    """Whether no further row can come."""

    def expect(self, pending: PendingRow) -> None:
        """Looks for the rows of a request from now on."""
        self._pending[pending.number] = pending
        self._woken.set()

    def give_up(self, number: int, why: str) -> None:
        """Notes that a request's rows have been given up, and why."""
        pending = self._pending.pop(number, None)
        if pending is not None:
            self._lose(pending, f"the backend gave its row up: {why}")

    async def run(self, rows: Rows) -> None:
        """Looks until it is stopped. Raises psycopg.Error when the database is away."""
        while not self._stopped:
            await self._woken.wait()  # nothing pending: no look
            await apoll_until(partial(self._look_at_due, rows), LOOKS_S_MAX, pause_s=POLL_S)

    async def _look_at_due(self, rows: Rows) -> bool:
        """One look; whether nothing is pending after it, or nothing is to be looked for any more."""
        # A row that came is not looked at again at once but when a second one has had its time; it shows twice.
        settled = time.monotonic() - SECOND_ROW_S
        due = [row for row in self._pending.values() if row.seen is None or row.seen < settled]
        await self._look(rows, due)
        if not self._pending and not self._stopped:
            self._woken.clear()
        return self._stopped or not self._pending

    def stop(self) -> None:
        """Ends `run` after its present look."""
        self._stopped = True
        self._woken.set()

    async def finish(self, rows: Rows) -> None:
        """A last look once no row can come any more: what is not there is missing."""
        self._ended = True
        await self._look(rows, [*self._missing.values(), *self._pending.values()])
        for pending in [*self._pending.values()]:
            if pending.seen is None:
                self._lose(pending, "no row when everything had ended")
        self._pending.clear()

    async def _look(self, rows: Rows, looked: list[PendingRow]) -> None:
        if not looked:
            return
        looked.sort(key=lambda pending: pending.number)
        observations = [pending.observation for pending in looked]
        stamp = await rows.now()
        found = await rows.of(
            [key_of(observation.probe, observation.reply) for observation in observations],
            min(observation.since for observation in observations),
        )
        self.stamp = stamp
        now = time.monotonic()
        overdue = {row.number for row in looked if self._ended or now - row.answered > self.wait_s}
        self._claim(looked, found, overdue)
        for pending, matched in zip(looked, found, strict=True):
            own = self._claims.of(pending.number, matched) if pending.nameless else matched
            self._complete(pending, tuple(own), overdue=pending.number in overdue)

    def _claim(
        self, looked: Sequence[PendingRow], found: Sequence[Sequence[Row]], overdue: Collection[int]
    ) -> None:
        """Gives the rows whose replies carry no id: such a reply matches all of them."""
        rows = next((rows for pending, rows in zip(looked, found, strict=True) if pending.nameless), ())
        free = self._claims.free(rows)
        if not free:
            return
        # Rows may also be of requests that were answered while the database was asked. A row is never there before
        # its request is expected: the backend begins to account when the reply is complete. Requests whose rows are
        # missing come last, or they would take, late as they are, what is another's.
        waiting = {pending.number: pending for pending in (*looked, *self._pending.values())}
        for number in self._missing:
            waiting.pop(number, None)
        claimants = [
            self._claimant(requests[number])
            for requests in (waiting, self._missing)
            for number in sorted(requests)
            if requests[number].nameless
        ]
        self._claims.give(claimants, free, overdue)

    def _claimant(self, pending: PendingRow) -> Claimant:
        probe = pending.observation.probe
        values = expect(probe, pending.observation.served_by, self.policy).values
        return Claimant(pending.number, probe.user, values)

    def _complete(self, pending: PendingRow, rows: tuple[Row, ...], *, overdue: bool) -> None:
        entry = self.log.find(pending.number)
        if entry is None or pending.seen is not None:
            self._pending.pop(pending.number, None)
        if entry is None:
            return
        if any(row.whole for row in rows):
            if rows != entry.rows:
                self.log.put(self._with_rows(entry, pending, rows))
            if pending.seen is None:
                self._missing.pop(pending.number, None)
                self._pending[pending.number] = replace(pending, seen=time.monotonic())
        elif pending.number in self._pending and overdue:
            del self._pending[pending.number]
            self._lose(pending, f"no row {self.wait_s:g} s after the reply", rows)

    def _with_rows(self, entry: LoggedRequest, pending: PendingRow, rows: tuple[Row, ...]) -> LoggedRequest:
        taken_ms = (time.monotonic() - pending.started) * 1000
        return replace(
            entry,
            state=State.NULL if next(row.value for row in rows if row.whole) is None else State.STORED,
            rows=rows,
            row_ms=taken_ms if entry.row_ms is None else entry.row_ms,
            faults=self._faults(entry, pending, rows),
            note="its row came late" if entry.state is State.LOST else entry.note,
        )

    def _lose(self, pending: PendingRow, why: str, rows: tuple[Row, ...] = ()) -> None:
        self._missing[pending.number] = pending
        entry = self.log.find(pending.number)
        if entry is not None:
            faults = self._faults(entry, pending, rows)
            self.log.put(replace(entry, state=State.LOST, rows=rows, faults=faults, note=why))

    def _faults(self, entry: LoggedRequest, pending: PendingRow, rows: tuple[Row, ...]) -> tuple[str, ...]:
        """What the gate would refute with this request: claim and effect; what was seen before stays."""
        results = Results(plan.CLAIMS)
        judge_rows(results, [replace(pending.observation, rows=rows)], self.policy)
        findings = [finding for judgement in results.judgements() for finding in judgement.findings]
        faults = [f"{finding.claim}: {finding.effect}" for finding in findings]
        return tuple(dict.fromkeys([*entry.faults, *faults]))
