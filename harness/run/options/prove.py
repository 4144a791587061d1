"""What `harness prove` may be asked for."""

from dataclasses import dataclass

from harness.rule.level import Level
from harness.run.options.shared import (
    ChecksOption,
    ExtraStatesOption,
    LevelOption,
    PolicyOption,
    PostgresOption,
    RolloutOption,
    SeedOption,
    SessionPoolerOption,
    ShardOption,
)


@dataclass(frozen=True, slots=True)
class ProveOptions:
    """What the user asked for."""

    level: LevelOption = Level.STANDARD
    policy: PolicyOption = "strict"
    postgres: PostgresOption = "embedded"
    session_pooler: SessionPoolerOption = False
    seed: SeedOption = 0
    shard: ShardOption = ""
    extra_states: ExtraStatesOption = 0
    checks: ChecksOption = ()
    rollout: RolloutOption = None
    command: str = "harness prove"
