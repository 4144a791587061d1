"""What a fuzzer or a replay sends to: somebody's backend, or the reference in any build, which is started here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from harness.backend import serve
from harness.backend.rollout_builds import rollout_build
from harness.backend.serve import HOST
from harness.database.declared import DeclaredStore
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.probing.probe_factory import Caller
from harness.rollout import load_rollout
from harness.run.options.fuzz import FuzzedOptions
from harness.stages.environment import BuildPair, running_stage, stack
from harness.stages.steps import Version
from harness.sut.reference import Endpoint

FIRST_ROW_S: Final = 60.0
"""So long the first row of a backend may take, unless a bound was given."""


@dataclass(frozen=True, slots=True)
class FuzzedBackend:
    """A backend that answers, and the database where its rows appear."""

    endpoint: Endpoint
    dsn: str
    caller: Caller
    store: DeclaredStore
    """Where the rows are there."""
    wait_s: float
    words: str


@asynccontextmanager
async def subject(options: FuzzedOptions) -> AsyncIterator[FuzzedBackend]:
    """The reference in the build that was asked for, started for it and ended after it.

    Raises UsageError for an unknown build, UnavailableError when no database can be had.
    """
    under = options.under_test
    rollout = load_rollout() if under.is_plans else under.rollout
    rollout_build(rollout, options.build)
    serve.warm()
    version = Version.BEFORE if options.build == "before" else Version.AFTER
    with running_server(options.postgres) as server, Templates(server, rollout=rollout) as templates:
        builds = (
            BuildPair(after=options.build) if version is Version.AFTER else BuildPair(before=options.build)
        )
        async with (
            stack(templates, under.policy.name, builds) as shared,
            running_stage(shared, shared.model.arrived_with(version)) as environment,
        ):
            process = environment.replicas[0].process
            yield FuzzedBackend(
                Endpoint(
                    (HOST, process.port),
                    str(version),
                    f"build {options.build}",
                    environment.lost,
                    options.given,
                ),
                environment.dsn,
                await shared.caller(environment.dsn),
                shared.store,
                min(options.wait_s or 1.0, 1.0),
                f"reference build {options.build} on Postgres {server.version} ({server.kind})",
            )
