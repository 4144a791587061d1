"""Stages of the rollout that run for real, and the orders that lead through them."""

from collections.abc import AsyncIterator

import pytest

from harness.database.schema_state import SchemaState
from harness.database.templates import Templates
from harness.stages.environment import Environment, running_stage
from harness.stages.model import Stage, Version
from harness.stages.orders import FORWARD, ONE_ROLL_BACK, Order, enumerate_orders
from harness.stages.stack import Stack, stack

RELEASED = Stage(SchemaState.READY, (Version.AFTER, Version.AFTER), True)
Orders = tuple[Order, ...]


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
    return tuple(enumerate_orders(FORWARD))


@pytest.fixture(scope="session")
def rolled_back() -> Orders:
    """Every order with one roll-back."""
    return tuple(enumerate_orders(ONE_ROLL_BACK))
