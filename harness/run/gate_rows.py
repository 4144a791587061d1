"""Waits for rows of the gate's requests, and matches them: by the reply's id, or by a user whom nobody else has."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from harness.checks.gate import RowJudge
from harness.sut.contract import ContractRows, FoundRows, our_clock
from harness.sut.observation import Exchange, Probe, Row

POLL_S_MIN: Final = 0.02
POLL_S_MAX: Final = 0.3
WAIT_S_MIN: Final = 5.0
SLOWEST_TIMES: Final = 3
"""Unless told otherwise, rows are waited for so many times as long as the slowest has taken, at least so long."""
FAR_AFTER_S: Final = 2.5
"""After so long a clock that is hours off is thought of."""


@dataclass(slots=True)
class RowReader:
    """Looks at one database, and learns how long rows take there. Raises DatabaseUnavailableError."""

    contract: ContractRows
    judge: RowJudge
    """Knows whether addresses are overwritten: then no user tells a request."""
    given_wait_s: float | None
    """Longest time that rows need after a reply; None: a few times as long as they took so far."""
    slowest_s: float = 0.0
    """Longest time that a row was seen to take after its reply."""
    began: datetime = field(default_factory=our_clock)

    @property
    def wait_s(self) -> float:
        """How long rows are waited for before they count as missing."""
        if self.given_wait_s is not None:
            return self.given_wait_s
        return max(WAIT_S_MIN, SLOWEST_TIMES * self.slowest_s)

    async def wait(
        self,
        wanted: Sequence[Exchange],
        since: datetime,
        wait_s: float,
        *,
        first: bool = False,
        looked_for: Callable[[float], None] = lambda _: None,
    ) -> tuple[FoundRows, list[tuple[Row, ...]]]:
        """Looks until every reply with an id has a whole row, at most `wait_s`; what was found, and whose it is.

        `first`: until one of them has. `looked_for` is told at each look for how long, in seconds.
        """
        if not wanted:
            return FoundRows(), []
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        pause = POLL_S_MIN
        far_from = loop.time() + min(wait_s / 2, FAR_AFTER_S)
        late: set[int] = set()
        while True:
            looked = loop.time()
            found, matched = await self._look(wanted, since, far=looked > far_from)
            missing = {
                exchange.probe.number
                for exchange, rows in zip(wanted, matched, strict=True)
                if exchange.identity and not any(row.whole for row in rows)
            }
            came = [looked - exchange.at for exchange in wanted if exchange.probe.number in late - missing]
            self.slowest_s = max([self.slowest_s, *came])
            late = missing
            is_enough = any(row.whole for rows in matched for row in rows) if first else not missing
            if is_enough or loop.time() >= deadline:
                return found, matched
            looked_for(loop.time() - deadline + wait_s)
            await asyncio.sleep(
                max(pause, 2 * (loop.time() - looked))
            )  # rows come later; bounded by the deadline
            pause = min(2 * pause, POLL_S_MAX)

    async def look_at_both_sides(
        self, exchanges: Sequence[Exchange], values: Sequence[str] = ()
    ) -> tuple[FoundRows, list[tuple[Row, ...]]]:
        """Rows of these requests from both tables, whole or not; and whatever holds one of the values."""
        ids = [identity for exchange in exchanges if (identity := exchange.identity)]
        users = [user for exchange in exchanges if (user := self._user(exchange.probe))]
        found = await self.contract.both_sides(ids, users, values, self.began)
        return found, [self._matched(exchange, found) for exchange in exchanges]

    async def halves(self, user: str) -> list[Row]:
        """Usage rows of a user without metadata, those of the last minutes before the run among them."""
        found = await self.contract.both_sides((), (user,), (), self.began)
        return [row for row in found.by_user.get(user, ()) if row.metadata_id is None]

    async def _look(
        self, exchanges: Sequence[Exchange], since: datetime, *, far: bool
    ) -> tuple[FoundRows, list[tuple[Row, ...]]]:
        ids = [identity for exchange in exchanges if (identity := exchange.identity)]
        users = [user for exchange in exchanges if (user := self._user(exchange.probe))]
        found = await self.contract.find(ids, users, since, far=far)
        return found, [self._matched(exchange, found) for exchange in exchanges]

    def _matched(self, exchange: Exchange, found: FoundRows) -> tuple[Row, ...]:
        """By the id of the reply, and by the user where nobody else has his address."""
        identity, user = exchange.identity, self._user(exchange.probe)
        rows = list(found.by_id.get(identity, ())) if identity else []
        rows += [row for row in found.by_user.get(user, ()) if row not in rows] if user else []
        return tuple(rows)

    def _user(self, probe: Probe) -> str | None:
        return probe.user if probe.alone and not self.judge.overwritten else None
