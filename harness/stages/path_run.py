"""Runs test paths for real: starts the first stage, probes stages, takes steps with requests in flight.

What is observed is returned with its stage or its transition; whether it is safe is judged elsewhere.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from harness.probing.probe_factory import Caller
from harness.stages.environment import Environment, Stack, running_stage
from harness.stages.matrix import addresses, matrix
from harness.stages.paths import StagePath
from harness.stages.runs import Growth, PathRun, StageRun, StepRefused, TransitionRun, all_observations
from harness.stages.transitions import Probed, every_replica, run_transition
from harness.sut.observation import Observation

TRAFFIC_BLOCK: Final = 0x800
"""Addresses of the traffic begin here, those of the paths' own requests below."""
AT_ONCE: Final = 3
"""Paths that run side by side: starting an environment is mostly waiting."""


async def run_paths(
    stack: Stack,
    paths: Sequence[StagePath],
    *,
    thin: bool = False,
    probed: Probed = every_replica,
    on_path: Callable[[PathRun], None] = lambda _: None,
) -> tuple[PathRun, ...]:
    """Runs all paths, the longest first, `AT_ONCE` at a time; `on_path` is called as each ends. In their order."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def run(path: StagePath) -> PathRun:
        async with slots:
            path_run = await run_path(stack, path, thin=thin, probed=probed)
            on_path(path_run)
            return path_run

    longest_first = sorted(paths, key=lambda path: -len(path.steps))
    tasks = [asyncio.create_task(run(path)) for path in longest_first]
    try:
        path_runs = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return tuple(sorted(path_runs, key=lambda path_run: path_run.path.number))


async def run_path(
    stack: Stack, path: StagePath, *, thin: bool = False, probed: Probed = every_replica
) -> PathRun:
    """Runs one path to its end, or to the first step that the server refuses."""
    recording = _Recording(addresses(path.number), addresses(TRAFFIC_BLOCK + path.number), thin, probed)
    try:
        async with running_stage(stack, path.start.stage, path.start.build_phase) as environment:
            before = await environment.totals()
            caller = await stack.caller(environment.dsn)
            refusal = await recording.follow(environment, path, caller)
            final = await environment.final_rows(recording.observations)
            after = await environment.totals()
    except StepRefused as error:  # by the first stage, before anything ran
        return PathRun(path, (), (), Growth(0, 0), {}, error)
    growth = Growth(after[0] - before[0], after[1] - before[1])
    stages, transitions = recording.with_rows_of(final)
    return PathRun(path, stages, transitions, growth, environment.losses, refusal)


class _Recording:
    """What was observed so far, in the order in which it was observed."""

    def __init__(
        self, origin: Iterator[str], traffic_origin: Iterator[str], thin: bool, probed: Probed
    ) -> None:
        self._origin = origin
        self._traffic_origin = traffic_origin
        self._thin = thin
        self._probed = probed
        self._stages: list[StageRun] = []
        self._transitions: list[TransitionRun] = []
        self._values: dict[str, str | None] = {}

    @property
    def observations(self) -> tuple[Observation, ...]:
        return all_observations(self._stages, self._transitions)

    async def follow(self, environment: Environment, path: StagePath, caller: Caller) -> StepRefused | None:
        if path.probed:
            await self._probe(environment, caller)
        for path_step in path.steps:
            transition = path_step.transition
            if transition.start.stage.model.drops_values(transition.step):
                await self._keep_values(environment)
            if path_step.in_flight:
                taken = await run_transition(
                    environment, transition, caller, self._origin, self._traffic_origin, self._probed
                )
                self._transitions.append(taken)
                if taken.refusal is not None:
                    return taken.refusal
            else:
                try:
                    await environment.apply(transition)
                except StepRefused as refusal:
                    return refusal
            if path_step.probed:
                await self._probe(environment, caller)
        return None

    async def _keep_values(self, environment: Environment) -> None:
        """Reads all values while their column is there: DROP COLUMN takes them with it."""
        for observation in await environment.reread(self.observations):
            for row in observation.rows:
                if row.usage_id is not None:
                    self._values.setdefault(row.usage_id, row.value)  # an earlier column may have had it

    async def _probe(self, environment: Environment, caller: Caller) -> None:
        released = environment.stage.extension_released
        chosen = self._probed(environment.stage.replicas)
        probes = [
            matrix(caller, self._origin, released=released, thin=self._thin) if number in chosen else []
            for number in range(len(environment.replicas))
        ]
        observations = await environment.observe(probes)
        self._stages.append(StageRun(environment.config, tuple(observations)))

    def with_rows_of(
        self, final: Sequence[Observation]
    ) -> tuple[tuple[StageRun, ...], tuple[TransitionRun, ...]]:
        """The same runs, with their observations replaced by these, which come in the order of `observations`."""
        left = map(self._with_values, final)
        stages = tuple(
            replace(stage, observations=tuple(islice(left, len(stage.observations))))
            for stage in self._stages
        )
        transitions = tuple(
            replace(
                taken,
                held=tuple(islice(left, len(taken.held))),
                traffic=tuple(islice(left, len(taken.traffic))),
            )
            for taken in self._transitions
        )
        return stages, transitions

    def _with_values(self, observation: Observation) -> Observation:
        """The observation with the values that its rows had while their column was there."""
        if not self._values:
            return observation
        rows = [
            replace(row, value=self._values.get(row.usage_id or "", row.value)) for row in observation.rows
        ]
        return replace(observation, rows=tuple(rows))
