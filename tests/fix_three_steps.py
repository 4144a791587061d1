"""The plan's rollout with three steps more: its model, and stages of it that run for real."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from harness.database.server import Server
from harness.database.templates import Templates
from harness.rollout import load_rollout
from harness.stages.of_rollout import model_of
from harness.stages.stack import Stack, stack

ROLLOUT: Final = load_rollout(Path(__file__).parent / "rollouts" / "three-steps")
MODEL: Final = model_of(ROLLOUT)


@pytest.fixture(scope="module")
def its_templates(server: Server) -> Iterator[Templates]:
    """Databases of its steps."""
    with Templates(server, rollout=ROLLOUT) as templates:
        yield templates


@pytest.fixture
async def its_stack(its_templates: Templates) -> AsyncIterator[Stack]:
    """What its stages share."""
    async with stack(its_templates, "strict") as shared:
        yield shared
