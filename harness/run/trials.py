"""The trials of the self-test: each defect and each harmless variant of the catalogues, and how it is judged.

Backends are judged by the gate, through URL and database alone; migrations by the laboratory; plans by going their
own order. Knows nothing of how many run at once, nor of reports.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from psycopg import sql

from harness import plan
from harness.backend import defects as backends
from harness.backend.builds import AFTER, BEFORE, Build
from harness.backend.serve import ReplicaConfig, replica
from harness.checks.registry import run_checks
from harness.clients.extension import FREE_MODEL
from harness.data import sql_text
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.database.server import Server
from harness.rehearsal import defects as migrations
from harness.rehearsal.deployed.model import Deployed
from harness.rehearsal.layouts import Layout
from harness.rehearsal.migrated_schema import migrate_and_read, migrate_as_laid_out
from harness.rehearsal.migrated_traffic import observe_build_locks
from harness.rehearsal.table import filled
from harness.rule.suite import Level
from harness.run.deployed import DEPLOYED, DEPLOYED_MORE, judge_deployed, judge_more
from harness.run.gate import judge_target
from harness.run.options.gate import GateOptions
from harness.run.orders import PLAN_CLAIMS, prove_orders, scope_of
from harness.stages import defects as plans
from harness.stages.defects import PlanDefect
from harness.stages.environment import Stack
from harness.verdict import Judgement, Results

LOCKS: Final = "M6"
"""The claim that needs the build to be held; the other claims of a migration are judged on what it leaves."""
MIGRATION_CLAIMS: Final = ("M1", "M2", "M3", "M4", "M5", "M6", "M7")
ROWS: Final = 1000
LEVELS: Final = (Level.SMOKE, Level.STANDARD)
"""From the cheapest on."""
AT_LENGTH: Final = frozenset({"after", "ascii-word", "late-rows", "counts-down", "other-words"})
"""Harmless builds that are judged at the last level: only many requests could make a fault of what they do."""
WAIT_ROWS_S: Final = 2.0
"""Rows of the reference come at once, but for those of a build that is late."""

SERVING: Final = frozenset({"partial-index"})
"""Not what the migration declares, yet each look-up by a value can use it: the gate only remarks on it."""
Judgements = tuple[Judgement, ...]


@dataclass(frozen=True, slots=True)
class TrialServers:
    """What all trials share."""

    server: Server
    stack: Stack


Attempt = Callable[[TrialServers], Awaitable[Judgements]]
"""One way of judging."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One defect with the claim meant for it, or one harmless variant."""

    name: str
    words: str
    meant: str
    """Id of the claim; empty for a variant."""
    attempts: tuple[tuple[str, Attempt], ...]
    """Ways of judging it, each with its level, the cheapest first: the next is tried when one has not refuted."""
    unknown: str = ""
    """Id of the claim that must stay unknown, because rows are hidden from whoever judges."""


def trials() -> Iterator[Trial]:
    """Every trial; those that take longest come first."""
    for one in (*plans.DEFECTS, *plans.VARIANTS):
        yield Trial(f"plan {one.name}", one.summary, one.claim, (("", _plan(one)),))
    for build in (AFTER, *backends.VARIANTS):
        level = LEVELS[-1] if build.name in AT_LENGTH else LEVELS[0]
        yield Trial(f"backend {build.name}", build.summary, "", ((str(level), _backend(build, level)),))
    for defect in backends.DEFECTS:
        attempts = tuple((str(level), _backend(defect.build, level, defect.version)) for level in LEVELS)
        yield Trial(f"backend {defect.build.name}", defect.build.summary, defect.claim, attempts)
    yield Trial("backend before", BEFORE.summary, "V1", ((LEVELS[0], _backend(BEFORE, LEVELS[0])),))
    for faulty in migrations.DEFECTS:
        judged = _migration(faulty.layout, locks=faulty.claim == LOCKS)
        yield Trial(f"migration {faulty.name}", faulty.summary, faulty.claim, (("", judged),))
        if faulty.claim in DEPLOYED and faulty.name not in SERVING:
            attempt = (("", _deployed(faulty.layout)),)
            yield Trial(f"deployed {faulty.name}", faulty.summary, faulty.claim, attempt)
    for more in DEPLOYED_MORE:
        yield Trial(
            f"deployed {more.name}", more.summary, more.claim, (("", _deployed_more(more)),), more.unknown
        )
    for layout in migrations.HARMLESS:
        attempt = (("", _migration(layout, locks=True)),)
        yield Trial(f"migration {layout.name}", layout.summary, "", attempt)


