"""Test paths: sequences of transitions that start every stage and take every step once, with requests in flight. Pure.

A path is one running environment and the steps taken on it one after another. Orders are many and share their stages
and steps. Starting an environment costs more than a step does, so paths are few and long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.rehearsal.build_phase import LEFT_BEHIND_BY, BuildPhase
from harness.stages.model import Stage, StageConfig, Transition, stage_configs
from harness.stages.safety import is_refused
from harness.stages.steps import Step, StepAction, StepState

STEPS_MAX: Final = 24
"""Longest path: paths run side by side, and all wait for the longest."""

WAITS: Final = tuple(LEFT_BEHIND_BY)
DETOUR_MAX: Final = 6
"""A path may be so many steps longer where it goes on to what is left by steps that were taken already."""


def is_connector(stage: Stage, step: Step) -> bool:
    """Whether a step may be repeated to get to what is left: cheap, and the schema keeps no trace of it."""
    if is_refused(stage, step):
        return False
    if step.action is not StepAction.TAKE_BACK:
        return step.action not in (StepAction.SWAP, StepAction.REVERT, StepAction.RELEASE)
    return stage.model.sql[stage.model.number(step)].concurrent


@dataclass(frozen=True, slots=True)
class ConfigTransition:
    """A step as it is taken for real: from one stage configuration to another."""

    start: StageConfig
    step: Step
    end: StageConfig

    @property
    def of_stage(self) -> Transition:
        """The step with the stage it is taken in, whatever the build phase."""
        return (self.start.stage, self.step)


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step of a path."""

    transition: ConfigTransition
    in_flight: bool
    """Whether requests are held open across it; else it only leads to the next one."""
    probed: bool
    """Whether the stage that it leads to is probed."""


@dataclass(frozen=True, slots=True)
class StagePath:
    """What one environment goes through. `number` counts from 1."""

    number: int
    start: StageConfig
    probed: bool
    """Whether the start is probed."""
    steps: tuple[PathStep, ...]


def transitions_from(start: StageConfig) -> tuple[ConfigTransition, ...]:
    """Every legal step: an index build may be held in any of its waits, and leaves behind what that wait leaves."""
    return tuple(
        ConfigTransition(start, step, StageConfig(stage, phase))
        for step, stage in start.stage.moves.items()
        for phase in _phases(start.build_phase, step, stage)
    )


def _phases(here: BuildPhase | None, step: Step, to: Stage) -> Sequence[BuildPhase | None]:
    """The phases that the step may lead to, from the one that there is here."""
    if step.action is StepAction.START:
        return WAITS
    if to.building is not None:
        return (here,)
    if StepState.INVALID not in to.schema:
        return (None,)
    # Of another build that is invalid beside one that has ended, it is not known any more in which wait it was.
    return (LEFT_BEHIND_BY.get(here, here) if here is not None else BuildPhase.INVALID_READY,)


def config_transitions(
    transitions: Iterable[Transition], *, every_phase: bool
) -> tuple[ConfigTransition, ...]:
    """The transitions as they can be taken: schema steps in every build phase, by rank.

    A swap or a release is taken in one build phase, another one each time; with `every_phase` in each.
    """
    chosen: list[ConfigTransition] = []
    for turn, (stage, step) in enumerate(transitions):
        in_phases = [
            transition
            for config in stage_configs([stage])
            for transition in transitions_from(config)
            if transition.step == step
        ]
        all_of_them = every_phase or is_connector(stage, step)
        chosen += in_phases if all_of_them else [in_phases[turn % len(in_phases)]]
    return tuple(chosen)


def plan_paths(
    transitions: Iterable[ConfigTransition], probed: Iterable[StageConfig]
) -> tuple[StagePath, ...]:
    """Paths that take each transition once with requests in flight, and probe each stage configuration once.

    A path begins at what is left earliest in the rollout, goes on greedily, and ends where nothing left is near: that
    is reached by steps that were taken already, or by another path. A step that the server is expected to refuse ends
    its path: what it would lead to is reached otherwise.
    """
    remaining = _Remaining(transitions, probed)
    paths: list[StagePath] = []
    while (start := remaining.first()) is not None:
        is_start_probed = remaining.tick_off(start)
        steps: list[PathStep] = []
        here = start
        refused = False
        while len(steps) < STEPS_MAX and not refused and (segment := _next_segment(here, remaining)):
            for transition in segment:
                refused = is_refused(*transition.of_stage)
                is_probed = not refused and remaining.tick_off(transition.end)
                steps.append(PathStep(transition, remaining.take(transition), is_probed))
                here = transition.end
        paths.append(StagePath(len(paths) + 1, start, is_start_probed, tuple(steps)))
    return tuple(paths)


class _Remaining:
    """What is still to be probed and taken. Dictionaries serve as sets that keep their order."""

    def __init__(self, transitions: Iterable[ConfigTransition], probed: Iterable[StageConfig]) -> None:
        self.transitions = dict.fromkeys(transitions)
        self.probed = dict.fromkeys(probed)

    def first(self) -> StageConfig | None:
        """Where the next path begins: as early in the rollout as there is something to do."""
        starts = [*self.probed, *(transition.start for transition in self.transitions)]
        return min(starts, key=lambda config: config.stage.rank, default=None)

    def tick_off(self, config: StageConfig) -> bool:
        """Ticks a configuration off; false when it was not to be probed, or has been."""
        return self.probed.pop(config, self) is None

    def take(self, transition: ConfigTransition) -> bool:
        """Ticks a transition off; false when it was not to be taken, or has been."""
        return self.transitions.pop(transition, self) is None


def _next_segment(here: StageConfig, remaining: _Remaining) -> tuple[ConfigTransition, ...]:
    """The shortest way to something left to do, by connectors but for its last step; empty when there is none."""
    segments: deque[tuple[ConfigTransition, ...]] = deque([()])
    reached = {here}
    while segments:
        segment = segments.popleft()
        end = segment[-1].end if segment else here
        transitions = sorted(transitions_from(end), key=_preference)
        for transition in transitions:
            connects = is_connector(end.stage, transition.step)
            if transition in remaining.transitions or (connects and transition.end in remaining.probed):
                return (*segment, transition)
        for transition in transitions:
            if is_connector(end.stage, transition.step) and transition.end not in reached:
                reached.add(transition.end)
                segments.append((*segment, transition))
    return ()


def _preference(transition: ConfigTransition) -> tuple[bool, bool, bool, int]:
    """Schema steps before all others, those that can be undone before those that cannot, what is refused at last."""
    stage, step = transition.of_stage
    connects = is_connector(stage, step)
    final = step.action is StepAction.FINISH or (step.action is StepAction.TAKE_BACK and not connects)
    return (is_refused(stage, step), not connects, final, stage.model.places[step])


def single_path(start: StageConfig, steps: Iterable[Step]) -> StagePath:
    """One order as a path that probes every stage; a build is held in the first of its waits."""
    path_steps: list[PathStep] = []
    here = start
    for step in steps:
        transition = next(each for each in transitions_from(here) if each.step == step)
        path_steps.append(PathStep(transition, in_flight=True, probed=True))
        here = transition.end
    return StagePath(1, start, probed=True, steps=tuple(path_steps))
