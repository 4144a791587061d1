"""What `harness prove` does: the rollout on real servers in every order, and each claim judged on what was seen."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from harness import plan
from harness.backend import serve
from harness.checks.audit import audited, judge_audit
from harness.checks.order_evidence import OrdersEvidence
from harness.checks.registry import brought_claims
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.report.contents import Sections
from harness.report.document import JudgedBy, Report, harness_version
from harness.rule.policy import POLICIES, Policy
from harness.rule.samples import CaseSequence, sampled_sequences
from harness.rule.shard import WHOLE, Shard, Share
from harness.rule.suite import Level, size
from harness.run.audit import audit_sentences
from harness.run.extension import judge_extension
from harness.run.fuzzed_backend import ARRIVED
from harness.run.headers import SAMPLES, SentCounts, prove_headers, prove_rule
from harness.run.linkability import judge_linkability
from harness.run.migration import judge_migration
from harness.run.options.prove import ProveOptions
from harness.run.orders import prove_orders, scope_of
from harness.run.persons import judge_persons
from harness.run.progress import LineCallback, ProgressDisplay, silent
from harness.run.proof_parts import ALL, ProofPart, parts_of
from harness.run.prove_shard import prove_shard
from harness.run.report import digest_of, inputs
from harness.run.shards import claims_for, shard_report
from harness.stages.environment import BuildPair, running_stage, stack
from harness.stages.matrix import addresses
from harness.stages.model import START, after
from harness.stages.safety import PLAN_ORDER
from harness.verdict import Claim, Judgement, Results, decide

MACHINE_IDS: Final = {Level.SMOKE: 300, Level.STANDARD: 5000, Level.EXHAUSTIVE: 20_000}
"""Machine ids whose derived id Node checks."""


MIGRATED_ROWS: Final = {Level.SMOKE: 5_000, Level.STANDARD: 100_000, Level.EXHAUSTIVE: 100_000}
"""Rows of the table that the migration is judged on."""

AUDITED: Final = (*plan.AUDIT, *plan.EXTENSION_AUDIT, *plan.MIGRATION_AUDIT)


def prove(
    options: ProveOptions,
    on_line: LineCallback,
    progress: ProgressDisplay = silent,
    builds: BuildPair | None = None,
    only: frozenset[str] | None = None,
) -> Report:
    """Runs the whole proof, of the plan's builds or another pair, and returns the report; leaves nothing behind.

    `only` names claims: just the parts that these need are run, and the report has no others. Raises UnavailableError
    when the stack cannot be stood up.
    """
    started = time.monotonic()
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    shard = Shard.parse(options.shard)
    worded = plan.claims_under(options.policy, claims_of(options.level))
    if not shard.is_first:
        return prove_shard(options, worded, shard, on_line, progress)
    parts, policy, pair = parts_of(only), POLICIES[options.policy], builds or BuildPair()
    lines = plan_lines(options.level, options.policy) if parts == ALL else _only(parts)
    claims = claims_for(shard, worded)
    results = Results((*claims, *(claim for claim, _, _ in AUDITED)))
    serve.warm()
    with running_server(options.postgres, session_pooler=options.session_pooler) as server:
        name = f"Postgres {server.version} ({server.kind})"
        on_line(name)
        for line in lines:
            on_line(line)
        with Templates(server) as templates:
            if ProofPart.MIGRATION in parts:
                with progress("migration, its locks and its rollback"):
                    judge_migration(results, server, templates, MIGRATED_ROWS[options.level])
            with asyncio.Runner(loop_factory=serve.loop_factory()) as runner:
                proving = _prove(
                    options.level, options.seed, policy, pair, results, templates, progress, parts, shard
                )
                orders, sent = runner.run(proving)
    judge_audit(results, AUDITED)
    judgements = results.judgements()
    sentences = {claim.id for claim, _, _ in AUDITED}
    told = tuple(
        _replayable(one, options.policy, pair.after)
        for one in judgements
        if one.id not in sentences and (only is None or one.id in only)
    )
    return Report(
        harness=harness_version(),
        verdict=decide(told),
        subject=plan.HEADER,
        command=options.command,
        seed=options.seed,
        level=options.level,
        policy=options.policy,
        server=name,
        started=stamp,
        seconds=time.monotonic() - started,
        judgements=told,
        judged_by=JudgedBy.of("prove", (), told),
        plan=lines,
        remarks=orders.remarks if orders else (),
        sections=Sections(
            orders=orders.orders() if orders else None,
            audit=audited(judgements, AUDITED, plan.RESTING_AUDIT) if parts == ALL else (),
        ),
        inputs=inputs(options.policy),
        rollout=digest_of(options.policy),
        shard=shard_report(shard, sent.share, sent.controls),
    )


def _only(parts: frozenset[ProofPart]) -> tuple[str, ...]:
    """What a run of some parts will do."""
    return tuple(f"only: {part}" for part in ProofPart if part in parts)


def _replayable(judgement: Judgement, policy: str, build: str) -> Judgement:
    """The judgement with what is not the default in its replay lines: policy, and the build where a request is sent."""
    further = "" if policy == ProveOptions().policy else f" --policy={policy}"
    asks = f" --build={build}{further}" if build != BuildPair().after else further
    findings = (
        replace(one, replay=one.replay + (asks if one.replay.startswith("harness replay") else further))
        if one.replay
        else one
        for one in judgement.findings
    )
    return replace(judgement, findings=tuple(findings))


def claims_of(level: Level) -> tuple[Claim, ...]:
    """What must be proven at a level: a rule needs every stage, a roll-back every step, so smoke claims neither."""
    claims: tuple[Claim, ...] = (
        *plan.CLAIMS,
        *plan.MIGRATION_CLAIMS,
        *plan.ORDER_CLAIMS,
        *plan.EXTENSION_CLAIMS,
        plan.AUDIT_CLAIM,
    )
    if level is not Level.SMOKE:
        claims += (plan.RULE_CLAIM, plan.EXPLORATION_CLAIM)
    if level is Level.EXHAUSTIVE:
        claims += (plan.ROLL_BACK_CLAIM,)
    return claims + brought_claims()


def plan_lines(level: Level, policy: str) -> tuple[str, ...]:
    """What a run will do: the stages of the plan's order as a numbered tree, then what the level looks at."""
    lines = [f"The plan's order, {len(PLAN_ORDER) + 1} stages:", f"1. {START}"]
    stage = START
    for number, step in enumerate(PLAN_ORDER, start=2):
        stage = after(stage, step)
        lines += [f"   {step}: {step.describe()}", f"{number}. {stage}"]
    orders = "the plan's own" if level is Level.SMOKE else str(scope_of(level).survey)
    return (
        *lines,
        f"At level {level}:",
        f"   header rule  {size(POLICIES[policy], level)} over the wire; all of the suite against Node",
        f"   migration    {MIGRATED_ROWS[level]:,} rows under writers; locks, files, rollback",
        f"   extension    {MACHINE_IDS[level]:,} machine ids under Node; its storage, its header, its events",
        f"   orders       {orders}",
    )


