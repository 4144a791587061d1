"""Looks for the rows of requests that have been answered, and judges them by the gate's own checks.

Rows are read from the database, never taken from what the proxy says of itself; a row that is not there after a
while is missing. Knows no HTTP.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from harness import plan
from harness.backend.usage import MISSING_ID
from harness.checks.requests import judge_rows
from harness.clients.exchange import Outcome, Reply, Request
from harness.clients.extension import Auth, ExtensionBuild
from harness.probing.judge import expect
from harness.rule.policy import Policy
from harness.run.live.logbook import Due, Entry, Logbook, State
from harness.sut import Observation, Probe, Row, Rows
from harness.verdict import Results

POLL_S: Final = 0.01
SETTLE_S: Final = 1.0
"""How long a second row is looked for after the first."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """An answered request whose rows are looked for."""

    number: int
    identity: str
    """The upstream id that its client saw."""
    due: Due
    since: datetime
    started: float
    """When it came, on the monotonic clock, seconds."""
    answered: float = field(default_factory=time.monotonic)
    seen: float | None = None
    """When its row was first seen."""


@dataclass(slots=True)
class RowWatch:
    """Completes entries with their rows."""

    book: Logbook
    policy: Policy
    served_by: str
    """The backend version that answers: `before` or `after`."""
    wait_s: float
    """A row that is not there so long after the reply is missing."""
    stamp: datetime
    """The database's clock at the last look, or before."""
    _awaited: dict[int, Awaited] = field(default_factory=dict)
    _missing: dict[int, Awaited] = field(default_factory=dict)
    _claimed: dict[str, int] = field(default_factory=dict)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: bool = False

    def expect(self, awaited: Awaited) -> None:
        """Looks for the rows of a request from now on."""
        self._awaited[awaited.number] = awaited
        self._woken.set()

    def give_up(self, number: int, why: str) -> None:
        """Notes that a request's rows have been given up, and why."""
        awaited = self._awaited.pop(number, None)
        if awaited is not None:
            self._lose(awaited, f"the backend gave its row up: {why}")

    async def run(self, rows: Rows) -> None:
        """Looks until it is stopped. Raises psycopg.Error when the database is away."""
        while not self._stopped:
            await self._woken.wait()
            settled = time.monotonic() - SETTLE_S
            due = [one for one in self._awaited.values() if one.seen is None or one.seen < settled]
            await self._look(rows, due)
            if not self._awaited and not self._stopped:
                self._woken.clear()
            await asyncio.sleep(POLL_S)  # nobody tells of a row that has come; nothing awaited: no look

    def stop(self) -> None:
        """Ends `run` after its present look."""
        self._stopped = True
        self._woken.set()

    async def finish(self, rows: Rows) -> None:
        """A last look once no row can come any more: what is not there is missing."""
        await self._look(rows, [*self._missing.values(), *self._awaited.values()])
        for awaited in [*self._awaited.values()]:
            if awaited.seen is None:
                self._lose(awaited, "no row when everything had ended")
        self._awaited.clear()

    async def _look(self, rows: Rows, looked: list[Awaited]) -> None:
        if not looked:
            return
        looked.sort(key=lambda awaited: awaited.number)
        stamp = await rows.now()
        observations = [self._observation(awaited) for awaited in looked]
        found = await rows.of(
            [seen.probe for seen in observations],
            [seen.reply for seen in observations],
            min(awaited.since for awaited in looked),
        )
        self.stamp = stamp
        for awaited, mine in zip(looked, found, strict=True):
            self._complete(awaited, self._own(awaited, mine))

    def _own(self, awaited: Awaited, found: Sequence[Row]) -> tuple[Row, ...]:
        """Its rows. A reply without an id names none: of its user's such rows, one that nobody has.

        Requests that go on at once cannot be told apart then, so each gets a row that suits it as long as one may come.
        """
        entry = self.book.find(awaited.number)
        if awaited.identity != MISSING_ID or entry is None:
            return tuple(found)
        probe = self._observation(awaited, entry.lines).probe
        expected = expect(probe, self.served_by, self.policy)
        free = [
            row
            for row in found
            if self._claimed.get(_identity(row), awaited.number) == awaited.number
            and row.user in (awaited.due.user, None)
        ]
        suits = [row for row in free if row.value in expected.values]
        settled = self._stopped or time.monotonic() - awaited.answered > SETTLE_S
        mine = (suits or (free if settled else []))[:1]
        self._claimed.update((_identity(row), awaited.number) for row in mine)
        return tuple(mine)

    def _complete(self, awaited: Awaited, rows: tuple[Row, ...]) -> None:
        now = time.monotonic()
        entry = self.book.find(awaited.number)
        if entry is None or awaited.seen is not None:
            self._awaited.pop(awaited.number, None)
        if entry is None:
            return
        if any(row.whole for row in rows):
            if rows != entry.rows:
                self.book.put(self._with_rows(entry, awaited, rows))
            if awaited.seen is None:
                self._missing.pop(awaited.number, None)
                self._awaited[awaited.number] = replace(awaited, seen=now)
        elif awaited.number in self._awaited and now - awaited.answered > self.wait_s:
            del self._awaited[awaited.number]
            self._lose(awaited, f"no row {self.wait_s:g} s after the reply", rows)

    def _with_rows(self, entry: Entry, awaited: Awaited, rows: tuple[Row, ...]) -> Entry:
        taken_ms = (time.monotonic() - awaited.started) * 1000
        return replace(
            entry,
            state=State.NULL if next(row.value for row in rows if row.whole) is None else State.STORED,
            rows=rows,
            row_ms=taken_ms if entry.row_ms is None else entry.row_ms,
            faults=self._faults(awaited, rows, entry),
            note="its row came late" if entry.state is State.LOST else entry.note,
        )

    def _lose(self, awaited: Awaited, why: str, rows: tuple[Row, ...] = ()) -> None:
        self._missing[awaited.number] = awaited
        entry = self.book.find(awaited.number)
        if entry is not None:
            faults = self._faults(awaited, rows, entry)
            self.book.put(replace(entry, state=State.LOST, rows=rows, faults=faults, note=why))

    def _faults(self, awaited: Awaited, rows: tuple[Row, ...], entry: Entry) -> tuple[str, ...]:
        """What the gate would refute with this request: claim and effect; what was seen before stays."""
        results = Results(plan.CLAIMS)
        seen = [self._observation(awaited, entry.lines, rows)]
        judge_rows(results, seen, self.policy)
        found = [finding for judgement in results.judgements() for finding in judgement.findings]
        told = [f"{finding.claim}: {finding.effect}" for finding in found]
        return tuple(dict.fromkeys([*entry.faults, *told]))

    def _observation(
        self, awaited: Awaited, lines: tuple[bytes, ...] = (), rows: tuple[Row, ...] = ()
    ) -> Observation:
        """The request as the checks take it; of its reply they need the id alone."""
        header = tuple((plan.HEADER.encode(), line) for line in lines)
        probe = Probe(
            request=Request(plan.ROUTES[0], header, b""),
            kind="as received",
            extension=ExtensionBuild.AFTER if lines else ExtensionBuild.BEFORE,
            auth=Auth.ANONYMOUS if awaited.due.anonymous else Auth.SIGNED_IN,
            stream=awaited.due.streamed,
            user=awaited.due.user,
            email=awaited.due.email,
            alone=False,
        )
        reply = Reply(Outcome.REPLY, 200, body=json.dumps({"id": awaited.identity}).encode())
        return Observation(probe, reply, rows, self.served_by, "serve", awaited.since)


def _identity(row: Row) -> str:
    return row.usage_id or row.metadata_id or ""
