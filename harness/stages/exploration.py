"""One exploration of a running environment: steps, requests with faults, requests held open across any other action.

At the end it says which requests did not leave the rows they should. Whatever has ended is accounted for or given up
before the next action begins: which state of the schema it met is then certain.
"""

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Self

from psycopg import sql

from harness.backend.serve import APPLICATION
from harness.backend.upstream import HOLD_S_MAX
from harness.clients import wire
from harness.clients.exchange import Reply
from harness.clients.extension import ExtensionBuild
from harness.clients.shape import PLAIN
from harness.data import sql_text
from harness.polling import apoll_until
from harness.probing.probe_factory import Caller
from harness.stages.environment import Environment
from harness.stages.exploration_stats import Discrepancy
from harness.stages.faults import OUTCOMES, RequestPlan, expected_rows
from harness.stages.matrix import header_kinds
from harness.stages.model import StageConfig
from harness.stages.paths import ConfigTransition
from harness.stages.pending import HeldBatch, PendingRequest, discrepancy, open_to_disconnect
from harness.stages.stack import Replica
from harness.stages.transitions import await_held, release
from harness.sut.observation import Row
from harness.sut.rows import RowKey

QUIET_S_MAX: Final = 5.0
QUIET_PAUSE_S_MAX: Final = 0.05
"""Between two looks for a row that may never come, as of a build that loses it: else each costs 700 queries."""
DISCONNECT_S_MAX: Final = 5.0
EVERY_SESSION: Final = 1000


