"""What `harness prove` does: the rollout on real servers in the plan's order, and each claim judged on it."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from harness import plan
from harness.backend import serve
from harness.checks.compatibility import (
    judge_accounting,
    judge_old_clients,
    judge_old_rows,
    judge_replies,
    judge_totals,
    judge_users,
)
from harness.checks.migration import judge_rows_untouched
from harness.checks.validation import judge_values
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.headers.policy import POLICIES
from harness.headers.samples import sampled_sequences
from harness.headers.suite import Level
from harness.report.document import Report
from harness.rollout.matrix import addresses, matrix
from harness.rollout.model import START, Step, after
from harness.rollout.stage import Cast, Stack, stack, stand
from harness.run.headers import SAMPLES, prove_headers, prove_rule
from harness.run.progress import Busy, Say, silent
from harness.target import Observation
from harness.verdict import Docket

PLAN_ORDER: Final = (
    Step.ADD_COLUMN,
    Step.START_BUILD,
    Step.FINISH_BUILD,
    Step.SWAP_1,
    Step.SWAP_2,
    Step.RELEASE_EXTENSION,
)
"""The order of the plan's section "Deployment Order", with the migration first."""


@dataclass(frozen=True, slots=True)
class ProveOptions:
    """What the user asked for; the defaults are the command's."""

    level: Level = Level.STANDARD
    policy: str = "strict"
    postgres: str = "embedded"
    seed: int = 0
    cast: Cast = field(default_factory=Cast)
    command: str = "harness prove"


def prove(options: ProveOptions, say: Say, busy: Busy = silent) -> Report:
    """Runs the whole proof and returns the report; leaves nothing behind.

    Raises CannotRunError when the stack cannot be stood up.
    """
    started = time.monotonic()
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    lines = plan_lines()
    docket = Docket(plan.CLAIMS)
    serve.warm()
    with running_server(options.postgres) as server, Templates(server) as templates:
        name = f"Postgres {server.version} ({server.kind})"
        say(name)
        for line in lines:
            say(line)
        judge_rows_untouched(docket, templates)
        asyncio.run(_prove(options, docket, templates, busy))
    return Report(
        command=options.command,
        seed=options.seed,
        level=options.level,
        policy=options.policy,
        server=name,
        started=stamp,
        seconds=time.monotonic() - started,
        judgements=docket.judgements(),
        plan=lines,
    )


def plan_lines() -> tuple[str, ...]:
    """The stages of the plan's order as a numbered tree."""
    lines = [f"The plan's order, {len(PLAN_ORDER) + 1} stages:", f"1. {START.words}"]
    stage = START
    for number, step in enumerate(PLAN_ORDER, start=2):
        stage = after(stage, step)
        lines += [f"   {step}: {step.words}", f"{number}. {stage.words}"]
    return tuple(lines)


async def _prove(options: ProveOptions, docket: Docket, templates: Templates, busy: Busy) -> None:
    policy = POLICIES[options.policy]
    samples = sampled_sequences(policy, SAMPLES[options.level], options.seed)
    async with stack(templates, options.policy, options.cast) as shared:
        await _walk(options, docket, shared, busy)
        with busy("header rule against Node"):
            prove_rule(docket, policy, samples=samples)
        await prove_headers(docket, shared, options.level, samples, busy)


async def _walk(options: ProveOptions, docket: Docket, shared: Stack, busy: Busy) -> None:
    observations: list[Observation] = []
    origin = addresses()
    async with stand(shared, START) as standing:
        signed_in = await shared.signed_in(standing.dsn)
        rows_before = await standing.totals()
        for number, step in enumerate((None, *PLAN_ORDER), start=1):
            with busy(f"stage {number} of {len(PLAN_ORDER) + 1}: {step or 'as it was'}"):
                if step is not None:
                    await standing.take(step)
                thin = options.level is Level.SMOKE
                probes = [
                    matrix(signed_in, origin, released=standing.stage.extension_released, thin=thin)
                    for _ in standing.replicas
                ]
                observations += await standing.observe(probes)
        observations = await standing.settle(observations)
        rows_after = await standing.totals()
    judge_replies(docket, observations)
    judge_old_rows(docket, observations)
    judge_old_clients(docket, observations)
    judge_accounting(docket, observations)
    answered = sum(seen.reply.upstream_id is not None for seen in observations)
    judge_totals(docket, answered, rows_before, rows_after)
    judge_users(docket, observations)
    judge_values(docket, observations, POLICIES[options.policy])
