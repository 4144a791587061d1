"""What came of stages, steps and test paths that ran for real. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.backend.losses import Loss
from harness.stages.model import StageConfig
from harness.stages.paths import ConfigTransition, StagePath
from harness.stages.steps import Step
from harness.sut.observation import Observation


class StepRefused(Exception):
    """The server refused a step of the rollout; what was done before stays."""

    def __init__(self, step: Step, sqlstate: str, message: str) -> None:
        super().__init__(f"cannot {step}: {sqlstate} {message}")
        self.step = step
        self.sqlstate = sqlstate
        self.message = message


@dataclass(frozen=True, slots=True)
class TransitionRun:
    """A step taken while requests were in flight, and what became of them."""

    transition: ConfigTransition
    held: tuple[Observation, ...]
    """Requests that were open when the step began, and ended after it (a replaced replica's: within it)."""
    traffic: tuple[Observation, ...]
    """Requests sent while a replica was replaced; none for other steps."""
    refusal: StepRefused | None


@dataclass(frozen=True, slots=True)
class StageRun:
    """A stage that ran, and every request that it was probed with."""

    config: StageConfig
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """New rows of both tables, whoever caused them."""

    usage: int
    metadata: int


@dataclass(frozen=True, slots=True)
class PathRun:
    """What was observed on one path, every row read again after the replicas had ended."""

    path: StagePath
    stages: tuple[StageRun, ...]
    transitions: tuple[TransitionRun, ...]
    growth: Growth
    losses: Mapping[str, Loss]
    """What the replicas reported of rows that they gave up, by upstream id; not every loss is reported."""
    refusal: StepRefused | None
    """Why it ended early: the step that the server refused, or one that the first stage is made with."""

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Every request of the path, in the order of `all_observations`."""
        return all_observations(self.stages, self.transitions)


def all_observations(
    stages: Sequence[StageRun], transitions: Sequence[TransitionRun]
) -> tuple[Observation, ...]:
    """Those of the stages, then what was in flight during the steps, in the order in which they were taken."""
    probed = [observation for stage in stages for observation in stage.observations]
    in_flight = [observation for taken in transitions for observation in (*taken.held, *taken.traffic)]
    return (*probed, *in_flight)
