"""Stands a stage up for real and takes steps in it: a database in its schema state, and replicas of its builds.

Knows how a step is done, not whether it is safe. Nothing of a stage outlives its context.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final, Self

import psycopg

from harness.backend.auth import issue_token
from harness.backend.serve import Process, ReplicaConfig, replica, upstream
from harness.clients.http import send_all
from harness.data import sql_text
from harness.database.migrations import SchemaState, migrate, rollback
from harness.database.templates import Templates
from harness.lab.halfway import LEAVES, FrozenBuild, HalfWay
from harness.rollout.matrix import SignedIn
from harness.rollout.model import Stage, Step, Version, after
from harness.target import Observation, Probe, Rows, Sender

WAIT_ROWS_S: Final = 1.0
TO_VERSION: Final = {
    Step.SWAP_1: (0, Version.AFTER),
    Step.SWAP_2: (1, Version.AFTER),
    Step.REVERT_1: (0, Version.BEFORE),
    Step.REVERT_2: (1, Version.BEFORE),
}
SCHEMA_CHANGES: Final = {
    Step.ADD_COLUMN: (migrate, SchemaState.COLUMN),
    Step.DROP_INVALID: (rollback, SchemaState.COLUMN),
    Step.ROLL_BACK_INDEX: (rollback, SchemaState.COLUMN),
    Step.ROLL_BACK_COLUMN: (rollback, SchemaState.BASE),
}


@dataclass(frozen=True, slots=True)
class Cast:
    """Which build plays which version; the reference's own unless a defect is being shown."""

    before: str = "before"
    after: str = "after"

    def plays(self, version: Version) -> str:
        """Name of the build that stands for the version."""
        return self.before if version is Version.BEFORE else self.after


@dataclass(frozen=True, slots=True)
class Stack:
    """What all stages of a run share: templates to clone, one upstream, one signing key, the rule, the cast."""

    templates: Templates
    upstream: Process
    policy: str
    cast: Cast
    secret: str

    async def signed_in(self, dsn: str) -> SignedIn:
        """The first user of the seeded database, with a token."""
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            query = sql_text("queries/first_user.sql").encode()
            found = await (await connection.execute(query)).fetchone()
        assert found is not None, "templates are seeded with users"
        return SignedIn(found[0], found[1], issue_token(found[0], self.secret))


@asynccontextmanager
async def stack(templates: Templates, policy: str, cast: Cast | None = None) -> AsyncIterator[Stack]:
    """The shared part of every stage, running."""
    async with upstream() as stub:
        yield Stack(templates, stub, policy, cast or Cast(), secrets.token_hex(32))


@dataclass(slots=True)
class Replica:
    """One running replica and the version it plays."""

    process: Process
    version: Version
    _open: AsyncExitStack

    async def stop(self) -> None:
        """Drains and ends it."""
        await self._open.aclose()


