"""What `harness prove` does: the rollout on real servers in every order, and each claim judged on what was seen."""

import asyncio
import gc
import shlex
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from msgspec.structs import replace as with_changes

from harness.backend import serve
from harness.checks.audit import audited, judge_audit
from harness.clients.analytics import sent_events
from harness.clients.id_client import plans_client
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.plan import RESTING_AUDIT
from harness.report.contents import Sections
from harness.report.document import Report
from harness.rollout.digest import rollout_digest
from harness.rule.policy import digest_of
from harness.run.audit import audit_sentences
from harness.run.extension import judge_client, judge_extension
from harness.run.headers import prove_headers, prove_rule
from harness.run.linkability import judge_linkability, linking_calls
from harness.run.migration import judge_migration, judge_steps
from harness.run.options.prove import ProveOptions
from harness.run.orders import prove_orders
from harness.run.persons import judge_persons, person_calls
from harness.run.progress import LineCallback, ProgressDisplay, silent
from harness.run.proof import Proof, ProofPlan, proof_plan
from harness.run.proof_claims import AUDITED
from harness.run.proof_parts import ALL, ProofPart
from harness.run.report import Begun, inputs, inputs_of, run_report
from harness.run.rollout_claims import remarks as rollout_remarks
from harness.run.shards import marked
from harness.stages.environment import BuildPair, Stack, running_stage, stack
from harness.stages.matrix import addresses
from harness.verdict import Finding, Judgement, Results


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
    begun = Begun.now()
    planned = proof_plan(options, builds or BuildPair(), only)
    audits = AUDITED if planned.is_plans else ()
    results = Results((*planned.claims, *(claim for claim, _, _ in audits)))
    lines = planned.describe()
    serve.warm()
    gc.freeze()  # what is imported stays: the collector had spent half of its time on walking it again
    gc.set_threshold(*serve.GC_THRESHOLDS)
    with running_server(options.postgres, session_pooler=options.session_pooler) as server:
        name = f"Postgres {server.version} ({server.kind})"
        for line in (name, *lines):
            on_line(line)
        with Templates(server, rollout=planned.rollout) as templates:
            proof = Proof(planned, server, templates, progress, results)
            _run_parts(proof)
    if planned.shard.is_first:
        judge_audit(results, audits)
    sentences = {claim.id for claim, _, _ in audits}
    judgements = tuple(
        _replayable(judgement, planned)
        for judgement in results.judgements()
        if judgement.id not in sentences and (only is None or judgement.id in only)
    )
    report = with_changes(
        run_report(
            "prove",
            begun,
            judgements,
            command=options.command,
            server=name,
            policy=planned.policy.name,
            scope=planned.left_out,
            seed=planned.seed,
            level=planned.level,
            extra_states=planned.extra_states,
        ),
        subject=planned.rollout.header.name,
        inputs=inputs(planned.policy.name) if planned.is_plans else inputs_of(planned.rollout),
        rollout=digest_of(planned.policy.name) if planned.is_plans else rollout_digest(planned.rollout),
        plan=lines if planned.shard.is_first else (),
        remarks=(*_remarks(planned), *(proof.orders.remarks if proof.orders else ())),
        sections=Sections(
            orders=proof.orders.orders() if proof.orders else None,
            breaks=proof.orders.breaks if proof.orders else None,
            behaviour=proof.sent.behaviour,
            audit=audited(results.judgements(), audits, RESTING_AUDIT) if planned.parts == ALL else (),
        ),
    )
    return marked(report, planned.shard, proof.sent.share, proof.sent.controls)


def _run_parts(proof: Proof) -> None:
    """Runs the parts that the plan names; Node works while the servers start and stop: its claims are its own."""
    if ProofPart.MIGRATION in proof.plan.parts:
        with proof.progress("migration, its locks and its rollback"):
            judge = judge_migration if proof.plan.is_plans else judge_steps
            judge(proof.results, proof.server, proof.templates, proof.plan.migrated_rows)
    if proof.plan.parts == {ProofPart.MIGRATION}:
        return
    with asyncio.Runner(loop_factory=serve.loop_factory()) as runner:
        runner.run(_run_beside_node(proof))


