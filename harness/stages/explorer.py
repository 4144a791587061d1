"""Does a program's actions on a stand, and says at the end which requests did not leave the rows they should.

Requests may be held open across any other action. Whatever has ended is accounted for or given up before the next
action begins: which state of the schema it met is then certain. Knows nothing of how actions are chosen.
"""

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Self

from harness import plan
from harness.backend.serve import APPLICATION
from harness.clients import wire
from harness.clients.exchange import Reply
from harness.clients.extension import Auth, ExtensionBuild
from harness.data import sql_text
from harness.rule.policy import POLICIES
from harness.stages.cases import Case, Discrepancy, Group, discrepancy, open_to_leave
from harness.stages.itinerary import Crossing
from harness.stages.matrix import SignedIn, header_kinds, probe
from harness.stages.mishaps import OUTCOMES, Errand, rows_of
from harness.stages.model import StandUp, Step, after
from harness.stages.passage import HELD_TIMEOUT_S, await_held, release
from harness.stages.program import Action, Kind
from harness.stages.stack import POLL_S, Replica
from harness.stages.stage import TO_VERSION, Stand
from harness.sut import Row

QUIET_S_MAX: Final = 5.0
LEAVE_S_MAX: Final = 5.0
EVERY: Final = 1000


class Explorer:
    """Does actions on a stand; ask `discrepancies` at the end, which ends its replicas. Create with `on`."""

    def __init__(
        self,
        standing: Stand,
        signed_in: SignedIn,
        origin: Iterator[str],
        since: datetime,
        before: tuple[int, int],
    ) -> None:
        self._standing = standing
        self._before = before
        self._signed_in = signed_in
        self._origin = origin
        self._since = since
        self._kinds = header_kinds()
        self._aborts: dict[int, int] = {}
        self._lost: dict[int, int] = {}
        self._settled: set[str] = set()
        self._counter = 0
        self.groups: list[Group] = []
        self.cases: list[Case] = []

    @classmethod
    async def on(cls, standing: Stand, origin: Iterator[str]) -> Self:
        """Makes the stand's database ready for faults."""
        text = sql_text("faults/insert_fault.sql")
        await standing.connection.execute(text.encode(), prepare=False)
        signed_in = await standing.stack.signed_in(standing.dsn)
        return cls(standing, signed_in, origin, await standing.now(), await standing.totals())

    @property
    def here(self) -> StandUp:
        """Where the stand is."""
        return self._standing.stand_up

    async def do(self, action: Action) -> None:
        """Does one action. Raises UsageError for a step that is not legal here, StepRefused for one refused."""
        replica = self._standing.replicas[action.replica]
        if action.kind is Kind.STEP:
            assert action.step is not None
            end = StandUp(after(self.here.stage, action.step), action.half_way)
            await self._cross(Crossing(self.here, action.step, end))
        elif action.kind is Kind.SEND:
            await self._send(replica, action.errands)
        elif action.kind is Kind.HOLD:
            self.groups.append(await self._hold(replica, action.errands))
        elif action.kind is Kind.RELEASE and self.groups:
            group = self.groups.pop(action.group % len(self.groups))
            await self._release(group, kill_one=action.kill_one)
        elif action.kind is Kind.KILL:
            await self._kill(EVERY)
        await self._quiet()

    async def discrepancies(self) -> tuple[Discrepancy, ...]:
        """Lets everything end, drains the replicas, and compares every row of every user with what must be there."""
        while self.groups:
            await self._release(self.groups.pop())
        await self._quiet()
        await self._standing.drain()
        found = await self._rows(self.cases)
        policy = POLICIES[self._standing.stack.policy]
        wrong = [discrepancy(case, rows, policy) for case, rows in zip(self.cases, found, strict=True)]
        usage, metadata = await self._standing.totals()
        new = (usage - self._before[0], metadata - self._before[1])
        expected = sum(case.rows for case in self.cases)
        if new != (expected, expected):
            wrong.append(
                Discrepancy("all users together", f"{new[0]} and {new[1]} rows, expected {expected} of each")
            )
        return tuple(one for one in wrong if one is not None)

    async def close(self) -> None:
        """Lets go of whoever is still held; for an exploration that broke off."""
        for group in self.groups:
            await release(self._standing, group.gate)
            for writer in group.leavers:
                writer.transport.abort()
            await asyncio.gather(*group.replies, return_exceptions=True)

    async def _cross(self, crossing: Crossing) -> None:
        if crossing.step not in TO_VERSION:
            await self._standing.cross(crossing)
            if crossing.step is Step.ROLL_BACK_COLUMN:
                for case in self.cases:
                    case.kept = False
            return
        old = self._standing.replicas[TO_VERSION[crossing.step][0]]

        async def draining() -> None:
            own = [group for group in self.groups if group.replica is old]
            self.groups = [group for group in self.groups if group.replica is not old]
            for group in own:
                await self._release(group)

        await self._standing.cross(crossing, draining)

    async def _send(self, replica: Replica, errands: Sequence[Errand]) -> None:
        cases = [await self._case(replica, one, None) for one in errands]
        replies = await asyncio.gather(*(wire.send(replica.address, case.probe.request) for case in cases))
        for case, reply in zip(cases, replies, strict=True):
            self._end(case, reply)

    async def _hold(self, replica: Replica, errands: Sequence[Errand]) -> Group:
        group = Group(secrets.token_hex(8), replica)
        for one in errands:
            case = await self._case(replica, one, group.gate)
            group.cases.append(case)
            if OUTCOMES[one.mishap].leaves:
                group.leavers.append(await open_to_leave(case))
            else:
                sending = wire.send(replica.address, case.probe.request, timeout_s=HELD_TIMEOUT_S)
                group.replies.append(asyncio.create_task(sending))
        await await_held(self._standing, group.gate, len(group.leavers), group.replies)
        return group

    async def _release(self, group: Group, *, kill_one: bool = False) -> None:
        await self._leave(group)
        await release(self._standing, group.gate)
        if kill_one and all(OUTCOMES[case.errand.mishap].fails < 2 for case in group.cases):
            await self._kill(1)  # one more failure for one of them: a third would lose its row
        replies = iter(await asyncio.gather(*group.replies))
        for case in group.cases:
            self._end(case, None if OUTCOMES[case.errand.mishap].leaves else next(replies))

    async def _leave(self, group: Group) -> None:
        """Those who leave do so, and the replica has noticed before the gate opens."""
        told = self._aborts.get(id(group.replica), 0) + len(group.leavers)
        self._aborts[id(group.replica)] = told
        for writer in group.leavers:
            writer.transport.abort()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LEAVE_S_MAX
        while loop.time() < deadline:
            if group.replica.process.aborts() >= told:
                return
            await asyncio.sleep(POLL_S)  # the replica tells it by a pipe; bounded by the deadline

    async def _kill(self, most: int) -> None:
        values = {"name": APPLICATION, "most": most}
        await self._standing.connection.execute(sql_text("faults/terminate.sql").encode(), values)

    async def _case(self, replica: Replica, errand: Errand, gate: str | None) -> Case:
        outcome = OUTCOMES[errand.mishap]
        kind = "valid" if errand.extension is ExtensionBuild.AFTER else "none"
        stub = dict(outcome.stub) | ({errand.place: gate} if gate else {})
        asked = probe(
            self._signed_in,
            next(self._origin),
            errand.extension,
            Auth.ANONYMOUS,
            kind=kind,
            lines=self._kinds[kind],
            stream=errand.streams,
            stub=stub or None,
        )
        if outcome.fails:
            await self._fail(asked.user, outcome.fails)
        return Case(errand, asked, replica, replica.version)

    async def _fail(self, user: str, times: int) -> None:
        self._counter += 1
        name = f"harness_insert_fault_{self._counter}"
        await self._standing.connection.execute(f"CREATE SEQUENCE {name}".encode(), prepare=False)
        await self._standing.connection.execute(
            "INSERT INTO harness_insert_fault VALUES (%s, %s, %s)", (user, times, name)
        )

    def _end(self, case: Case, reply: Reply | None) -> None:
        """The request has ended, and is accounted for in the schema as it is now."""
        case.reply = reply
        case.rows, case.why = rows_of(case.errand.mishap, case.version, self.here.stage.schema)
        if OUTCOMES[case.errand.mishap].rows != case.rows or OUTCOMES[case.errand.mishap].fails > 2:
            self._lost[id(case.replica)] = self._lost.get(id(case.replica), 0) + 1
        self.cases.append(case)

    async def _quiet(self) -> None:
        """Waits until every request that has ended has its row, or has been given up, at most `QUIET_S_MAX`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + QUIET_S_MAX
        while loop.time() < deadline:
            waiting = [case for case in self.cases if case.rows and case.probe.user not in self._settled]
            found = await self._rows(waiting)
            self._settled |= {
                case.probe.user
                for case, rows in zip(waiting, found, strict=True)
                if any(row.whole for row in rows)
            }
            given_up = all(
                len(one.process.losses()) >= self._lost.get(id(one), 0) for one in self._standing.replicas
            )
            if given_up and all(case.probe.user in self._settled for case in waiting):
                return
            await asyncio.sleep(POLL_S)  # rows come some time after the reply; bounded by the deadline

    async def _rows(self, cases: Sequence[Case]) -> list[tuple[Row, ...]]:
        """By user, since each request has one of its own: some replies have no id."""
        values = {
            "column": plan.COLUMN,
            "user_ids": [case.probe.user for case in cases],
            "since": self._since,
        }
        query = sql_text("queries/rows_of_users.sql").encode()
        found: dict[str, list[Row]] = {}
        for usage, user, metadata, message, value in await (
            await self._standing.connection.execute(query, values)
        ).fetchall():
            row = Row(str(usage), user, metadata and str(metadata), message, value)
            found.setdefault(user, []).append(row)
        return [tuple(found.get(case.probe.user, ())) for case in cases]