@dataclass(slots=True)
class Stand:
    """A stage that is standing. Create with `stand`."""

    stack: Stack
    stage: Stage
    dsn: str
    replicas: list[Replica] = field(default_factory=list)
    build: FrozenBuild | None = None
    wait: HalfWay = HalfWay.BEFORE_BUILD
    """The wait in which the next index build is held."""
    _lost: set[str] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        """Starts the replicas of the stage."""
        try:
            started = await asyncio.gather(*(self._start(version) for version in self.stage.replicas))
        except BaseException:
            await self._close_build()
            raise
        self.replicas.extend(started)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        """Ends the replicas, then whatever index build is still held."""
        await self.drain()
        await self._close_build()

    async def drain(self) -> None:
        """Ends the replicas; afterwards every request is accounted for or lost for good."""
        await asyncio.gather(*(one.stop() for one in self.replicas))
        self.lost()
        self.replicas.clear()

    async def take(self, step: Step) -> None:
        """Does the step and moves to the stage it leads to. Raises MisuseError when it is not legal here."""
        to = after(self.stage, step)
        if step in TO_VERSION:
            await self._swap(*TO_VERSION[step])
        elif step is Step.START_BUILD:
            self.build = await FrozenBuild(self.dsn, self.wait).__aenter__()
        elif step is Step.FINISH_BUILD:
            assert self.build is not None
            await self.build.finish()
            await self._close_build()
        elif step is Step.INTERRUPT_BUILD:
            assert self.build is not None
            await self.build.cancel()
            await self._close_build()
        elif step is not Step.RELEASE_EXTENSION:
            change, state = SCHEMA_CHANGES[step]
            await asyncio.to_thread(change, self.dsn, state)
        self.stage = to

    async def observe(self, probes: Sequence[Sequence[Probe]], send: Sender = send_all) -> list[Observation]:
        """Sends each replica its probes, all replicas at once, and returns every request with its reply and rows.

        Rows are waited for until they are there or given up, at most `WAIT_ROWS_S`; `settle` looks again.
        """
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            rows = Rows(connection)
            since = await rows.now()
            answers = await asyncio.gather(
                *(
                    send(one.process.origin, [probe.request for probe in mine])
                    for one, mine in zip(self.replicas, probes, strict=True)
                )
            )
            flat = [probe for mine in probes for probe in mine]
            replies = [reply for mine in answers for reply in mine]
            found = await rows.arrived(flat, replies, since, wait_s=WAIT_ROWS_S, lost=self.lost)
        served = [str(one.version) for one, mine in zip(self.replicas, probes, strict=True) for _ in mine]
        words = self.stage.words
        return [
            Observation(probe, reply, mine, version, words, since)
            for probe, reply, mine, version in zip(flat, replies, found, served, strict=True)
        ]

    async def settle(self, observations: Sequence[Observation]) -> list[Observation]:
        """Drains the replicas and reads all rows anew: nothing can come after it, so late and double rows are seen."""
        await self.drain()
        if not observations:
            return []
        since = min(seen.since for seen in observations)
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            rows = Rows(connection)
            found = await rows.of(
                [seen.probe for seen in observations], [seen.reply for seen in observations], since
            )
        return [replace(seen, rows=mine) for seen, mine in zip(observations, found, strict=True)]

    def lost(self) -> set[str]:
        """Upstream ids of requests whose rows a replica has given up."""
        for one in self.replicas:
            self._lost.update(loss.message_id for loss in one.process.losses())
        return self._lost

    async def totals(self) -> tuple[int, int]:
        """Usage rows and metadata rows of everybody; exact once the replicas are drained."""
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            found = await (await connection.execute(sql_text("queries/totals.sql").encode())).fetchone()
        assert found is not None
        return int(found[0]), int(found[1])

    async def _swap(self, number: int, version: Version) -> None:
        self.lost()
        await self.replicas[number].stop()
        self.lost()
        self.replicas[number] = await self._start(version)

    async def _start(self, version: Version) -> Replica:
        open_ = AsyncExitStack()
        config = ReplicaConfig(
            build=self.stack.cast.plays(version),
            policy=self.stack.policy,
            dsn=self.dsn,
            origin=self.stack.upstream.origin,
            secret=self.stack.secret,
        )
        process = await open_.enter_async_context(replica(config))
        return Replica(process, version, open_)

    async def _close_build(self) -> None:
        if self.build is not None:
            build, self.build = self.build, None
            await build.__aexit__(None, None, None)


@asynccontextmanager
async def stand(stack: Stack, stage: Stage, half_way: HalfWay | None = None) -> AsyncIterator[Stand]:
    """A stage on a database of its own, cloned for its schema state. `half_way` says how a half-way schema is so."""
    template = SchemaState.COLUMN if half_way else stage.schema
    with stack.templates.database(template) as dsn:
        standing = Stand(stack, stage, dsn)
        if half_way is not None and half_way in LEAVES:
            standing.build = await FrozenBuild(dsn, half_way).__aenter__()
        elif half_way is not None:
            wait = next(wait for wait, left in LEAVES.items() if left is half_way)
            async with FrozenBuild(dsn, wait) as build:
                await build.cancel()
        async with standing:
            yield standing
