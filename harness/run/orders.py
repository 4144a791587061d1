"""The orders of the rollout on real servers: every stage stood up, every step taken in traffic, the rule derived."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Final

from harness import plan
from harness.checks.compatibility import (
    PREPARED,
    judge_old_clients,
    judge_prepared,
    judge_replies,
    judge_totals,
)
from harness.checks.exploration import failing_program, judge_exploration
from harness.checks.exploration import told as told_of
from harness.checks.harm import is_promised, survey_ground
from harness.checks.order import (
    judge_in_flight,
    judge_plan_orders,
    judge_roll_backs,
    judge_rule,
    judge_swaps,
    planned_orders,
)
from harness.checks.order_evidence import OrdersEvidence, derive, gather
from harness.checks.requests import judge_rows
from harness.database.templates import Templates
from harness.probing.judge import Kind
from harness.rule.policy import POLICIES
from harness.rule.suite import Level
from harness.run.explore import write_program
from harness.run.progress import Busy, silent
from harness.stages.defects import PlanDefect
from harness.stages.itinerary import Walk, crossings_of, itinerary, single_walk
from harness.stages.journey import Journey, travel
from harness.stages.machine import Extent, Logbook, explore
from harness.stages.model import START, StandUp, Step, stand_ups
from harness.stages.orders import FORWARD, ONE_ROLL_BACK, Order, Survey, survey, walk
from harness.stages.prepared import survivals, warnings
from harness.stages.rule import PLAN_ORDER
from harness.stages.schema import StepRefused
from harness.stages.stage import Stack, stack
from harness.sut import Observation
from harness.verdict import Results

EXTENTS: Final = {Level.STANDARD: Extent(6, 16), Level.EXHAUSTIVE: Extent(40, 25)}
"""How much is explored at random; the lowest level explores nothing."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a level looks at."""

    planned: tuple[Order, ...]
    """The orders that must do no harm."""
    forward: tuple[Order, ...]
    """The orders that the rule is derived from; none where too little is looked at."""
    around: Survey
    """Where the walks may lead; with steps taken back where the level has them."""
    walks: tuple[Walk, ...]
    thin: bool
    every_half_way: bool


def route(level: Level, order: tuple[Step, ...] = PLAN_ORDER) -> Route:
    """One order, thinly; or all forward orders; or these, and one step taken back at any time.

    `order` is the one that is looked at where there is time for one only.
    """
    forward = survey(FORWARD)
    if level is Level.SMOKE:
        one = single_walk(StandUp(START, None), order)
        return Route((walk(order),), (), forward, (one,), thin=True, every_half_way=False)
    every = level is Level.EXHAUSTIVE
    around = survey(ONE_ROLL_BACK) if every else forward
    crossings = crossings_of(around.transitions, every_half_way=every)
    walks = itinerary(crossings, stand_ups(around.stages))
    return Route(
        planned_orders(forward.orders), forward.orders, around, walks, thin=False, every_half_way=True
    )


