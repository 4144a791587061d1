"""The orders of the rollout on real servers: every stage run, every step taken in traffic, the rule derived."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from harness import plan
from harness.checks.compatibility import PREPARED, TableTotals, judge_old_clients
from harness.checks.exploration import Explored, exploration_lines, failing_program
from harness.checks.first_breaks import breaks_table, first_breaks
from harness.checks.order import (
    DerivedRule,
    HeldRequests,
    PlannedOrders,
    RolledBack,
    SwapTraffic,
    planned_orders,
)
from harness.checks.order_evidence import OrdersEvidence
from harness.checks.registry import run_checks
from harness.checks.row_checks import judge_rows
from harness.checks.violations import SafetyEvidence, find_violations
from harness.database.relations import totalled
from harness.probing.judge import Aspect
from harness.report.contents import Table
from harness.rollout import Rollout
from harness.rule.policy import Policy
from harness.rule.suite import Level
from harness.run.headers import judge_headers
from harness.run.progress import ProgressDisplay, silent
from harness.stages.analysis import analyse
from harness.stages.environment import BuildPair, Stack
from harness.stages.exploration_stats import ExplorationStats
from harness.stages.machine import Budget, explore
from harness.stages.model import StageConfig, StageModel, stage_configs
from harness.stages.of_rollout import plan_order_of, steps_in_order
from harness.stages.orders import ONE_ROLL_BACK, OrderGraph, Survey, by_place, by_rank, order_of
from harness.stages.path_run import run_paths
from harness.stages.paths import StagePath, config_transitions, plan_paths, single_path
from harness.stages.prepared import prepared_results, warnings
from harness.stages.runs import PathRun, StepRefused
from harness.stages.safety import is_promised
from harness.stages.symmetry import Sharing
from harness.sut.observation import Observation
from harness.verdict import Results

BUDGETS: Final = {Level.STANDARD: Budget(6, 16), Level.EXHAUSTIVE: Budget(40, 25)}
"""How much is explored at random; the lowest level explores nothing."""

ELSEWHERE: Final = ("V6", "V7", "M1")
"""Claims that other parts of the proof judge."""

PLAN_CLAIMS: Final = tuple(claim for claim in (*plan.CLAIMS, *plan.ORDER_CLAIMS) if claim.id not in ELSEWHERE)
"""What one order at the lowest level is enough to judge."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a level looks at."""

    level: Level
    planned: Survey
    """The orders that must be safe."""
    forward: OrderGraph | None
    """The orders that the rule is derived from; none where too little runs."""
    survey: Survey
    """What the level's orders pass; with steps taken back where the level has them."""
    paths: tuple[StagePath, ...]
    thin: bool
    every_phase: bool
    sharing: Sharing


def scope_of(level: Level, rollout: Rollout, model: StageModel, order: Sequence[str] = ()) -> Scope:
    """One order, thinly; or all forward orders; or these, and one step taken back at any time.

    `order` names the file's steps in the order that runs where there is time for one only; by default the plan's.
    """
    plan_order, forward = plan_order_of(rollout, model), OrderGraph(model)
    if level is Level.SMOKE:
        steps = steps_in_order(rollout, model, order) if order else plan_order.steps
        path = single_path(StageConfig(model.start, None), steps)
        alone = order_of(steps, model.start)
        passed = Survey(1, by_rank(alone.stages), by_place(alone.transitions, model))
        sharing = Sharing(model, counted=False)
        return Scope(level, passed, None, forward.survey(), (path,), True, False, sharing)
    exhaustive = level is Level.EXHAUSTIVE
    passed = OrderGraph(model, ONE_ROLL_BACK).survey() if exhaustive else forward.survey()
    sharing = Sharing(model, counted=exhaustive)
    run = sharing.representatives(passed) if sharing.applies else passed
    transitions = config_transitions(run.transitions, every_phase=exhaustive)
    paths = plan_paths(transitions, stage_configs(run.stages))
    planned = planned_orders(forward, plan_order)
    return Scope(level, planned, forward, passed, paths, False, True, sharing)


