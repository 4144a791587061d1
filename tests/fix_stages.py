"""Stages of the rollout that run for real, and the orders that lead through them."""

from collections.abc import AsyncIterator, Iterable
from functools import cache
from typing import Final

import pytest

from harness.database.templates import Templates
from harness.rollout import load_rollout
from harness.stages.environment import Environment, running_stage
from harness.stages.model import Stage
from harness.stages.of_rollout import plan_model, plan_order_of
from harness.stages.orders import ONE_ROLL_BACK, Bounds, Order, OrderGraph
from harness.stages.precedence import Apart, Constraint, Occurrence
from harness.stages.stack import Stack, stack
from harness.stages.steps import StepAction, StepState, Version

MODEL: Final = plan_model()
"""The plan's: a column, an index on it, two replicas, the extension."""
PLAN: Final = plan_order_of(load_rollout(), MODEL)
START: Final = MODEL.start
STAGES: Final = MODEL.stages
RELEASED: Final = MODEL.arrived
BEFORE, AFTER = Version.BEFORE, Version.AFTER

ADD_COLUMN: Final = MODEL.step(StepAction.DO, "add the column")
START_BUILD: Final = MODEL.step(StepAction.START)
FINISH_BUILD: Final = MODEL.step(StepAction.FINISH)
INTERRUPT_BUILD: Final = MODEL.step(StepAction.INTERRUPT)
DROP_INVALID: Final = MODEL.step(StepAction.RECOVER)
SWAP_1, SWAP_2 = MODEL.step(StepAction.SWAP, 1), MODEL.step(StepAction.SWAP, 2)
REVERT_1, REVERT_2 = MODEL.step(StepAction.REVERT, 1), MODEL.step(StepAction.REVERT, 2)
RELEASE_EXTENSION: Final = MODEL.step(StepAction.RELEASE)
ROLL_BACK_INDEX: Final = MODEL.step(StepAction.TAKE_BACK, "build the index")
ROLL_BACK_COLUMN: Final = MODEL.step(StepAction.TAKE_BACK, "add the column")

BASE: Final = (StepState.NONE, StepState.NONE)
COLUMN: Final = (StepState.DONE, StepState.NONE)
BUILDING: Final = (StepState.DONE, StepState.BUILDING)
INVALID: Final = (StepState.DONE, StepState.INVALID)
READY: Final = (StepState.DONE, StepState.DONE)

Orders = tuple[Order, ...]


def at(
    schema: tuple[StepState, ...],
    replicas: tuple[Version, Version] = (BEFORE, BEFORE),
    released: bool = False,
) -> Stage:
    """A stage of the plan's rollout."""
    return Stage(schema, replicas, released, MODEL)


@cache
def orders_within(bounds: Bounds) -> Orders:
    """Every order of the plan's rollout within bounds, listed; once for all tests of a worker."""
    return tuple(OrderGraph(MODEL, bounds).orders())


def allowed_orders(orders: Iterable[Order], constraints: Iterable[Constraint]) -> Orders:
    """Those of listed orders that keep every constraint: what the graph counts, found by looking at each."""
    every = tuple(constraints)
    return tuple(order for order in orders if _keeps(order, every))


def _keeps(order: Order, constraints: Iterable[Constraint]) -> bool:
    events: dict[Occurrence, int] = {}
    for place, step in enumerate(order.steps):
        events[Occurrence(step, order.steps[: place + 1].count(step))] = place
    return all(
        all(
            stage.building != constraint.build or step != constraint.step for stage, step in order.transitions
        )
        if isinstance(constraint, Apart)
        else constraint.first not in events
        or constraint.then not in events
        or events[constraint.first] < events[constraint.then]
        for constraint in constraints
    )


@pytest.fixture
async def shared(templates: Templates) -> AsyncIterator[Stack]:
    """What all stages of a test share: the upstream, the plan's builds, the templates."""
    async with stack(templates, "strict") as running:
        yield running


@pytest.fixture
async def environment(shared: Stack) -> AsyncIterator[Environment]:
    """The rollout's last stage."""
    async with running_stage(shared, RELEASED) as stage:
        yield stage


@pytest.fixture(scope="session")
def forward() -> Orders:
    """Every order without a roll-back."""
    return orders_within(Bounds())


@pytest.fixture(scope="session")
def rolled_back() -> Orders:
    """Every order with one roll-back."""
    return orders_within(ONE_ROLL_BACK)


@pytest.fixture(scope="session")
def graph() -> OrderGraph:
    """The orders without a roll-back, as they are counted."""
    return OrderGraph(MODEL)