class Exploration:
    """Actions on an environment, one after another; then `discrepancies`, once. Create with `on`."""

    def __init__(
        self,
        environment: Environment,
        caller: Caller,
        origin: Iterator[str],
        since: datetime,
        before: tuple[int, int],
    ) -> None:
        self._environment = environment
        self._before = before
        self._caller = caller
        self._origin = origin
        self._since = since
        self._kinds = header_kinds(caller)
        self._aborts: dict[int, int] = {}
        self._lost: dict[int, int] = {}
        self._settled: set[str] = set()
        self._insert_faults = 0
        self.held: list[HeldBatch] = []
        self.ended: list[PendingRequest] = []

    @classmethod
    async def on(cls, environment: Environment, origin: Iterator[str]) -> Self:
        """Makes the environment's database ready for faults."""
        main = environment.stack.rollout.tables.store.main
        text = sql.SQL(sql_text("faults/insert_fault.sql")).format(
            table=sql.Identifier(main.table), user=sql.Identifier(main.user or main.key)
        )
        await environment.connection.execute(text, prepare=False)
        caller = await environment.stack.caller(environment.dsn)
        return cls(environment, caller, origin, await environment.now(), await environment.totals())

    @property
    def config(self) -> StageConfig:
        """What the environment is now."""
        return self._environment.config

    async def take(self, transition: ConfigTransition) -> None:
        """Takes a step. Requests held at a replica that it replaces end while that drains. Raises StepRefused."""
        if transition.step.replica:
            old = self._environment.replicas[transition.step.replica - 1]
            await self._environment.apply(transition, lambda: self._release_all_of(old))
        else:
            await self._environment.apply(transition)
        if self.config.stage.model.drops_values(transition.step):
            for request in self.ended:
                request.kept = False
        await self._wait_for_rows()

    async def send(self, replica: int, plans: Sequence[RequestPlan]) -> None:
        """Sends requests to a replica, counted from 0, and waits for what becomes of them."""
        to = self._environment.replicas[replica]
        requests = [await self._prepare(to, plan_, None) for plan_ in plans]
        replies = await asyncio.gather(*(wire.send(to.address, each.probe.request) for each in requests))
        for request, reply in zip(requests, replies, strict=True):
            self._end(request, reply)
        await self._wait_for_rows()

    async def hold(self, replica: int, plans: Sequence[RequestPlan]) -> None:
        """Sends requests that are held at the upstream's gate until they are released, across other actions."""
        to = self._environment.replicas[replica]
        batch = HeldBatch(secrets.token_hex(8), to)
        for plan_ in plans:
            request = await self._prepare(to, plan_, batch.gate)
            batch.requests.append(request)
            if OUTCOMES[plan_.fault].disconnects:
                batch.disconnecting.append(await open_to_disconnect(request))
            else:
                sending = wire.send(to.address, request.probe.request, timeout_s=HOLD_S_MAX)
                batch.replies.append(asyncio.create_task(sending))
        await await_held(self._environment, batch.gate, len(batch.disconnecting), batch.replies)
        self.held.append(batch)
        await self._wait_for_rows()

    async def release(self, number: int = 0, *, kill_one: bool = False) -> None:
        """Releases one of the held batches, `number` modulo how many there are; clients that leave, leave first.

        With `kill_one`, one busy database session is killed while the requests are accounted for.
        """
        if self.held:
            await self._release(self.held.pop(number % len(self.held)), kill_one=kill_one)
        await self._wait_for_rows()

    async def kill(self) -> None:
        """Ends every database session of the replicas."""
        await self._kill(EVERY_SESSION)
        await self._wait_for_rows()

    async def discrepancies(self) -> tuple[Discrepancy, ...]:
        """Lets everything end, drains the replicas, and compares every row of every user with what must be there."""
        while self.held:
            await self._release(self.held.pop())
        await self._wait_for_rows()
        await self._environment.drain()
        rows_of = await self._rows(self.ended)
        policy = self._environment.stack.rule
        wrong = [
            discrepancy(request, rows, policy) for request, rows in zip(self.ended, rows_of, strict=True)
        ]
        usage, metadata = await self._environment.totals()
        new = (usage - self._before[0], metadata - self._before[1])
        expected = sum(request.rows for request in self.ended)
        if new != (expected, expected):
            wrong.append(
                Discrepancy("all users together", f"{new[0]} and {new[1]} rows, expected {expected} of each")
            )
        return tuple(each for each in wrong if each is not None)

    async def close(self) -> None:
        """Lets go of requests that are still held, where an exploration broke off."""
        for batch in self.held:
            await release(self._environment, batch.gate)
            for client in batch.disconnecting:
                client.cancel()
            await asyncio.gather(*batch.replies, *batch.disconnecting, return_exceptions=True)

    async def _release_all_of(self, replica: Replica) -> None:
        own = [batch for batch in self.held if batch.replica is replica]
        self.held = [batch for batch in self.held if batch.replica is not replica]
        for batch in own:
            await self._release(batch)

    async def _release(self, batch: HeldBatch, *, kill_one: bool = False) -> None:
        await self._disconnect(batch)
        await release(self._environment, batch.gate)
        if kill_one and all(OUTCOMES[request.plan.fault].fails < 2 for request in batch.requests):
            await self._kill(1)  # one more failure for one of them: a third would lose its row
        replies = iter(await asyncio.gather(*batch.replies))
        for request in batch.requests:
            self._end(request, None if OUTCOMES[request.plan.fault].disconnects else next(replies))

    async def _disconnect(self, batch: HeldBatch) -> None:
        """Clients that leave do so, and the replica has noticed before the gate opens."""
        aborts = self._aborts.get(id(batch.replica), 0) + len(batch.disconnecting)
        self._aborts[id(batch.replica)] = aborts
        for client in batch.disconnecting:
            client.cancel()
        await asyncio.gather(*batch.disconnecting, return_exceptions=True)

        async def has_noticed() -> bool:  # the replica reports it by a pipe
            return batch.replica.process.aborts() >= aborts

        await apoll_until(has_noticed, DISCONNECT_S_MAX)

    async def _kill(self, sessions_max: int) -> None:
        values = {"name": APPLICATION, "most": sessions_max}
        await self._environment.connection.execute(sql_text("faults/terminate.sql").encode(), values)

    async def _prepare(self, replica: Replica, plan_: RequestPlan, gate: str | None) -> PendingRequest:
        outcome = OUTCOMES[plan_.fault]
        kind = "valid" if plan_.extension is ExtensionBuild.AFTER else "none"
        stub = dict(outcome.stub) | ({plan_.hold_point: gate} if gate else {})
        to_send = self._caller.probe(
            self._kinds[kind],
            PLAIN._replace(stream=plan_.streams),
            address=next(self._origin),
            kind=kind,
            extension=plan_.extension,
            stub=stub or None,
        )
        if outcome.fails:
            await self._fail_inserts(to_send.user, outcome.fails)
        return PendingRequest(plan_, to_send, replica, replica.version)

    async def _fail_inserts(self, user: str, times: int) -> None:
        self._insert_faults += 1
        name = f"harness_insert_fault_{self._insert_faults}"
        await self._environment.connection.execute(f"CREATE SEQUENCE {name}".encode(), prepare=False)
        await self._environment.connection.execute(
            "INSERT INTO harness_insert_fault VALUES (%s, %s, %s)", (user, times, name)
        )

    def _end(self, request: PendingRequest, reply: Reply | None) -> None:
        """The request has ended, and is accounted for in the schema as it is now."""
        fault, outcome = request.plan.fault, OUTCOMES[request.plan.fault]
        request.reply = reply
        request.rows, request.why = expected_rows(fault, request.version, self.config.stage)
        if outcome.rows != request.rows or outcome.fails > 2:
            self._lost[id(request.replica)] = self._lost.get(id(request.replica), 0) + 1
        self.ended.append(request)

    async def _wait_for_rows(self) -> None:
        """Waits until every request that has ended has its row, or has been given up, at most `QUIET_S_MAX`."""
        await apoll_until(self._has_all_rows, QUIET_S_MAX, pause_s_max=QUIET_PAUSE_S_MAX)

    async def _has_all_rows(self) -> bool:
        waiting = [
            request for request in self.ended if request.rows and request.probe.user not in self._settled
        ]
        rows_of = await self._rows(waiting)
        self._settled |= {
            request.probe.user
            for request, rows in zip(waiting, rows_of, strict=True)
            if any(row.whole for row in rows)
        }
        given_up = all(
            len(replica.process.losses()) >= self._lost.get(id(replica), 0)
            for replica in self._environment.replicas
        )
        return given_up and all(request.probe.user in self._settled for request in waiting)

    async def _rows(self, requests: Sequence[PendingRequest]) -> list[tuple[Row, ...]]:
        """By user, since each request has one of its own: some replies have no id."""
        keys = [RowKey(None, request.probe.user) for request in requests]
        return await self._environment.rows.of(keys, self._since)