async def prove_orders(
    results: Results,
    shared: Stack,
    *,
    level: Level,
    seed: int,
    order: tuple[Step, ...] = PLAN_ORDER,
    busy: Busy = silent,
    finds: Path | None = None,
) -> OrdersEvidence:
    """Goes the walks of a level and judges every claim that is about stages, steps and orders.

    What the rule forbids is expected to do harm: there, harm is evidence for the rule. All other claims are judged
    where the rollout is promised to be safe. `order` is what a faulty plan would have at the lowest level,
    `finds` the folder for a file that repeats what exploration found; None: no file.
    """
    chosen = route(level, order)
    replay = f"harness prove --level {level} --seed {seed}"
    book = Logbook()
    exploring = asyncio.to_thread(explore, shared, EXTENTS[level], seed, book) if level in EXTENTS else None
    explored = asyncio.create_task(exploring) if exploring else None
    try:
        with busy("orders") as told:
            left = count(len(chosen.walks) - 1, -1)
            journeys = await travel(
                shared,
                chosen.walks,
                thin=chosen.thin,
                done=lambda one: told(
                    f"orders: {len(one.walk.legs)} steps of a walk taken, {next(left)} walks to go"
                ),
            )
            if explored is not None:
                told("orders: what goes wrong meanwhile")
                await explored
                judge_exploration(results, book, _replay_of(book, shared, finds) or replay)
    except BaseException:
        book.stop()
        raise
    ground = survey_ground(journeys, every_half_way=chosen.every_half_way)
    judge_plan_orders(results, ground, chosen.planned, replay)
    judge_in_flight(results, journeys, POLICIES[shared.policy], replay)
    judge_swaps(results, journeys, replay)
    if chosen.forward:
        judge_rule(results, ground, chosen.forward, replay)
    if level is Level.EXHAUSTIVE:
        judge_roll_backs(results, ground, chosen.around, replay)
    _judge_requests(results, journeys, shared.policy)
    derived = derive(chosen.forward, ground) if chosen.forward else None
    seen = gather(chosen.around, ground, journeys, derived, await _prepared(results, shared))
    return replace(seen, exploration=tuple(told_of(book)), failing_program=failing_program(book))


def _replay_of(book: Logbook, shared: Stack, finds: Path | None) -> str:
    """A line that repeats the smallest failure by its file; empty when there is none."""
    if book.smallest is None or finds is None:
        return ""
    return f"harness replay {write_program(book.smallest, shared.cast, shared.policy, finds)}"


async def _prepared(results: Results, shared: Stack) -> tuple[str, ...]:
    """Judges C3; returns the warnings about what fails beside it."""
    try:
        found = await survivals(shared)
    except StepRefused as refusal:
        results.inconclusive(PREPARED, str(refusal))
        return ()
    judge_prepared(results, found)
    return warnings(found)


def _judge_requests(results: Results, journeys: Sequence[Journey], policy: str) -> None:
    """The claims about requests and rows, where the rollout is promised to be safe; rows are counted everywhere."""
    probed: list[Observation] = []
    flying: list[Observation] = []
    for journey in journeys:
        visits = [visit for visit in journey.visits if is_promised(visit.stand_up.stage)]
        passages = [one for one in journey.passages if is_promised(one.crossing.transition)]
        mine = [seen for visit in visits for seen in visit.observations]
        held = [seen for one in passages for seen in one.held]
        promised = {id(seen) for seen in (*mine, *held, *(seen for one in passages for seen in one.traffic))}
        expected = sum(
            int(seen.reply.upstream_id is not None) if id(seen) in promised else len(seen.rows)
            for seen in journey.observations
        )
        judge_totals(results, expected, (0, 0), (journey.growth.usage, journey.growth.metadata))
        probed += mine
        flying += held  # the traffic of swaps is O4's: how much there is depends on time
    judge_replies(results, probed)
    judge_old_clients(results, probed)
    judge_rows(results, probed, POLICIES[policy])
    judge_rows(results, flying, POLICIES[policy], (Kind.PAIRS, Kind.USER))


ELSEWHERE: Final = ("V6", "V7", "M1")
"""Claims that other parts of the proof judge."""

PLAN_CLAIMS: Final = tuple(claim for claim in (*plan.CLAIMS, *plan.ORDER_CLAIMS) if claim.id not in ELSEWHERE)
"""What one order at the lowest level is enough to judge."""


async def try_plan(templates: Templates, plan_: PlanDefect, policy: str = "strict") -> Results:
    """Goes a plan's own order with its builds and its schema; what is judged on it is on the results returned."""
    results = Results(PLAN_CLAIMS)
    async with stack(templates, policy, plan_.cast, plan_.schema) as shared:
        await prove_orders(results, shared, level=Level.SMOKE, seed=0, order=plan_.order)
    return results
