"""What `harness rollout` may be asked for."""

from dataclasses import dataclass

from harness.run.options.shared import RolloutOption


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """Which rollout is shown."""

    rollout: RolloutOption = None
