"""One run of the gate against a target, from the first request without the header to the last look for a row.

Each phase leaves what it could not see to the next; what is left at the end makes claims unknown. Knows neither the
command line nor reports.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from harness.checks.compatibility import ACCOUNTED, OLD_CLIENT
from harness.checks.gate_replies import is_rare
from harness.headers.suite import Level
from harness.run.gate_doubts import AT_END, look_for_doubles, look_for_missing, try_suspects
from harness.run.gate_suite import Asker, more_of_the_field, rounds
from harness.run.gate_target import understand
from harness.run.hearing import RETRIABLE, Heard, Hearing
from harness.run.progress import Say
from harness.target.asks import Ask, Round
from harness.verdict import Docket

BATCH: Final = 500
"""Requests sent before their rows are looked for, about."""
MISSING_MAX: Final = 200
"""With so many rows missing there is no need to go on."""
AGAIN_MAX: Final = 2
"""How often a request is sent again that gave no observation."""
AGAIN_SHARE: Final = 10
"""One in so many may need it; with more the target is not fit to be judged."""
BESIDE_AGAIN: Final = 4


@dataclass(slots=True)
class GateRun:
    """The phases, in their order; `run` fills the docket, `conclude` says what was not seen."""

    docket: Docket
    asker: Asker
    hearing: Hearing
    level: Level
    seed: int
    deadline: float
    """Event loop's clock: until then suspects are tried and rows waited for."""
    tell: Say
    claims: tuple[str, ...]
    """Those that requests are evidence for."""
    remarks: list[str] = field(default_factory=list)
    unsent: str = ""
    """Why a part of the suite was not sent; empty when all was."""

    async def run(self) -> None:
        """Judges what can be judged.

        Raises AwayError when the database goes away, CannotGoOnError where there is no point in going on.
        """
        hearing, asker = self.hearing, self.asker
        hearing.sending.reserve = AT_END
        self.remarks += await understand(hearing, asker)
        await self._send_suite()
        await self._send_again()
        hearing.sending.limits.deadline = self.deadline
        await try_suspects(hearing, asker, self.seed)
        await self._spend_rest()
        hearing.sending.reserve = 0
        await look_for_missing(hearing, asker)
        await look_for_doubles(hearing)

    def conclude(self, stopped: str | None) -> str | None:
        """Makes unknown whatever was not seen; `stopped` is why the run ended early. Why the suite is not complete."""
        hearing, docket = self.hearing, self.docket
        unsteady = hearing.ledger.unsteady()
        if unsteady is None and not is_rare(hearing.failed, hearing.sending.requests):
            unsteady = f"{hearing.failed:,} of {hearing.sending.requests:,} requests had no reply or a 5xx"
        if unsteady is not None:
            unsteady = f"the target is not steady: {unsteady}"
        reason = stopped or hearing.sending.stopped or (self.unsent and (unsteady or self.unsent)) or None
        for claim in self.claims if reason else ():
            docket.lack(claim, reason or "")
        for claim in (hearing.reply_claim, OLD_CLIENT) if unsteady else ():
            docket.lack(claim, unsteady or "")
        self._conclude_asks()
        if hearing.missing:
            told = f"{len(hearing.missing):,} requests have no row, and no later one was there to tell"
            docket.lack(ACCOUNTED, told)
        if hearing.repeated:
            docket.lack(ACCOUNTED, f"{len(hearing.repeated):,} ids were given to two replies each")
        return reason

    def _conclude_asks(self) -> None:
        hearing = self.hearing
        unseen: dict[str, list[Ask]] = {}
        for ask in hearing.open.values():
            for claim in hearing.judge.claims_of(ask):
                unseen.setdefault(claim, []).append(ask)
        for claim, asks in unseen.items():
            self.docket.lack(claim, f"not seen for {len(asks):,} requests: {hearing.reasons(asks)}")
        if hearing.uncompared:
            told = f"{len(hearing.uncompared):,} replies could not be compared with one without the header"
            self.docket.lack(hearing.reply_claim, told)

    async def _send_suite(self) -> None:
        hearing = self.hearing
        before: Heard | None = None
        for batch in _batches(rounds(self.asker, self.level, self.seed)):
            for each in batch:
                hearing.plan(each.asks)
            settling = asyncio.create_task(hearing.settle(before)) if before else None
            try:
                before = await hearing.hear(batch)
                if settling is not None:
                    await settling
            finally:
                if settling is not None:
                    settling.cancel()
                    await asyncio.gather(settling, return_exceptions=True)
            self.tell(f"{hearing.sending.requests:,} requests sent")
            if len(before.answers) < sum(len(each.asks) for each in batch):
                self.unsent = (
                    f"only {hearing.sending.requests:,} requests may be sent: the suite is not complete"
                )
            elif len(hearing.missing) > MISSING_MAX:
                self.unsent = f"{len(hearing.missing):,} requests have no row: the rest was not sent"
            elif 2 * len(hearing.unheard) > hearing.sending.requests:
                self.unsent = "most requests gave no observation: the rest was not sent"
            if self.unsent:
                break
        if before is not None:
            await hearing.settle(before)

    async def _send_again(self) -> None:
        """Repeats what had no reply, a 429 or a 5xx, as far as that is the exception."""
        hearing = self.hearing
        for _ in range(AGAIN_MAX):
            asks = [
                ask
                for number, ask in hearing.open.items()
                if number in hearing.unheard and hearing.unheard[number].status in RETRIABLE
            ]
            if not asks or hearing.sending.stopped or AGAIN_SHARE * len(asks) > hearing.sending.requests:
                return
            cells = dict.fromkeys(ask.cell for ask in asks)
            groups = [[ask for ask in asks if ask.cell == cell] for cell in cells]
            heard = await hearing.hear([each for group in groups for each in self._rounds_again(group)])
            await hearing.settle(heard)

    def _rounds_again(self, asks: Sequence[Ask]) -> Iterator[Round]:
        left = iter(asks)
        while some := list(islice(left, BESIDE_AGAIN)):
            again = [self.hearing.repeat(ask, self.asker.again(ask)) for ask in some]
            yield Round((*again, self.asker.control(some[0].probe.auth, some[0].probe.stream)))

    async def _spend_rest(self) -> None:
        """At the smallest level, what is left is spent on rows: one that is lost now and then shows in numbers only."""
        left = self.hearing.sending.left - AT_END
        if self.level is Level.SMOKE and left > 0 and not self.unsent:
            more = more_of_the_field(self.asker, left)
            self.hearing.plan(more.asks)
            await self.hearing.settle(await self.hearing.hear([more]))


def _batches(source: Iterator[Round]) -> Iterator[list[Round]]:
    batch: list[Round] = []
    for each in source:
        batch.append(each)
        if sum(len(one.asks) for one in batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
