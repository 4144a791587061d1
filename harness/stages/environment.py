"""A stage that runs for real, and the steps taken on it: a database in its schema state, and replicas of its builds.

Nothing of a stage outlives its context.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self

import psycopg

from harness.backend.losses import Loss
from harness.clients import wire
from harness.clients.exchange import Reply, Request
from harness.database.relations import Relations
from harness.errors import UsageError
from harness.rehearsal.build_phase import LEFT_BEHIND_BY, BuildPhase
from harness.rehearsal.frozen_build import Connection, FrozenBuild
from harness.stages.model import Stage, StageConfig
from harness.stages.old_write import write_as_before
from harness.stages.paths import ConfigTransition, transitions_from
from harness.stages.schema import invalid_steps, refused
from harness.stages.stack import BuildPair as BuildPair
from harness.stages.stack import Replica as Replica
from harness.stages.stack import Stack as Stack
from harness.stages.stack import signed_in as signed_in
from harness.stages.stack import stack as stack
from harness.stages.stack import start_replica, until_closed
from harness.stages.steps import Step, StepAction, StepState, Version
from harness.sut.observation import Observation, Probe
from harness.sut.reference import WireSender, send_over_wire
from harness.sut.rows import Rows, key_of

WAIT_ROWS_S: Final = 1.0

Draining = Callable[[], Awaitable[object]]
"""Called when a replica that is being replaced accepts nothing more, and still has requests to end."""


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """A request that has ended, and the version that served it."""

    probe: Probe
    reply: Reply
    served_by: Version


@dataclass(slots=True)
class Environment:
    """A stage that runs for real. Create with `running_stage`."""

    stack: Stack
    config: StageConfig
    dsn: str
    connection: Connection
    replicas: list[Replica] = field(default_factory=list)
    rotation: set[int] = field(default_factory=set)
    """The replicas that get new requests, counted from 0; one that is being replaced gets none."""
    idle: list[Connection] = field(default_factory=list)
    """Further sessions, for index builds: one costs the server as much as a step."""
    build: FrozenBuild | None = None
    losses: dict[str, Loss] = field(default_factory=dict)
    """Rows that the replicas reported as given up, by upstream id."""

    @property
    def rows(self) -> Rows:
        """What reads the rows of requests."""
        return Rows(self.connection, self.stack.store)

    @property
    def stage(self) -> Stage:
        """The stage that it is in."""
        return self.config.stage

    async def __aenter__(self) -> Self:
        """Starts the replicas of the stage."""
        starting = (start_replica(self.stack, self.dsn, version) for version in self.stage.replicas)
        try:
            started = await asyncio.gather(*starting, return_exceptions=True)
            self.replicas.extend(each for each in started if isinstance(each, Replica))
            for each in started:
                if isinstance(each, BaseException):
                    raise each
        except BaseException:
            await self.__aexit__()
            raise
        self.rotation.update(range(len(started)))
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Ends the replicas, then whatever index build is still held."""
        await self.drain()
        await self._close_build()

    async def drain(self) -> None:
        """Ends the replicas; afterwards every request is accounted for or lost for good."""
        self.rotation.clear()
        await asyncio.gather(*(replica.stop() for replica in self.replicas))
        self.lost()
        self.replicas.clear()

    async def take(self, step: Step, draining: Draining | None = None) -> None:
        """Does the step, as `apply` does; an index build is held in the first of its waits."""
        # An illegal step leads nowhere: `apply` refuses it.
        nowhere = ConfigTransition(self.config, step, self.config)
        legal = (each for each in transitions_from(self.config) if each.step == step)
        await self.apply(next(legal, nowhere), draining)

    async def apply(self, transition: ConfigTransition, draining: Draining | None = None) -> None:
        """Does the step and moves to where it leads.

        Raises UsageError when it is not legal here, StepRefused when the server does not take it: the stage is
        then as it was.
        """
        step, end = transition.step, transition.end
        if transition not in transitions_from(self.config):
            raise UsageError(f"cannot {step} in stage ({self.stage})")
        match step.action:
            case StepAction.SWAP | StepAction.REVERT:
                version = Version.AFTER if step.action is StepAction.SWAP else Version.BEFORE
                await self._swap(step.replica - 1, version, draining)
            case StepAction.START:
                assert end.build_phase is not None
                self.build = await self.stack.schema.freeze(
                    self.dsn, end.stage, end.build_phase, idle=self.idle
                )
            case StepAction.FINISH | StepAction.INTERRUPT:
                await self._end_build(step)
            case StepAction.DO | StepAction.RECOVER | StepAction.TAKE_BACK:
                await self.stack.schema.take(self.stack.templates, self.dsn, self.stage, step)
        self.config = end

    async def observe(
        self, probes: Sequence[Sequence[Probe]], send: WireSender = send_over_wire
    ) -> list[Observation]:
        """Sends each replica its probes, all replicas at once; every request with its reply and its rows so far."""
        since = await self.now()
        replies = await asyncio.gather(
            *(
                send(replica.process.origin, [probe.request for probe in batch])
                for replica, batch in zip(self.replicas, probes, strict=True)
            )
        )
        sent = [
            ServedRequest(probe, reply, replica.version)
            for replica, batch, replies_to in zip(self.replicas, probes, replies, strict=True)
            for probe, reply in zip(batch, replies_to, strict=True)
        ]
        return await self.account(sent, since, str(self.stage))

    async def now(self) -> datetime:
        """The database's clock."""
        return await self.rows.now()

    async def account(
        self, sent: Sequence[ServedRequest], since: datetime, description: str
    ) -> list[Observation]:
        """The requests with their rows, waited for until they are there or given up, at most `WAIT_ROWS_S`.

        `description` is the circumstances; `settle` looks again.
        """
        keys = [key_of(each.probe, each.reply) for each in sent]
        rows = await self.rows.arrived(keys, since, wait_s=WAIT_ROWS_S, lost=self.lost)
        return [
            Observation(each.probe, each.reply, its_rows, str(each.served_by), description, since)
            for each, its_rows in zip(sent, rows, strict=True)
        ]

    async def final_rows(self, observations: Sequence[Observation]) -> list[Observation]:
        """Drains the replicas and reads all rows anew: nothing can come after it, so late and double rows are seen."""
        await self.drain()
        return await self.reread(observations)

    async def reread(self, observations: Sequence[Observation]) -> list[Observation]:
        """The same requests with their rows as they are now."""
        if not observations:
            return []
        since = min(observation.since for observation in observations)
        keys = [key_of(observation.probe, observation.reply) for observation in observations]
        rows = await self.rows.of(keys, since)
        return [replace(observation, rows=its) for observation, its in zip(observations, rows, strict=True)]

    def lost(self) -> set[str]:
        """Upstream ids of requests whose rows a replica has given up."""
        for replica in self.replicas:
            self.losses.update((loss.message_id, loss) for loss in replica.process.losses())
        return set(self.losses)

    async def totals(self) -> tuple[int, int]:
        """Usage rows and metadata rows of everybody; exact once the replicas are drained."""
        query = Relations(self.stack.rollout).filled("totals")
        cursor = await self.connection.execute(query)
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    async def _swap(self, number: int, version: Version, draining: Draining | None) -> None:
        """Takes the replica out of rotation, ends it in order, and starts its successor."""
        old = self.replicas[number]
        self.rotation.discard(number)
        # Connections are accepted in turn: once this one is answered, all that were made before are.
        await wire.send(old.address, Request("/", (), b"", method="GET"))
        stopping = asyncio.create_task(old.stop())
        try:
            await until_closed(old.address)
            if draining is not None:
                await draining()
        finally:
            await stopping
        self.lost()
        self.replicas[number] = await start_replica(self.stack, self.dsn, version)
        self.rotation.add(number)

    async def _end_build(self, step: Step) -> None:
        assert self.build is not None
        try:
            await (self.build.finish() if step.action is StepAction.FINISH else self.build.cancel())
        except psycopg.Error as error:
            raise refused(step, error) from error
        finally:
            await self._close_build()

    async def close_idle(self) -> None:
        """Closes the further sessions."""
        while self.idle:
            await self.idle.pop().close()

    async def _close_build(self) -> None:
        if self.build is not None:
            build, self.build = self.build, None
            await build.__aexit__(None, None, None)