async def prove_orders(
    results: Results,
    shared: Stack,
    scope: Scope,
    *,
    seed: int,
    progress: ProgressDisplay = silent,
) -> OrdersEvidence:
    """Runs the paths of a scope and judges every claim that is about stages, steps and orders.

    What the rule forbids is expected to be unsafe: there, a violation is evidence for the rule. All other claims are
    judged where the rollout is promised to be safe.
    """
    level = scope.level
    replay = f"harness prove --level {level} --seed {seed}"
    stats = ExplorationStats()
    exploring = asyncio.to_thread(explore, shared, BUDGETS[level], seed, stats) if level in BUDGETS else None
    exploration = asyncio.create_task(exploring) if exploring else None
    try:
        with progress("orders") as on_progress:
            left = count(len(scope.paths) - 1, -1)
            path_runs = await run_paths(
                shared,
                scope.paths,
                thin=scope.thin,
                probed=scope.sharing.probed,
                on_path=lambda path_run: on_progress(
                    f"{len(path_run.path.steps)} steps of a path taken, {next(left)} of {len(scope.paths)} paths left"
                ),
            )
            if exploration is not None:
                on_progress("random exploration")
                await exploration
                run_checks(results, [Explored(stats, replay_line(stats, shared) or replay)])
    except BaseException:
        stats.stop()
        raise
    evidence = find_violations(path_runs, every_phase=scope.every_phase)
    if scope.sharing.applies:
        evidence = evidence.spread(scope.survey, scope.sharing)
    stated = plan_order_of(shared.templates.rollout, shared.model)
    safety = analyse(scope.forward, evidence.unsafe, stated)
    run_checks(results, [PlannedOrders(evidence, scope.planned, replay)])
    run_checks(results, [HeldRequests(path_runs, shared.rule, replay)])
    run_checks(results, [SwapTraffic(path_runs, replay)])
    if scope.forward is not None:
        run_checks(results, [DerivedRule(evidence, scope.forward, safety, replay, scope.sharing)])
    if level is Level.EXHAUSTIVE:
        run_checks(results, [RolledBack(evidence, scope.survey, replay)])
    _judge_requests(results, path_runs, shared.rule, totalled(shared.rollout))
    return OrdersEvidence(
        shared.model,
        scope.survey,
        evidence,
        path_runs,
        safety,
        breaks=_breaks(scope, evidence),
        warnings=await _prepared(results, shared),
        assumption=scope.sharing.assumption,
        exploration=tuple(exploration_lines(stats)),
        failing_program=failing_program(stats),
    )


def _breaks(scope: Scope, evidence: SafetyEvidence) -> Table | None:
    """Where the orders that were analysed first break, by what was observed."""
    if scope.forward is None:
        return None
    return breaks_table(first_breaks(scope.forward, evidence.unsafe, evidence), scope.sharing)


def replay_line(stats: ExplorationStats, shared: Stack) -> str:
    """The line that runs the smallest failure again, alone; empty when there is none."""
    if stats.smallest is None:
        return ""
    build = "" if shared.builds == BuildPair() else f" --build {shared.builds.after}"
    return f"harness replay --exploration {stats.smallest.reproduction}{build}"


async def _prepared(results: Results, shared: Stack) -> tuple[str, ...]:
    """Judges C3; returns the warnings about what fails beside it."""
    try:
        prepared = await prepared_results(shared)
    except StepRefused as refusal:
        results.inconclusive(PREPARED, str(refusal))
        return ()
    run_checks(results, prepared)
    return warnings(prepared)


def _judge_requests(
    results: Results, path_runs: Sequence[PathRun], policy: Policy, tables: tuple[str, str]
) -> None:
    """The claims about requests and rows, where the rollout is promised to be safe; rows are counted everywhere."""
    probed: list[Observation] = []
    in_flight: list[Observation] = []
    for path_run in path_runs:
        safe_stages = [each for each in path_run.stages if is_promised(each.config.stage)]
        safe_steps = [each for each in path_run.transitions if is_promised(each.transition.of_stage)]
        of_stages = [observation for each in safe_stages for observation in each.observations]
        held = [observation for each in safe_steps for observation in each.held]
        traffic = [observation for each in safe_steps for observation in each.traffic]
        promised = {id(observation) for observation in (*of_stages, *held, *traffic)}
        # Elsewhere rows may be lost: as many are expected as were found by their ids, so that no other row is new.
        expected = sum(
            int(observation.reply.upstream_id is not None)
            if id(observation) in promised
            else len(observation.rows)
            for observation in path_run.observations
        )
        run_checks(
            results,
            [TableTotals(expected, (0, 0), (path_run.growth.usage, path_run.growth.metadata), tables)],
        )
        probed += of_stages
        in_flight += held  # the traffic of swaps is O4's: how much there is depends on time
    judge_headers(results, probed, policy)
    judge_old_clients(results, probed)
    judge_rows(results, in_flight, policy, (Aspect.PAIRS, Aspect.USER))
