"""The reference stack for a test: an upstream, and replicas of any build on the test's own database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from harness.backend.serve import Process, ReplicaConfig, replica, upstream

SECRET = "a key of more than thirty-two bytes, for tests only"

StartReplica = Callable[..., Awaitable[Process]]


@pytest.fixture
async def stub() -> AsyncIterator[Process]:
    """A running upstream stub."""
    async with upstream() as process:
        yield process


@pytest.fixture
async def start(stub: Process) -> AsyncIterator[StartReplica]:
    """Starts a replica: `await start(dsn, build="after", policy="strict")`; all are drained after the test."""
    async with AsyncExitStack() as stack:

        async def start_one(dsn: str, build: str = "after", policy: str = "strict") -> Process:
            config = ReplicaConfig(build, policy, dsn, stub.origin, SECRET)
            return await stack.enter_async_context(replica(config))

        yield start_one
