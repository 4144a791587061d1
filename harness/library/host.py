"""The process that a stage of a user's runs in: started by `stage`, it ends what it started when its input ends.

It has a main module and an event loop of its own, so the user's may be anything: a script without a guard, a running
loop, a thread, an interpreter that is killed.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from msgspec import json

from harness.backend import serve
from harness.backend.defects import find_build
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.errors import UnavailableError, UsageError
from harness.library.stage_messages import StageFailed, StageReady, StageRequest
from harness.rollout import load_rollout
from harness.stages.environment import BuildPair, running_stage, stack
from harness.stages.steps import Version

DONE: Final = {"base": 0, "column": 1, "ready": None}
"""How many of the rollout's SQL steps are done in a state of the schema; None: all."""


async def serve_stage(order: StageRequest) -> None:
    """Runs the stage, says where, and waits until nobody holds the other end. Raises what keeps it from running."""
    for build in (order.before, order.after):
        find_build(build)
    serve.warm()
    async with AsyncExitStack() as running:
        server = running.enter_context(running_server(order.postgres))
        rollout = load_rollout(Path(order.rollout) if order.rollout else None)
        templates = running.enter_context(Templates(server, rollout=rollout))
        shared = await running.enter_async_context(
            stack(templates, order.policy, BuildPair(order.before, order.after))
        )
        replicas = tuple(Version(version) for version in order.replicas)
        done = shared.model.sql[: DONE[order.schema]]
        stage = shared.model.stage(done, replicas, released=True)
        environment = await running.enter_async_context(running_stage(shared, stage))
        caller = await shared.caller(environment.dsn)
        origins = tuple(replica.process.origin for replica in environment.replicas)
        write_line(StageReady(origins, environment.dsn, dict(caller.parameters)))
        await asyncio.to_thread(sys.stdin.buffer.read)


def write_line(message: StageReady | StageFailed) -> None:
    """Writes the one line that is waited for."""
    sys.stdout.buffer.write(json.encode(message) + b"\n")
    sys.stdout.flush()


def main() -> int:
    """Reads what is asked for, and runs it."""
    order = json.decode(sys.stdin.buffer.readline(), type=StageRequest)
    try:
        with asyncio.Runner(loop_factory=serve.loop_factory()) as runner:
            runner.run(serve_stage(order))
    except (UsageError, UnavailableError) as error:
        write_line(StageFailed(str(error), isinstance(error, UsageError)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