@asynccontextmanager
async def running_stage(
    stack: Stack, stage: Stage, build_phase: BuildPhase | None = None
) -> AsyncIterator[Environment]:
    """A stage on a database of its own, cloned for its schema state; `build_phase` is that of its index build.

    Raises StepRefused when the schema cannot be brought there.
    """
    async with AsyncExitStack() as open_:
        dsn = await open_.enter_async_context(stack.schema.database(stack.templates, stage))
        connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
        await open_.enter_async_context(connection)
        environment = Environment(stack, StageConfig(stage, build_phase), dsn, connection)
        open_.push_async_callback(environment.close_idle)
        # Where old rows cannot be any more, as a column is NOT NULL, nothing was written before it became so.
        if StepState.STALE in stage.schema and not stage.model.expected.loses(stage.schema, Version.BEFORE):
            await write_as_before(stack, connection)
        for number in invalid_steps(stage):
            left_behind = build_phase if build_phase not in LEFT_BEHIND_BY else BuildPhase.INVALID_READY
            wait = next(wait for wait, left in LEFT_BEHIND_BY.items() if left is left_behind)
            build = await stack.schema.freeze(dsn, stage, wait, number, idle=environment.idle)
            await build.cancel()
            await build.__aexit__(None, None, None)
        if build_phase is not None and build_phase in LEFT_BEHIND_BY:
            environment.build = await stack.schema.freeze(dsn, stage, build_phase, idle=environment.idle)
        async with environment:
            yield environment
