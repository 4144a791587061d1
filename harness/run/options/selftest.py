"""What `harness selftest` may be asked for."""

from dataclasses import dataclass
from typing import Annotated

from harness.run.options.definition import Option
from harness.run.options.shared import PolicyOption, PostgresOption, RolloutOption


@dataclass(frozen=True, slots=True)
class SelftestOptions:
    """What the user asked for."""

    postgres: PostgresOption = "embedded"
    policy: PolicyOption = "strict"
    only: Annotated[
        tuple[str, ...],
        Option(
            "Run the trials only whose name holds this word; may be repeated. Example: --only limit-256",
            metavar="WORD",
        ),
    ] = ()
    """All trials where it is empty."""
    rollout: RolloutOption = None
    command: str = "harness selftest"