def _plan(faulty: PlanDefect) -> Attempt:
    """The plan's own order on real servers."""

    async def attempt(servers: TrialServers) -> Judgements:
        results = Results(PLAN_CLAIMS)
        shared = replace(servers.stack, builds=faulty.builds, schema=faulty.schema)
        await prove_orders(
            results,
            shared,
            scope_of(Level.SMOKE, shared.templates.rollout, shared.model, faulty.order),
            seed=0,
        )
        return results.judgements()

    return attempt


def _backend(build: Build, level: Level, version: str = "after") -> Attempt:
    """A replica of the build, judged by the gate as somebody's deployed backend."""

    async def attempt(servers: TrialServers) -> Judgements:
        shared = servers.stack
        async with _database(shared.templates.database(SchemaState.READY)) as dsn:
            if build.prelude is not None:
                await asyncio.to_thread(_execute, dsn, sql.SQL(sql_text(build.prelude)).format())
            user = await shared.signed_in(dsn)
            config = ReplicaConfig(
                build.name,
                shared.policy,
                dsn,
                shared.upstream.origin,
                shared.secret,
                rollout=shared.rollout,
            )
            async with replica(config) as process:
                with tempfile.TemporaryDirectory() as folder:
                    options = GateOptions(
                        backend_url=process.origin,
                        database_url=dsn,
                        free_model=FREE_MODEL,
                        token=user.token,
                        email=user.email,
                        policy=shared.policy,
                        level=level,
                        build=version,
                        wait_rows_s=WAIT_ROWS_S,
                        journal=Path(folder) / "journal.jsonl",
                    )
                    report = await judge_target(options, lambda _: None)
        return report.judgements

    return attempt


def _migration(layout: Layout, *, locks: bool) -> Attempt:
    """The migration on a filled table, judged by what it leaves; with `locks` also by whom its build keeps out."""

    def judge(servers: TrialServers) -> Judgements:
        left_out = () if locks else (LOCKS,)
        known = (*plan.CLAIMS, *plan.MIGRATION_CLAIMS)
        chosen = [claim for claim in known if claim.id in MIGRATION_CLAIMS and claim.id not in left_out]
        results = Results(tuple(chosen))
        templates = servers.stack.templates
        with filled(servers.server, templates, ROWS) as name, servers.server.database(name) as dsn:
            run_checks(results, [migrate_and_read(dsn, layout)])
        if locks:
            run_checks(results, [observe_build_locks(templates, layout)])
        return results.judgements()

    async def attempt(servers: TrialServers) -> Judgements:
        return await asyncio.to_thread(judge, servers)

    return attempt


def _deployed(layout: Layout) -> Attempt:
    """A database that a migration has left, judged by the gate's look at it."""

    def judge(servers: TrialServers) -> Judgements:
        with servers.stack.templates.database(SchemaState.BASE) as dsn:
            migrate_as_laid_out(dsn, layout)
            return judge_deployed(dsn, DEPLOYED)

    async def attempt(servers: TrialServers) -> Judgements:
        return await asyncio.to_thread(judge, servers)

    return attempt


def _deployed_more(more: Deployed) -> Attempt:
    """A migrated database with something more in it."""

    async def attempt(servers: TrialServers) -> Judgements:
        return await asyncio.to_thread(judge_more, servers.stack.templates, more)

    return attempt


@asynccontextmanager
async def _database(database: AbstractContextManager[str]) -> AsyncIterator[str]:
    dsn = await asyncio.to_thread(database.__enter__)
    try:
        yield dsn
    finally:
        await asyncio.to_thread(database.__exit__, None, None, None)


def _execute(dsn: str, statement: sql.Composed) -> None:
    with connect(dsn) as connection:
        connection.execute(statement)