async def _run_beside_node(proof: Proof) -> None:
    async with stack(proof.templates, proof.plan.policy.name, proof.plan.builds) as shared:
        if proof.plan.parts & {ProofPart.HEADERS, ProofPart.RULE}:
            _ = proof.plan.samples  # drawn here, once, before two threads want them
        under_node = asyncio.create_task(asyncio.to_thread(_run_under_node, proof))
        for part, run in _ON_STAGES.items():
            if part in proof.plan.parts:
                await run(proof, shared)
        with proof.progress("the rule and the extension's code under Node"):
            await under_node


def _run_under_node(proof: Proof) -> None:
    if ProofPart.RULE in proof.plan.parts:
        prove_rule(proof.results, proof.plan.policy, samples=proof.plan.samples, level=proof.plan.level)
    if ProofPart.EXTENSION in proof.plan.parts and not proof.plan.is_plans:
        judge_client(proof.results, proof.plan.rollout, devices=proof.plan.devices, seed=proof.plan.seed)
    elif ProofPart.EXTENSION in proof.plan.parts:
        judge_extension(proof.results, devices=proof.plan.devices, seed=proof.plan.seed)


async def _headers(proof: Proof, shared: Stack) -> None:
    plan = proof.plan
    proof.sent = await prove_headers(
        proof.results, shared, plan.level, plan.samples, proof.progress, plan.shard, plan.extra_states
    )


async def _persons(proof: Proof, shared: Stack) -> None:
    async with running_stage(shared, shared.model.arrived) as environment:
        origin, client, seed = addresses(), plans_client(), proof.plan.seed
        calls = [*linking_calls(client, seed), *person_calls(client)]  # the package takes long to start: once
        async with sent_events(client, calls) as events:
            await judge_linkability(proof.results, environment, origin, seed=seed, events=events)
            await judge_persons(proof.results, environment, origin, events)


async def _orders(proof: Proof, shared: Stack) -> None:
    proof.orders = await prove_orders(
        proof.results, shared, proof.plan.scope, seed=proof.plan.seed, progress=proof.progress
    )


async def _sentences(proof: Proof, shared: Stack) -> None:
    await audit_sentences(proof.results, shared)


_ON_STAGES: Final[Mapping[ProofPart, Callable[[Proof, Stack], Awaitable[None]]]] = {
    ProofPart.HEADERS: _headers,
    ProofPart.PERSONS: _persons,
    ProofPart.ORDERS: _orders,
    ProofPart.AUDIT: _sentences,
}
"""The parts that need running stages, in the order in which they run."""


def _remarks(planned: ProofPlan) -> Iterator[str]:
    """What the proof of a rollout leaves out, in a line each."""
    return iter(()) if planned.is_plans else rollout_remarks(planned.rollout)


def _replayable(judgement: Judgement, planned: ProofPlan) -> Judgement:
    """The judgement with what is not the default in its replay lines: policy, and the build where a request is sent.

    A single request is replayed of the plan's rollout alone: of another the proof is run again, but an exploration.
    """
    if not planned.is_plans:
        of = f" --rollout {shlex.quote(str(planned.rollout.folders[0]))}"
        again = f"harness prove{of} --level {planned.level} --seed {planned.seed}"
        if planned.extra_states:  # the whole suite may be too large for one run
            again += f" --extra-states {planned.extra_states} --shard {planned.shard}"
        found = tuple(
            replace(finding, replay=finding.replay + of if _is_exploration(finding) else again)
            for finding in judgement.findings
        )
        return replace(judgement, findings=found)
    build, policy = planned.builds.after, planned.policy.name
    further = "" if policy == ProveOptions().policy else f" --policy={policy}"
    sends = f" --build={build}{further}" if build != BuildPair().after else further
    findings = (
        replace(
            finding,
            replay=finding.replay + (sends if finding.replay.startswith("harness replay") else further),
        )
        if finding.replay
        else finding
        for finding in judgement.findings
    )
    return replace(judgement, findings=tuple(findings))


def _is_exploration(finding: Finding) -> bool:
    return finding.replay.startswith("harness replay --exploration")