async def _prove(
    level: Level,
    seed: int,
    policy: Policy,
    builds: BuildPair,
    results: Results,
    templates: Templates,
    progress: ProgressDisplay,
    parts: frozenset[ProofPart],
    shard: Shard,
) -> tuple[OrdersEvidence | None, SentCounts]:
    samples = sampled_sequences(policy, SAMPLES[level], seed)
    orders = None
    async with stack(templates, policy.name, builds) as shared:
        under_node = asyncio.create_task(
            asyncio.to_thread(_judge_under_node, level, seed, results, policy, samples, parts)
        )
        sent = SentCounts(Share((), WHOLE))
        if ProofPart.HEADERS in parts:
            sent = await prove_headers(results, shared, level, samples, progress, shard)
        if ProofPart.PERSONS in parts:
            async with running_stage(shared, ARRIVED) as environment:
                origin = addresses()
                await judge_linkability(results, environment, origin, seed=seed)
                await judge_persons(results, environment, origin)
        if ProofPart.ORDERS in parts:
            orders = await prove_orders(results, shared, level=level, seed=seed, progress=progress)
        if ProofPart.AUDIT in parts:
            await audit_sentences(results, shared)
        with progress("the rule and the extension's code under Node"):
            await under_node
    return orders, sent


def _judge_under_node(
    level: Level,
    seed: int,
    results: Results,
    policy: Policy,
    samples: tuple[CaseSequence, ...],
    parts: frozenset[ProofPart],
) -> None:
    """Node works while the servers start and stop: its claims are its own, so the results is not fought over."""
    if ProofPart.RULE in parts:
        prove_rule(results, policy, samples=samples)
    if ProofPart.EXTENSION in parts:
        judge_extension(results, machine_ids=MACHINE_IDS[level], seed=seed)
